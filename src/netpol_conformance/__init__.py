"""An end-to-end conformance test suite for Kubernetes NetworkPolicy.

Data goes one way through the packages: a scenario file becomes a Scenario (``scenario``), the
matrix that the specification expects (``oracle``), a cluster (``clusters``) answers probes
(``probe``), each cell is judged (``judge``), a run (``run``) is a stream of events and every
report (``report``) reads that stream.
"""

__version__ = "0.1.0"
