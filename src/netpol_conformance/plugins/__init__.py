"""What an implementation declares: features it lacks, failures that are known.

Here: the declaration's schema, its strict loader, and what of it concerns a scenario.
Not here: finding files, and what a declaration makes of an outcome (``judge``).
"""
