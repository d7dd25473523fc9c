"""The reference enforcer as a process of one node of a real cluster.

Here: following the API (``api``, ``informer``), what its answers mean (``reading``, ``store``),
putting it in force with the controller (``loop``), the node's pod network where nobody else makes
it (``network``, ``wiring``), and telling how it goes (``status``, ``health``, ``logs``).
Not here: what policies mean (``compile``), how they become packets' fates (``ruleset``).

Whatever is late, lost or not understood leaves the node closed rather than open: the rules in the
kernel outlive this process, and addresses of the node's pod networks are dropped until the pod
that has them is known.
"""
