"""A scenario on a cluster -> events.

Here: the order of things (controls, steps, probe rounds, confirmation), the named time-outs, the
typed events, and running many scenarios at once. Not here: how a cluster does what it is asked
(``clusters``), what outcomes mean (``judge``), how anything is shown (``report``).
"""
