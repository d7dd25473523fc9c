"""Scenarios on real Kubernetes: any cluster that a kubeconfig leads to.

Here: names and pods as a shared cluster needs them, the API's client, the agents' streams, and
the cluster and driver made of these.
Not here: making a cluster, and hosts outside it, on kind (``clusters.kind``); what to probe and
when (``run``). The package ``kubernetes`` is imported in ``client``, ``websocket`` in ``exec``.
"""
