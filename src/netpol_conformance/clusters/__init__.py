"""Clusters that scenarios run on, behind one small Protocol (``base.Cluster``).

Here: the Protocol; ``embedded``, a cluster of network namespaces.
Not here: what to probe and when (``run``), what the answer means (``judge``).
"""
