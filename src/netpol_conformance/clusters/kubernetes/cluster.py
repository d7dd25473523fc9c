"""A scenario's part of a real cluster, as ``clusters.base.Cluster``."""

from __future__ import annotations

import contextlib
import secrets
import threading
from collections.abc import Callable, Sequence
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
    SelfCheck,
    UnsupportedError,
)
from netpol_conformance.clusters.kubernetes.agents.exec import ExecChannel
from netpol_conformance.clusters.kubernetes.agents.lifecycle import KubernetesLifecycle
from netpol_conformance.clusters.kubernetes.agents.streams import Agents, Channel
from netpol_conformance.clusters.kubernetes.api.answers import Manifest
from netpol_conformance.clusters.kubernetes.api.client import NODES, PODS, Client
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
from netpol_conformance.clusters.kubernetes.objects.pods import Images, Placing
from netpol_conformance.clusters.kubernetes.objects.reading import call, read_dns
from netpol_conformance.clusters.kubernetes.objects.removal import begin_removal, begin_to_empty
from netpol_conformance.clusters.kubernetes.objects.waits import until_running
from netpol_conformance.clusters.kubernetes.outside import LoadBalancer, OutsideClients
from netpol_conformance.clusters.kubernetes.workspace import Furnishing, Handover, Known, Stage
from netpol_conformance.model.objects import (
    ClusterState,
    KubernetesObject,
    NetworkPolicy,
    ObjectKey,
)
from netpol_conformance.probe.verdict import Observation, Probe, Source

START_TIMEOUT = 120.0
"""Seconds for a pod of the suite's own to run, its image pulled for the first time maybe."""


@dataclass(frozen=True, slots=True)
class Setup:
    """What the clusters of one run share.

    ``run`` is its id; ``driver`` and ``implementation`` are for reports. ``outside`` makes the
    clients outside for one cluster, None where there are none; ``load_balancer`` may be None too.
    ``handover`` is where their scenarios leave what others may take over.
    """

    client: Client
    run: str
    images: Images
    driver: str
    implementation: str
    outside: Callable[[], OutsideClients] | None = None
    load_balancer: LoadBalancer | None = None
    handover: Handover = field(default_factory=Handover)


