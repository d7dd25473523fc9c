"""Expectation x observation -> outcome. Pure.

Here: what counts as blocked, what evidence each outcome needs, and how cells make a scenario's
and a run's outcome.
Not here: asking again, waiting, or deciding what was expected.
"""
