"""Events -> JSON, JUnit, HTML and the terminal.

Here: consumers of the event stream, each independent of the others.
Not here: anything that a cluster or a probe must be asked for: a report knows what the events
say and nothing else.
"""
