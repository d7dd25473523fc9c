"""The command line: ``netpol-conformance run | list | show | lint | explain | ...``.

Belongs here: words to calls, and results to text and exit codes; a module for each command or group
of commands. Does not belong here: any work, and the table of a run's options (``app.options``).
"""
