"""What a scenario's cells must show: scenario x oracle. Pure.

Here: the expected matrix of a step, held to what the author wrote (double entry), and the same
answer for a person who asks why.
Not here: how policies are judged (``oracle``), which cells exist (``scenario``), and what was
really seen (``judge``).
"""
