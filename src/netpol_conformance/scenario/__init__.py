"""Scenario files: their format, strict loader, templating, and corpus lint. Pure.

Here: a YAML file becomes a ``Scenario`` value or an error with file, line, field, reason and
suggestion; ``${...}`` in manifests becomes an address; the corpus is checked as a whole.
Not here: clusters, probes and outcomes. Reading files is the caller's (``loader.load_file`` is
the one exception); lint asks an oracle that it is handed.
"""
