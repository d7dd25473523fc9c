"""What drivers build on whose cluster is made for the run: all that they import of this package."""

from __future__ import annotations

from netpol_conformance.clusters.kubernetes.agents.lifecycle import KubernetesLifecycle
from netpol_conformance.clusters.kubernetes.agents.streams import Agents, Channel, CommandChannel
from netpol_conformance.clusters.kubernetes.api.answers import Manifest
from netpol_conformance.clusters.kubernetes.api.client import (
    ENDPOINT_SLICES,
    NAMESPACES,
    NODES,
    PODS,
    Client,
    Resource,
    connect,
)
from netpol_conformance.clusters.kubernetes.cluster import KubernetesCluster, Setup
from netpol_conformance.clusters.kubernetes.driver import images_of
from netpol_conformance.clusters.kubernetes.external import Turn
from netpol_conformance.clusters.kubernetes.objects.nodes import condition, real_node
from netpol_conformance.clusters.kubernetes.objects.objects import Objects
from netpol_conformance.clusters.kubernetes.objects.pods import AGENT
from netpol_conformance.clusters.kubernetes.objects.removal import check_no_stuck, remove_run
from netpol_conformance.clusters.kubernetes.objects.status import reasons_not_ready, says_ready
from netpol_conformance.clusters.kubernetes.objects.waits import (
    logged_wait,
    require,
    until_nothing,
)
from netpol_conformance.clusters.kubernetes.outside import as_asked
from netpol_conformance.clusters.kubernetes.workspace import WorkspacePool

__all__ = [
    "AGENT",
    "ENDPOINT_SLICES",
    "NAMESPACES",
    "NODES",
    "PODS",
    "Agents",
    "Channel",
    "Client",
    "CommandChannel",
    "KubernetesCluster",
    "KubernetesLifecycle",
    "Manifest",
    "Objects",
    "Resource",
    "Setup",
    "Turn",
    "WorkspacePool",
    "as_asked",
    "check_no_stuck",
    "condition",
    "connect",
    "images_of",
    "logged_wait",
    "real_node",
    "reasons_not_ready",
    "remove_run",
    "require",
    "says_ready",
    "until_nothing",
]
