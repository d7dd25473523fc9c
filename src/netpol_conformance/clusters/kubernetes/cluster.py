"""A scenario's part of a real cluster, as ``clusters.base.Cluster``."""

from __future__ import annotations

import contextlib
import secrets
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass, field, replace
from functools import partial

from netpol_conformance.clusters.base import (
    ClusterError,
    ClusterInfo,
    ClusterSpec,
    Lifecycle,
    RefusedError,
    UnsupportedError,
)
from netpol_conformance.clusters.kubernetes.agents.exec import ExecChannel
from netpol_conformance.clusters.kubernetes.agents.lifecycle import KubernetesLifecycle
from netpol_conformance.clusters.kubernetes.agents.streams import Agents, Channel
from netpol_conformance.clusters.kubernetes.api.answers import Manifest
from netpol_conformance.clusters.kubernetes.api.client import NODES, Client
from netpol_conformance.clusters.kubernetes.api.naming import SLOT_LABEL, Names
from netpol_conformance.clusters.kubernetes.balancing import Balancing
from netpol_conformance.clusters.kubernetes.fitness import (
    NO_CLIENT,
    check_fits,
    families_of,
    read_version,
)
from netpol_conformance.clusters.kubernetes.objects import pods
from netpol_conformance.clusters.kubernetes.objects.nodes import read_nodes
from netpol_conformance.clusters.kubernetes.objects.objects import Objects, documents
from netpol_conformance.clusters.kubernetes.objects.patience import Patience
from netpol_conformance.clusters.kubernetes.objects.pods import Images, Placing
from netpol_conformance.clusters.kubernetes.objects.reading import call, read_dns
from netpol_conformance.clusters.kubernetes.objects.removal import (
    begin_removal,
    begin_to_empty,
    wait_for_leftovers,
)
from netpol_conformance.clusters.kubernetes.outside import LoadBalancer, OutsideClients
from netpol_conformance.clusters.kubernetes.workspace import (
    CachedState,
    InitialObjects,
    Workspace,
    WorkspacePool,
)
from netpol_conformance.model.objects import (
    ClusterState,
    KubernetesObject,
    NetworkPolicy,
    ObjectKey,
    SourceKind,
)
from netpol_conformance.probe.verdict import Observation, Probe, SelfCheck, Source

START_TIMEOUT = 120.0
"""Seconds for a pod of the suite's own to run, its image pulled for the first time maybe."""
_CLOSED = "the cluster is closed"


@dataclass(frozen=True, slots=True)
class Setup:
    """What the clusters of one run share.

    ``run`` is its id; ``driver`` and ``implementation`` are for reports. ``outside`` are one
    cluster's clients outside, None where there are none; ``load_balancer`` may be None too.
    ``pool`` holds the workspaces that may be reused.
    """

    client: Client
    run: str
    images: Images
    driver: str
    implementation: str
    outside: OutsideClients | None = None
    load_balancer: LoadBalancer | None = None
    pool: WorkspacePool = field(default_factory=WorkspacePool)


