"""What to ask, asking it, and what the answer was: probes, observations, verdicts.

Here: the probe's request and its observation as values, the commands and sockets that carry it
out inside a network namespace (of a pod in the embedded cluster, or of the process itself in the
probe image), the servers that answer with their identity, and the reading of exit codes and
output into verdicts.
Not here: what was expected, and whether the answer is right (``judge``); how a cluster gets a
probe to its pod (``clusters``).
"""
