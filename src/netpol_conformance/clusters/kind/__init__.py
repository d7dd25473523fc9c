"""The kind cluster: made for a run by kind, with the enforcer or a vendor's plugin installed.

Here: making it and removing it, what is installed in it, and the machines outside it: containers
on kind's network, addresses for Services of type LoadBalancer.
Not here: how scenarios use a Kubernetes cluster (``clusters.kubernetes``); the enforcer's image
and manifests (``enforcer``). ``pytest_kind`` is imported by ``maker`` alone.
"""
