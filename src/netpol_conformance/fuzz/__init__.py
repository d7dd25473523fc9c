"""Generated cases: clusters, policies and changes, drawn at random and asked in full.

Here: drawing them (hypothesis), asking the oracle and a cluster the same, shrinking what the two
disagree about, and turning it into a scenario.
Not here: deciding anything (``oracle``), the scenario file's form (``scenario.writing``), and the
command line. ``vocabulary``, ``drawing`` and ``shrinking`` import hypothesis, an extra, and
``search`` draws with them.
"""
