"""Cases that cross the axes of ``scenario.axes`` pair by pair, written as files to be reviewed.

Here: which places on the axes there is a case for (``choosing``), who and what a rule admits, by
hand (``truth``), and the text of the files (``writing``, ``policies``). What the cases expect is
put together from those tables and from nothing else, so that the oracle's agreement, which lint
demands, means something.
Not here: an oracle, a model of objects, or anything that runs. Nothing at run time needs this:

    python -m netpol_conformance.pairwise scenarios/semantics
"""
