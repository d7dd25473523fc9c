"""Events -> JSON, JUnit, HTML and the terminal.

Here: consumers of the event stream, each independent of the others. ``document`` gathers events
into a Report; ``json_report``, ``junit`` and ``html`` turn that into text, ``files`` writes it;
``terminal`` prints as events come. They share ``marks`` (a cell as a sign), ``matrix`` (a step as
plain text), ``summary`` (a report in a sentence) and ``text`` (foreign text made safe). The page's
own parts are ``views`` (what to write where), ``packing`` (the evidence, compact) and
``templates``.
Not here: anything that a cluster or a probe must be asked for: a report knows what the events
say and nothing else.
"""
