"""What an implementation declares: features it lacks, failures that are known.

Here: the profile file's schema, its strict loader, and what of a profile concerns a scenario.
Not here: finding files, and what a declaration makes of an outcome (``judge``).
"""
