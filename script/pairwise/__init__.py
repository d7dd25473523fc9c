"""Cases that cross the axes of ``scenario.axes`` pair by pair, written as files to be reviewed.

Here: which places on the axes there is a case for (``choosing``), who and what a rule admits, by
hand (``truth``), and what is in the files (``cases``, ``policies``). What the cases expect is
put together from those tables and from nothing else, so that the oracle's agreement, which lint
demands, means something.
Not here: an oracle, a model of objects, the files' form (``scenario.layout``), or anything that
runs. Nothing at run time needs this; from the repository's root:

    python -m script.pairwise scenarios/semantics
"""
