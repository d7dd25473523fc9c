"""What the corpus covers: each rule, API field, pair of axis values, catalogue line and feature.

Here: counting, from the scenarios' own objects where that is possible, and showing the result.
Not here: whether a scenario can fail (the mutation matrix shows that), and anything of a run.
"""
