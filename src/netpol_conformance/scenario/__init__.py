"""Scenario files: their format, strict loader, templating, and corpus lint. Pure.

Here: a YAML file becomes a ``Scenario`` value or an error with file, line, field, reason and
suggestion; ``${...}`` in manifests becomes an address; the state of each step, the cells of its
matrix and the ends of their connections are foreseen; the corpus is checked as a whole.
Not here: clusters, probes and outcomes; what a policy means (lint asks an oracle that it is
handed). Only ``selection.select`` and ``loader.load_file`` read anything from disk.
"""
