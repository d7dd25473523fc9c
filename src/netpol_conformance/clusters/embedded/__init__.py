"""A cluster of network namespaces, with nothing but the kernel and no privileges.

Here: the nodes, pods, outside hosts and their servers that the objects of an ``api.server.Api``
stand for, Services in nftables, DNS, and the process that holds it all (``host``). The kernel
removes everything when that process dies, even by SIGKILL.
Not here: policy (``enforcer``), and anything that touches the host's interfaces, firewall or
files.
"""

from netpol_conformance.clusters.embedded.cluster import EmbeddedCluster

__all__ = ["EmbeddedCluster"]
