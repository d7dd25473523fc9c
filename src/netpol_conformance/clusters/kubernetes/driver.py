"""``--cluster kubeconfig``: any cluster that the user has, with the plugin that is in it."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Callable

from netpol_conformance.clusters.base import Cluster, Load
from netpol_conformance.clusters.interrupting import Terminable, shield
from netpol_conformance.clusters.kubernetes.api.client import NODES, Client, connect
from netpol_conformance.clusters.kubernetes.cluster import KubernetesCluster, Setup
from netpol_conformance.clusters.kubernetes.external import CommandClient, ExternalCluster
from netpol_conformance.clusters.kubernetes.fitness import check_rights
from netpol_conformance.clusters.kubernetes.objects.nodes import read_nodes
from netpol_conformance.clusters.kubernetes.objects.pods import Images
from netpol_conformance.clusters.kubernetes.objects.removal import check_no_stuck, remove_run
from netpol_conformance.clusters.kubernetes.workspace import WorkspacePool
from netpol_conformance.clusters.options import KUBECONFIG, Options
from netpol_conformance.image.names import own_image

CONCURRENCY = 4
"""Scenarios at once: more only queue for the API server and the kubelets."""
_OWN_PLUGIN = "the cluster's own"


def images_of(options: Options) -> Images:
    """Where images come from, as the options say."""
    return Images(
        own_image(options.image, options.image_registry),
        options.image_registry,
        options.pull_policy,
        options.pull_secret,
    )


class KubeconfigDriver:
    """Scenarios in namespaces of their own, in the cluster that the kubeconfig leads to."""

    name = KUBECONFIG
    concurrency = CONCURRENCY
    makes_outside_hosts = False
    controlled = False
    synchronous = False

    def __init__(self, options: Options) -> None:
        self._options = options
        named = options.plugin or options.implementation
        self.implementation = _OWN_PLUGIN if named == "reference" else named
        self._client: Client | None = None
        self._run = ""
        self._pool = WorkspacePool()
        self._terminable = Terminable()
        self._on_progress: Callable[[str], None] = lambda _line: None

    def open(self, on_progress: Callable[[str], None]) -> None:
        """Look whether the cluster will do, before anything is made in it."""
        self._terminable.begin()
        self._on_progress = on_progress
        client = self._connected()
        on_progress(f"{client.server}: Kubernetes {client.version()}")
        check_rights(client)
        with client.in_words():
            nodes = read_nodes(client.items(NODES))
        check_no_stuck(client)
        self._run = secrets.token_hex(3)
        on_progress(f"run {self._run}, on {nodes.workers} nodes that take pods")

    def cluster(self) -> Cluster:
        """A part of the cluster for one worker."""
        setup = Setup(
            self._connected(),
            self._run,
            images_of(self._options),
            self.name,
            self.implementation,
            pool=self._pool,
        )
        if self._options.external_client:
            return ExternalCluster(setup, CommandClient(self._options.external_client))
        return KubernetesCluster(setup)

    def load(self) -> Load:
        """As the client has measured it."""
        return self._connected().meter.take()

    def close(self) -> None:
        """Remove all that the run made; raises ClusterError."""
        client, self._client = self._client, None
        with shield(), contextlib.ExitStack() as ending:
            ending.callback(self._terminable.end)
            ending.callback(self._pool.close)
            if client is not None:
                ending.callback(client.close)
                if self._run:
                    remove_run(client, self._run, self._on_progress)

    def _connected(self) -> Client:
        if self._client is None:
            self._client = connect(self._options.kubeconfig, self._options.context)
        return self._client