class KubernetesCluster:
    """One worker's share of a cluster: each ``start`` gives it namespaces of its own, fresh ones
    unless it is furnished like a scenario that has ended.
    """

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        setup.handover.join()
        self._client = setup.client
        self._outside = setup.outside() if setup.outside is not None else None
        self._stage: Stage | None = None
        self._emptied = ""
        self._lock = threading.Lock()
        self._closed = False

    # -- clusters.base.Cluster -------------------------------------------------------------------

    def start(self, spec: ClusterSpec) -> ClusterInfo:
        """Begin afresh; raises UnsupportedError for what this cluster cannot be."""
        self._leave()
        told = self._client.version()
        names = Names(self._setup.run, secrets.token_hex(3))
        nodes = read_nodes(call(self._client, names, self._client.items, NODES))
        version = read_version(told)
        dns = tuple(read_dns(self._client, names, nodes, version))
        families = families_of(nodes, dns)
        check_fits(spec, version, nodes.workers, families)
        self._start_outside(spec)
        placing = Placing(nodes.taking_pods, families, self._setup.images, spec.asking)
        objects = Objects(self._client, names, nodes, placing, version, spec.families)
        agents = Agents(partial(self._channel, objects))
        lendable = not (spec.alone or spec.asking or spec.outside)
        balancing = Balancing(objects, self._setup.load_balancer)
        lifecycle = self._new_lifecycle(objects, agents)
        self._enter(Stage(objects, agents, dns, lifecycle, balancing, lendable))
        for host in spec.outside:
            if host.named:
                objects.name_outside(host)
        return ClusterInfo(
            driver=self._setup.driver,
            implementation=self._setup.implementation,
            kubernetes_version=told.removeprefix("v"),
            nodes=len(nodes.manifests),
            families=tuple(f"IPv{family}" for family in families),
            details=dict(nodes.real),
        )

    def self_test(self) -> tuple[SelfCheck, ...]:
        """Test the tools in a pod of their own, over its loopback."""
        stage = self._started()
        namespace = self._backstage(stage)
        pod = pods.self_test_agent(namespace, self._setup.images)
        self._run_own(stage, pod)
        return stage.agents.self_test(Source("pod", pod["metadata"]["name"], ""))

    def furnish(self, manifests: str) -> bool:
        """Take over what a scenario left that began with the same namespaces, if there is one."""
        stage = self._started()
        families = stage.objects.families
        wanted = Furnishing.of(documents(manifests), families) if stage.lendable else None
        left = self._setup.handover.take(wanted) if wanted is not None else None
        if left is None or wanted is None:
            self.apply(manifests)
        else:
            stage = self._take_over(left, wanted)
        stage.known = replace(stage.known, furnishing=wanted)
        return left is not None

    def apply(self, manifests: str) -> tuple[KubernetesObject, ...]:
        """``kubectl apply``, the server's own validation and defaults included."""
        stage = self._started()
        before, stage.known = stage.known, Known()
        applied = stage.objects.apply(manifests)
        policies = [item for item in applied if isinstance(item, NetworkPolicy)]
        if len(policies) == len(applied):
            stage.known = before.with_policies(policies)
        for item in applied:
            stage.balancing.serve(item)
        return applied

    def delete(self, keys: Sequence[ObjectKey]) -> None:
        """``kubectl delete``, until all are gone."""
        stage = self._started()
        before, stage.known = stage.known, Known()
        stage.lifecycle.part_with(keys)
        if keys:
            stage.objects.delete(keys)
        for key in keys:
            if key.kind == "Pod":
                stage.agents.forget(Source("pod", key.name, key.namespace))
        if all(key.kind == "NetworkPolicy" for key in keys):
            stage.known = before.without_policies(keys)

    def wait_ready(self, timeout: float) -> None:
        """Until pods run, servers answer and Services lead to them."""
        stage = self._started()
        if stage.known.ready:
            return
        spaces = stage.objects.namespaces()
        running = until_running(
            lambda: stage.objects.pods(spaces), self._client, stage.objects.names, timeout
        )
        stage.known = replace(stage.known, state=None)
        names = stage.objects.names
        uids = {
            (names.own(pod["metadata"]["namespace"]), pod["metadata"]["name"]): pod["metadata"][
                "uid"
            ]
            for pod in running
        }
        stage.readiness.wait(self.state(), uids, self.probe, timeout)
        stage.known = replace(stage.known, ready=True)

    def state(self) -> ClusterState:
        """The scenario's objects, the cluster's nodes and DNS."""
        stage = self._started()
        state = stage.known.state
        if state is None:
            state = ClusterState(version=stage.objects.version).with_objects(
                *stage.objects.nodes.objects(), *stage.dns, *stage.objects.read()
            )
            stage.known = replace(stage.known, state=state)
        return state

    def probe(self, probes: Sequence[Probe]) -> tuple[Observation, ...]:
        """Ask all at once: pods and nodes through their agents, hosts outside through theirs."""
        stage = self._started()
        names = stage.objects.names
        real = [names.real_probe(probe) for probe in probes]
        for node in {probe.source.name for probe in probes if probe.source.kind == "node"}:
            self._agent_on(stage, node)
        return tuple(
            names.own_observation(seen, probe)
            for seen, probe in zip(self._asked(stage, real), probes, strict=True)
        )

    def lifecycle(self) -> Lifecycle:
        """What the pods' agents can watch, and little more."""
        stage = self._started()
        stage.known = replace(stage.known, furnishing=None)
        return stage.lifecycle

    def leave(self, *, clean: bool = False) -> None:
        """Give up the scenario's part, and the client outside that others wait for."""
        self._leave(clean=clean)
        if self._outside is not None:
            self._outside.close()

    def close(self) -> None:
        """Begin to remove all of it; the driver sees to it that it is gone."""
        with self._lock:
            self._closed = True
        with contextlib.suppress(ClusterError):  # the driver will say what is left, and why
            self._leave()
        if self._outside is not None:
            self._outside.close()

    # -- beginning and end -----------------------------------------------------------------------

    def _new_lifecycle(self, objects: Objects, agents: Agents) -> KubernetesLifecycle:
        """What can happen to the enforcer and the scenario's pods."""
        return KubernetesLifecycle(self._client, objects, agents, self._forget_state)

    def _forget_state(self) -> None:
        """Something changed: the state must be read again."""
        self._started().known = Known()

    def _enter(self, stage: Stage) -> None:
        with self._lock:
            if self._closed:
                raise ClusterError("the cluster is closed")
            self._stage = stage

    def _started(self) -> Stage:
        if self._stage is None:
            raise ClusterError("the cluster is not started; call start() first")
        return self._stage

    def _take_over(self, left: Stage, wanted: Furnishing) -> Stage:
        """Enter what a scenario left, and make of it what is wanted."""
        assert left.known.furnishing is not None
        before = left.known.furnishing
        stage = replace(left, lifecycle=self._new_lifecycle(left.objects, left.agents))
        self._enter(stage)
        kept = before.shared(wanted)
        self.delete([key for key in before.pods if key not in kept])
        lacking = ",".join(text for key, text in wanted.pods.items() if key not in kept)
        self.apply(f'{{"kind": "List", "items": [{lacking}]}}')
        return stage

    def _leave(self, *, clean: bool = False) -> None:
        """Give up the scenario's part of the cluster, to another scenario if it is ``clean``."""
        with self._lock:
            stage, self._stage = self._stage, None
            closed = self._closed
        if stage is not None and clean and stage.known.furnishing and not closed:
            stage = self._hand_over(stage)
        if stage is not None:
            self._remove(stage)

    def _hand_over(self, stage: Stage) -> Stage | None:
        """Leave it without policies for those to come; returns what nobody will have any more."""
        try:
            there = stage.known.state.objects() if stage.known.state else stage.objects.read()
            stage.objects.delete([item.key for item in there if isinstance(item, NetworkPolicy)])
        except (ClusterError, RefusedError):
            return stage
        stage.known = Known(furnishing=stage.known.furnishing)
        return self._setup.handover.leave(stage)

    def _remove(self, stage: Stage) -> None:
        """End what runs in it, empty it, and remove what was emptied before."""
        stage.agents.close()
        stage.balancing.release()
        emptied, self._emptied = self._emptied, f"{SLOT_LABEL}={stage.objects.names.slot}"
        begin_to_empty(self._client, self._emptied)
        if emptied:
            begin_removal(self._client, emptied)

    def _start_outside(self, spec: ClusterSpec) -> None:
        if self._outside is not None:
            self._outside.start(spec.outside)
        elif spec.outside:
            raise UnsupportedError(NO_CLIENT)

    # -- agents ----------------------------------------------------------------------------------

    def _asked(self, stage: Stage, probes: Sequence[Probe]) -> list[Observation]:
        """One observation a probe, in order, those of hosts outside at the same time as all."""
        outside = [at for at, probe in enumerate(probes) if probe.source.kind == "outside"]
        if not outside:
            return list(stage.agents.ask(probes))
        clients = self._outside
        if clients is None:
            raise UnsupportedError(NO_CLIENT)
        apart = set(outside)
        inside = [at for at in range(len(probes)) if at not in apart]
        with ThreadPoolExecutor(1) as other:
            asked = [probes[at] for at in outside]
            coming = other.submit(copy_context().run, clients.probe, asked)
            seen = dict(zip(inside, stage.agents.ask([probes[at] for at in inside]), strict=True))
            seen |= zip(outside, coming.result(), strict=True)
        return [seen[at] for at in range(len(probes))]

    def _channel(self, objects: Objects, source: Source) -> Channel:
        """A new stream to the agent of a pod, or of a node."""
        names = objects.names
        if source.kind == "node":
            node = objects.nodes.real[source.name]
            return ExecChannel(self._client, names.backstage, pods.node_agent_name(node))
        namespace = names.real(source.namespace) if source.namespace else names.backstage
        return ExecChannel(self._client, namespace, source.name)

    def _agent_on(self, stage: Stage, node: str) -> None:
        """Have a pod in the node's own network, for the node to ask from."""
        if node in stage.node_agents:
            return
        namespace = self._backstage(stage)
        manifest = pods.node_agent(stage.objects.nodes.real[node], namespace, self._setup.images)
        self._run_own(stage, manifest)
        stage.node_agents.add(node)

    def _backstage(self, stage: Stage) -> str:
        names = stage.objects.names
        if not stage.backstage:
            stage.objects.make_namespace(names.backstage)
            stage.backstage = True
        return names.backstage

    def _run_own(self, stage: Stage, manifest: Manifest) -> None:
        stage.objects.make_pod(manifest)
        until_running(
            lambda: stage.objects.call(self._client.items, PODS, stage.objects.names.backstage),
            self._client,
            stage.objects.names,
            START_TIMEOUT,
        )
