"""The driver ``--cluster kind``: a cluster made, or found, for one run, and removed after it."""

from __future__ import annotations

import contextlib
import secrets
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from netpol_conformance.clusters.base import Cluster, ClusterError, Load
from netpol_conformance.clusters.interrupting import Terminable, shield
from netpol_conformance.clusters.kind import installing, leftovers, plugins
from netpol_conformance.clusters.kind.config import cluster_config
from netpol_conformance.clusters.kind.maker import KindMaker
from netpol_conformance.clusters.kind.sharing import Share
from netpol_conformance.clusters.kind.tools import Tools, find_tools, run
from netpol_conformance.clusters.options import KIND, Options
from netpol_conformance.image.names import at_registry, own_image

CONCURRENCY = 4
"""Scenarios at once: more only queue for the API server and the kubelets."""
SERVER_IMAGES = ("nginx", "busybox")
"""What scenarios' servers run, beside the suite's own image."""


class KindDriver:
    """A kind cluster for one run.

    ``open`` leaves nothing behind when it fails or is interrupted. A run that is killed leaves a
    cluster that the next one names.
    """

    name = KIND
    concurrency = CONCURRENCY
    makes_outside_hosts = True
    controlled = False
    synchronous = False

    def __init__(self, options: Options) -> None:
        plugins.check(options)
        cluster_config("check", ip_family=options.ip_family, pod_subnet=options.pod_subnet)
        self._options = options
        self.implementation = plugins.plugin_name(options)
        self._folder: Path | None = None
        self._ownership: leftovers.Ownership | None = None
        self._maker: KindMaker | None = None
        self._share: Share | None = None
        self._terminable = Terminable()
        self._on_progress: Callable[[str], None] = lambda _line: None

    @property
    def cluster_name(self) -> str:
        """What kind calls the cluster that is open."""
        return self._opened().cluster

    @property
    def kubeconfig(self) -> Path:
        """The file that leads kubectl to it."""
        return Path(self._opened().kubeconfig)

    def open(self, on_progress: Callable[[str], None]) -> None:
        """Make or find the cluster and install what enforces; raises ClusterError."""
        self._terminable.begin()
        self._on_progress = on_progress
        try:
            tools = find_tools(kind=self._options.kind_bin, kubectl=self._options.kind_kubectl_bin)
            self._name_leftovers(tools, on_progress)
            self._make(tools, on_progress)
            self._install(tools, on_progress)
            self._begin(on_progress)
        except BaseException:
            with contextlib.suppress(ClusterError):  # the first failure says more
                self.close()
            raise

    def cluster(self) -> Cluster:
        """A part of the cluster for one worker."""
        return self._opened().part(self._options, self.implementation)

    def load(self) -> Load:
        """As the client has measured it."""
        return self._opened().load()

    def close(self) -> None:
        """Remove all that was made: cluster, machines outside, or just what the run made in it."""
        maker, self._maker = self._maker, None
        share, self._share = self._share, None
        with shield(), contextlib.ExitStack() as ending:
            # Each is done whatever becomes of the others; the last entered is the first.
            ending.callback(self._terminable.end)
            ending.callback(self._forget)
            if maker is not None and not self._stays:
                ending.callback(maker.delete)
                ending.callback(self._on_progress, f"removing the kind cluster {maker.name} ...")
            if share is not None:
                ending.callback(share.close)
                if maker is not None:
                    ending.callback(share.remove, self._on_progress, with_namespaces=self._stays)

    @property
    def _stays(self) -> bool:
        """Whether the cluster outlives the run."""
        return bool(self._options.keep_cluster or self._options.reuse_cluster)

    def _forget(self) -> None:
        """Remove the run's own files."""
        if self._ownership is not None:
            self._ownership.release()
            self._ownership = None
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None

    def _opened(self) -> Share:
        if self._share is None:
            raise ClusterError("the driver is not open; call open() first")
        return self._share

    def _name_leftovers(self, tools: Tools, on_progress: Callable[[str], None]) -> None:
        clusters = run([tools.kind, "get", "clusters"]).split()
        for name in leftovers.ownerless(clusters):
            if name != self._options.reuse_cluster:
                on_progress(leftovers.advice(name))

    def _make(self, tools: Tools, on_progress: Callable[[str], None]) -> None:
        options = self._options
        self._folder = Path(tempfile.mkdtemp(prefix="netpol-conformance-"))
        name = options.reuse_cluster or f"{leftovers.PREFIX}{secrets.token_hex(4)}"
        maker = KindMaker(name, tools, self._folder, image=options.kind_image)
        if options.reuse_cluster:
            on_progress(f"using the kind cluster {name} ...")
            maker.find()
            self._maker = maker
            installing.start_where_stopped(maker)
            return
        on_progress(f"creating the kind cluster {name} (about half a minute) ...")
        self._ownership = leftovers.Ownership(name)
        self._maker = maker
        maker.create(
            cluster_config(name, ip_family=options.ip_family, pod_subnet=options.pod_subnet)
        )

    def _install(self, tools: Tools, on_progress: Callable[[str], None]) -> None:
        assert self._maker is not None
        options, maker = self._options, self._maker
        own = own_image(options.image, options.image_registry)
        plugin = plugins.chosen(options, installing.digest(tools, own))
        installing.load_images(maker, tools, [own, *plugin.images], on_progress)
        if plugin.manifests:
            on_progress(f"installing {plugin.name} ...")
            installing.apply_manifests(maker, plugin.manifests)
        servers = [at_registry(image, options.image_registry) for image in SERVER_IMAGES]
        installing.load_images(maker, tools, servers, on_progress)
        on_progress("waiting for nodes and plugin ...")
        installing.wait_installed(maker, tools)

    def _begin(self, on_progress: Callable[[str], None]) -> None:
        assert self._maker is not None
        self._share = Share(
            self._maker.name,
            str(self._maker.kubeconfig),
            secrets.token_hex(3),
            own_image(self._options.image, self._options.image_registry),
        )
        self._share.check()
        if self._options.keep_cluster:
            on_progress(
                f"{self._maker.name} will stay: kind export kubeconfig --name {self._maker.name}"
            )
