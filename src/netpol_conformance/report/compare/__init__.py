"""Two or more reports -> what differs between them.

Here: ``records`` (a Comparison as a value, and its JSON Schema), ``comparing`` (reports to a
Comparison; pure), ``table`` (it on a terminal) and ``page`` (it as one HTML file).
Not here: reading files, exit codes of the process (``cli.compare``).
"""