class KubernetesCluster:
    """One worker's share of a cluster: each ``start`` gives it namespaces of its own, new ones
    unless those of a finished scenario fit.
    """

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        setup.pool.join()
        self._client = setup.client
        self._outside = setup.outside
        self._workspace: Workspace | None = None
        self._emptied = ""
        self._lock = threading.Lock()
        self._closed = False

    # -- clusters.base.Cluster -------------------------------------------------------------------

    def start(self, spec: ClusterSpec) -> ClusterInfo:
        """Begin afresh; raises UnsupportedError for what this cluster cannot be."""
        self.release()
        setup = self._setup
        wait_for_leftovers(self._client, setup.run, setup.pool.workers, self._check_open)
        reported = self._client.version()
        names = Names(self._setup.run, secrets.token_hex(3))
        nodes = read_nodes(call(self._client, names, self._client.items, NODES))
        version = read_version(reported)
        dns = tuple(read_dns(self._client, names, nodes, version))
        families = families_of(nodes, dns)
        check_fits(spec, version, nodes.workers, families)
        self._start_outside(spec)
        placing = Placing(nodes.taking_pods, families, self._setup.images, spec.asking)
        objects = Objects(self._client, names, nodes, placing, version, spec.families)
        agents = Agents(partial(self._channel, objects))
        reusable = not (spec.alone or spec.asking or spec.outside)
        balancing = Balancing(objects, self._setup.load_balancer)
        lifecycle = self._new_lifecycle(objects, agents)
        self._use(Workspace(objects, agents, dns, lifecycle, balancing, reusable))
        for host in spec.outside:
            if host.named:
                objects.name_outside(host)
        return ClusterInfo(
            driver=self._setup.driver,
            implementation=self._setup.implementation,
            kubernetes_version=reported.removeprefix("v"),
            nodes=len(nodes.manifests),
            families=tuple(f"IPv{family}" for family in families),
            details=dict(nodes.real),
        )

    def self_test(self) -> tuple[SelfCheck, ...]:
        """Test the tools in a pod of their own, over its loopback."""
        workspace = self._started()
        namespace = self._agents_namespace(workspace)
        pod = pods.self_test_agent(namespace, self._setup.images)
        self._run_own(workspace, pod)
        return workspace.agents.self_test(Source(SourceKind.POD, pod["metadata"]["name"], ""))

    def apply_initial(self, manifests: str) -> bool:
        """Reuse the workspace of a scenario with the same namespaces, if there is one."""
        workspace = self._started()
        families = workspace.objects.families
        wanted = InitialObjects.of(documents(manifests), families) if workspace.reusable else None
        left = self._setup.pool.take(wanted) if wanted is not None else None
        if left is None or wanted is None:
            self.apply(manifests)
        else:
            workspace = self._reuse(left, wanted)
        workspace.cache = replace(workspace.cache, initial=wanted)
        return left is not None

    def apply(self, manifests: str) -> tuple[KubernetesObject, ...]:
        """``kubectl apply``, the server's own validation and defaults included."""
        workspace = self._started()
        before, workspace.cache = workspace.cache, CachedState()
        applied = workspace.objects.apply(manifests)
        policies = [item for item in applied if isinstance(item, NetworkPolicy)]
        if len(policies) == len(applied):
            workspace.cache = before.with_policies(policies)
        for item in applied:
            workspace.balancing.serve(item)
        return applied

    def delete(self, keys: Sequence[ObjectKey]) -> None:
        """``kubectl delete``, until all are gone."""
        workspace = self._started()
        before, workspace.cache = workspace.cache, CachedState()
        workspace.lifecycle.before_removal(keys)
        if keys:
            workspace.objects.delete(keys)
        for key in keys:
            if key.kind == "Pod":
                workspace.agents.forget(Source(SourceKind.POD, key.name, key.namespace))
        if all(key.kind == "NetworkPolicy" for key in keys):
            workspace.cache = before.without_policies(keys)

    def wait_ready(self, timeout: float) -> None:
        """Until pods run, servers answer and Services lead to them."""
        workspace = self._started()
        if workspace.cache.ready:
            return
        running = self._until_running(
            workspace, workspace.objects.namespaces(), Patience(timeout, "ready")
        )
        workspace.cache = replace(workspace.cache, state=None)
        own = workspace.objects.names.own
        metadata = [pod["metadata"] for pod in running]
        uids = {(own(each["namespace"]), each["name"]): each["uid"] for each in metadata}
        workspace.readiness.wait(self.state(), uids, self.probe, timeout)
        workspace.cache = replace(workspace.cache, ready=True)

    def state(self) -> ClusterState:
        """The scenario's objects, the cluster's nodes and DNS."""
        workspace = self._started()
        state = workspace.cache.state
        if state is None:
            state = ClusterState(version=workspace.objects.version).with_objects(
                *workspace.objects.nodes.objects(), *workspace.dns, *workspace.objects.read()
            )
            workspace.cache = replace(workspace.cache, state=state)
        return state

    def probe(self, probes: Sequence[Probe]) -> tuple[Observation, ...]:
        """Ask all at once: pods and nodes through their agents, hosts outside through theirs."""
        workspace = self._started()
        names = workspace.objects.names
        real = [names.real_probe(probe) for probe in probes]
        for node in {probe.source.name for probe in probes if probe.source.kind == SourceKind.NODE}:
            self._agent_on(workspace, node)
        return tuple(
            names.own_observation(seen, probe)
            for seen, probe in zip(self._asked(workspace, real), probes, strict=True)
        )

    def lifecycle(self) -> Lifecycle:
        """What the pods' agents can watch, and little more."""
        workspace = self._started()
        workspace.cache = replace(workspace.cache, initial=None)
        return workspace.lifecycle

    def release(self, *, clean: bool = False) -> None:
        """Release the scenario's workspace, to be reused if ``clean``, and the outside client."""
        with self._lock:
            workspace, self._workspace = self._workspace, None
            closed = self._closed
        if workspace is not None and clean and workspace.cache.initial and not closed:
            workspace = self._offer(workspace)
        if workspace is not None:
            self._remove(workspace)
        if self._outside is not None:
            self._outside.close()

    def close(self) -> None:
        """End all that runs in it; the driver removes it."""
        with self._lock:
            self._closed = True
        with contextlib.suppress(ClusterError):  # the driver will say what is left, and why
            self.release()
        if self._outside is not None:
            self._outside.close()

    # -- beginning and end -----------------------------------------------------------------------

    def _new_lifecycle(self, objects: Objects, agents: Agents) -> KubernetesLifecycle:
        """What can happen to the enforcer and the scenario's pods."""
        return KubernetesLifecycle(self._client, objects, agents, self._forget_state)

    def _forget_state(self) -> None:
        """Something changed: the state must be read again."""
        self._started().cache = CachedState()

    def _use(self, workspace: Workspace) -> None:
        with self._lock:
            if self._closed:
                raise ClusterError(_CLOSED)
            self._workspace = workspace

    def _check_open(self) -> None:
        if self._closed:
            raise ClusterError(_CLOSED)

    def _started(self) -> Workspace:
        if self._workspace is None:
            raise ClusterError("the cluster is not started; call start() first")
        return self._workspace

    def _reuse(self, left: Workspace, wanted: InitialObjects) -> Workspace:
        """Make a finished scenario's workspace what is wanted."""
        assert left.cache.initial is not None
        before = left.cache.initial
        workspace = replace(left, lifecycle=self._new_lifecycle(left.objects, left.agents))
        self._use(workspace)
        kept = before.shared(wanted)
        self.delete([key for key in before.pods if key not in kept])
        lacking = ",".join(text for key, text in wanted.pods.items() if key not in kept)
        self.apply(f'{{"kind": "List", "items": [{lacking}]}}')
        return workspace

    def _offer(self, workspace: Workspace) -> Workspace | None:
        """Delete its policies and offer it for reuse; returns the workspace to remove, if any."""
        try:
            state = workspace.cache.state
            there = state.objects() if state else workspace.objects.read()
            policies = [item.key for item in there if isinstance(item, NetworkPolicy)]
            workspace.objects.delete(policies)
        except (ClusterError, RefusedError):
            return workspace
        workspace.cache = CachedState(initial=workspace.cache.initial)
        return self._setup.pool.put(workspace)

    def _until_running(
        self, workspace: Workspace, namespaces: Sequence[str], patience: Patience
    ) -> list[Manifest]:
        """Wait for pods; where they wait long, workspaces that nobody uses make room for them."""

        def meanwhile(patience: Patience) -> None:
            self._check_open()
            if patience.idle > patience.seconds / 2:
                for unused in self._setup.pool.drain():
                    self._remove(unused)
                    patience.renew()

        return workspace.objects.until_running(namespaces, patience, meanwhile)

    def _remove(self, workspace: Workspace) -> None:
        """End what runs in it, empty it, and remove what was emptied before."""
        workspace.agents.close()
        workspace.balancing.release()
        if self._closed:
            return  # the driver removes all that the run made, at once
        emptied, self._emptied = self._emptied, f"{SLOT_LABEL}={workspace.objects.names.slot}"
        begin_to_empty(self._client, self._emptied)
        if emptied:
            begin_removal(self._client, emptied)

    def _start_outside(self, spec: ClusterSpec) -> None:
        if self._outside is not None:
            self._outside.start(spec.outside)
        elif spec.outside:
            raise UnsupportedError(NO_CLIENT)

    # -- agents ----------------------------------------------------------------------------------

    def _asked(self, workspace: Workspace, probes: Sequence[Probe]) -> list[Observation]:
        """One observation a probe, in order, those of hosts outside at the same time as all."""
        outside = [probe for probe in probes if probe.source.kind == SourceKind.OUTSIDE]
        if not outside:
            return list(workspace.agents.ask(probes))
        clients = self._outside
        if clients is None:
            raise UnsupportedError(NO_CLIENT)
        inside = [probe for probe in probes if probe.source.kind != SourceKind.OUTSIDE]
        with ThreadPoolExecutor(1) as other:
            coming = other.submit(copy_context().run, clients.probe, outside)
            seen_inside = iter(workspace.agents.ask(inside))
            seen_outside = iter(coming.result())
        return [
            next(seen_outside if probe.source.kind == SourceKind.OUTSIDE else seen_inside)
            for probe in probes
        ]

    def _channel(self, objects: Objects, source: Source) -> Channel:
        """A new stream to the agent of a pod, or of a node."""
        names = objects.names
        if source.kind == SourceKind.NODE:
            node = objects.nodes.real[source.name]
            return ExecChannel(self._client, names.agents_namespace, pods.node_agent_name(node))
        namespace = names.real(source.namespace) if source.namespace else names.agents_namespace
        return ExecChannel(self._client, namespace, source.name)

    def _agent_on(self, workspace: Workspace, node: str) -> None:
        """Have a pod in the node's own network, for the node to ask from."""
        if node in workspace.node_agents:
            return
        namespace = self._agents_namespace(workspace)
        manifest = pods.node_agent(
            workspace.objects.nodes.real[node], namespace, self._setup.images
        )
        self._run_own(workspace, manifest)
        workspace.node_agents.add(node)

    def _agents_namespace(self, workspace: Workspace) -> str:
        names = workspace.objects.names
        if not workspace.has_agents_namespace:
            workspace.objects.make_namespace(names.agents_namespace)
            workspace.has_agents_namespace = True
        return names.agents_namespace

    def _run_own(self, workspace: Workspace, manifest: Manifest) -> None:
        workspace.objects.make_pod(manifest)
        namespaces = [manifest["metadata"]["namespace"]]
        self._until_running(workspace, namespaces, Patience(START_TIMEOUT))
