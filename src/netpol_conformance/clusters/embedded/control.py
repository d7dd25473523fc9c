"""The control plane: keeps machines, servers, Services, DNS and enforcers at what the API says."""

from __future__ import annotations

import asyncio
import logging
import platform
import time
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import AbstractContextManager, contextmanager
from functools import partial

from netpol_conformance.api import addresses
from netpol_conformance.api.server import DNS_POD, Api
from netpol_conformance.clusters.base import (
    ClusterError,
    ClusterInfo,
    ClusterSpec,
    OutsideHost,
    RefusedError,
)
from netpol_conformance.clusters.embedded import dns, lacks, selftest, services, workloads
from netpol_conformance.clusters.embedded.continuous import ContinuousProbes
from netpol_conformance.clusters.embedded.enforcers import Enforcers, find_factory
from netpol_conformance.clusters.embedded.files import Files
from netpol_conformance.clusters.embedded.machines import Machines
from netpol_conformance.clusters.embedded.workloads import Workload
from netpol_conformance.clusters.serving import to_itself
from netpol_conformance.enforcer.apply import Nft, NftError
from netpol_conformance.model.objects import (
    ClusterState,
    KubernetesObject,
    ObjectKey,
    Pod,
    Protocol,
    SourceKind,
)
from netpol_conformance.model.problems import ManifestError
from netpol_conformance.probe.ask import ask_all
from netpol_conformance.probe.held import HeldConnection, ask_first, ask_last
from netpol_conformance.probe.netns import inside
from netpol_conformance.probe.servers import OwnServers, Server
from netpol_conformance.probe.sockets import open_for
from netpol_conformance.probe.verdict import Observation, Probe, SelfCheck, Series, Source

_log = logging.getLogger(__name__)


class ControlPlane:
    """One cluster. Must be made in the cluster's own process, which it turns into the fabric.

    ``implementation`` is who enforces policies (``enforcers.find_factory``), ``busybox`` the
    program that probes with wget, None for the one on PATH; ``lacking`` is what the pod network
    does not carry. Raises ClusterError.
    """

    def __init__(
        self,
        spec: ClusterSpec,
        implementation: str,
        busybox: str | None,
        lacking: AbstractSet[lacks.Lack],
    ) -> None:
        # First of all, while the machine's files are all to be seen.
        factory = find_factory(implementation)
        self._spec = spec
        self._implementation = implementation
        self._busybox = busybox
        self._lacking = lacking
        self._api = Api(spec.nodes, spec.families, spec.version)
        self._zone: dns.Zone | None = None
        self._running: dict[ObjectKey, tuple[Pod, Server]] = {}
        self._translations: dict[str, str] = {}
        self._machines = Machines(spec.families)
        self._files = Files(addresses.DNS[family] for family in spec.families)
        self._firewalls: dict[str, Nft] = {}
        for node in self._api.nodes():
            self._machines.add_node(node)
            with self._machines.in_node(node.name):
                self._firewalls[node.name] = _nft()
        self._enforcers = Enforcers(factory, self._firewalls, spec.version)
        self._continuous: ContinuousProbes | None = None
        self._held: list[HeldConnection] = []

    async def start(self) -> ClusterInfo:
        """Bring up hosts outside, enforcers and DNS."""
        for host in self._spec.outside:
            self._machines.add_outside(host)
            await self._serve_outside(host)
        self._api.drain()
        self._enforcers.start(self._api.state().objects())
        await self._reconcile()
        await self._dns_answers()
        return ClusterInfo(
            driver="embedded",
            implementation=self._implementation,
            kubernetes_version=str(self._spec.version),
            nodes=self._spec.nodes,
            families=tuple(f"IPv{family}" for family in self._spec.families),
            details={"kernel": platform.release(), "enforcement": "nftables", **self._lacks()},
        )

    async def apply(self, manifests: str) -> tuple[KubernetesObject, ...]:
        """Store objects and put them in force; as ``clusters.base.Cluster.apply``."""
        try:
            with answering():
                return self._api.apply(manifests)
        finally:
            await self._reconcile()

    async def delete(self, keys: Sequence[ObjectKey]) -> None:
        """Remove objects and what stood for them; as ``clusters.base.Cluster.delete``."""
        try:
            with answering():
                for key in keys:
                    self._api.delete(key)
        finally:
            await self._reconcile()

    def state(self) -> ClusterState:
        """All objects."""
        return self._api.state()

    async def probe(self, probes: Sequence[Probe]) -> tuple[Observation, ...]:
        """Ask all at once; as ``clusters.base.Cluster.probe``."""
        return await ask_all(probes, self.enter, busybox=self._busybox)

    async def self_test(self) -> tuple[SelfCheck, ...]:
        """Test the probes themselves; as ``clusters.base.Cluster.self_test``."""
        try:
            return await selftest.run(self._machines, self.enter, self.probe)
        except (NftError, OSError) as error:
            raise ClusterError(f"the probes cannot be tested: {error}") from error

    async def wait_ready(self, timeout: float) -> None:  # noqa: ASYNC109 -- the Protocol's own
        """Until each server has answered its own pod; raises ClusterError after ``timeout`` s.

        Services need no wait: a change returns when the kernel has acknowledged their rules.
        """
        nodes = {node.name for node in self._api.nodes()}
        lost = [pod for pod in self._api.pods() if pod.node and pod.node not in nodes]
        if lost:
            names = ", ".join(f"{pod.namespace}/{pod.name} (node {pod.node})" for pod in lost)
            raise ClusterError(f"these pods wait for a node that does not exist: {names}")
        await workloads.wait(
            [
                question
                for pod, _ in self._running.values()
                if pod.key != DNS_POD.key
                for question in to_itself(pod)
            ],
            self.probe,
            timeout,
        )
        await self._dns_answers()

    def stop_enforcer(self) -> None:
        """Kill the enforcers; their rules stay."""
        self._enforcers.stop()

    def start_enforcer(self) -> None:
        """Start the enforcers from what the API says now."""
        self._enforcers.start(self._api.state().objects())

    def cut_off_enforcer(self) -> None:
        """Keep all changes from the enforcers."""
        self._enforcers.cut_off()

    def reconnect_enforcer(self) -> None:
        """Pass on to the enforcers all changes that they missed."""
        self._enforcers.reconnect()

    async def finish(self, pods: Sequence[ObjectKey]) -> None:
        """End pods; as ``clusters.base.Lifecycle.finish``."""
        with answering():
            for key in pods:
                self._api.finish(key)
        await self._reconcile()

    def reuse(self, pods: Mapping[ObjectKey, Pod]) -> None:
        """Keep addresses for new pods; as ``clusters.base.Lifecycle.reuse``."""
        self._api.reserve(pods)

    async def begin_series(self, probes: Sequence[Probe], witnesses: Sequence[Probe]) -> None:
        """Ask all the time; as ``clusters.base.Lifecycle.begin_series``."""
        self._continuous = ContinuousProbes(probes, witnesses, self._network_of)
        sources = dict.fromkeys(probe.source for probe in (*probes, *witnesses))
        await self._continuous.begin([source for source in sources if self._is_there(source)])

    async def end_series(self) -> tuple[Series, ...]:
        """Ask no more; as ``clusters.base.Lifecycle.end_series``."""
        continuous, self._continuous = self._continuous, None
        return () if continuous is None else await continuous.end()

    async def hold(self, probes: Sequence[Probe]) -> tuple[Observation, ...]:
        """Open connections to keep; as ``clusters.base.Lifecycle.hold``."""
        self._held = [self._connection(probe) for probe in probes]
        return await ask_first(self._held)

    async def ask_held(self, timeout: float) -> tuple[Observation, ...]:  # noqa: ASYNC109
        """Use them again, and close them; as ``clusters.base.Lifecycle.ask_held``."""
        held, self._held = self._held, []
        return await ask_last(held, timeout)

    def enter(self, source: Source) -> AbstractContextManager[None]:
        """Be where ``source`` is: in its network, with its files. Raises LookupError."""
        try:
            network = self._machines.network(source.kind, source.name, source.namespace)
        except KeyError:
            raise LookupError(f"there is no running {source.kind} {source}") from None
        return inside(network, self._files.of(source.namespace or "default"))

    def _connection(self, probe: Probe) -> HeldConnection:
        with self._network_of(probe.source):
            return HeldConnection(probe, open_for(probe))

    def _network_of(self, source: Source) -> AbstractContextManager[None]:
        """Be in the network of a source, with the files of the cluster. Raises LookupError."""
        return inside(self._machines.network(source.kind, source.name, source.namespace))

    def _is_there(self, source: Source) -> bool:
        try:
            self._machines.network(source.kind, source.name, source.namespace)
        except KeyError:
            return False
        return True

    async def _dns_answers(self) -> None:
        if DNS_POD.key not in self._running:
            raise ClusterError(f"the cluster has no DNS any more: {DNS_POD.key} does not run")
        pod, _ = self._running[DNS_POD.key]
        for ip in pod.ips:
            with self.enter(Source(SourceKind.POD, pod.name, pod.namespace)):
                asking = dns.connected(ip)
            with asking:
                try:
                    await dns.ask(asking)
                except (OSError, TimeoutError) as error:
                    raise ClusterError(f"the cluster's DNS does not answer: {error!r}") from error

    async def _reconcile(self) -> None:
        events = self._api.drain()
        self._zone = None
        wanted = {pod.key: pod for pod in self._api.pods() if pod.ips and not pod.finished}
        gone = [
            pod
            for pod, _ in self._running.values()
            if pod.key not in wanted or _built(pod) != _built(wanted[pod.key])
        ]
        for pod in gone:
            await self._stop(pod)
        # A new pod has no link yet: nothing can leave or reach it before its policies are in
        # force.
        self._enforcers.handle(events)
        new = [pod for key, pod in wanted.items() if key not in self._running]
        if events:
            _log.debug("%d events, %d pods gone, %d new", len(events), len(gone), len(new))
        since = time.time()
        self._machines.add_pods(new)
        if self._continuous is not None:
            for pod in new:
                self._continuous.appear(Source(SourceKind.POD, pod.name, pod.namespace), since)
        await asyncio.gather(*(self._start(pod) for pod in new))
        self._translate()

    async def _start(self, pod: Pod) -> None:
        server = self._server(pod)
        try:
            await server.start()
        except OSError as error:
            self._machines.remove_pod(pod)
            raise ClusterError(f"pod {pod.namespace}/{pod.name} cannot serve: {error}") from error
        self._running[pod.key] = (pod, server)

    async def _stop(self, pod: Pod) -> None:
        _, server = self._running.pop(pod.key)
        if self._continuous is not None:
            await self._continuous.vanish(Source(SourceKind.POD, pod.name, pod.namespace))
        await server.stop()
        self._machines.remove_pod(pod)

    def _server(self, pod: Pod) -> Server:
        enter = partial(self.enter, Source(SourceKind.POD, pod.name, pod.namespace))
        if pod.key == DNS_POD.key:
            return dns.Server(self._names, pod.ips, enter)
        directory = self._files.scratch / f"{pod.namespace}_{pod.name}"
        return Workload(pod, directory, enter, self._busybox)

    async def _serve_outside(self, host: OutsideHost) -> None:
        ports = [(port, kind) for port in host.ports for kind in (Protocol.TCP, Protocol.UDP)]
        families = tuple({ip.version for ip in host.ips} & {*self._spec.families})
        enter = partial(self.enter, Source(SourceKind.OUTSIDE, host.name))
        await OwnServers(f"outside/{host.name}", ports, families=families, inside=enter).start()

    def _names(self) -> dns.Zone:
        if self._zone is None:
            self._zone = dns.zone(self._api.state(), self._spec.outside)
        return self._zone

    def _lacks(self) -> dict[str, str]:
        return {"lacking": "; ".join(sorted(map(str, self._lacking)))} if self._lacking else {}

    def _translate(self) -> None:
        """Program the Services on each node where that changes anything, and what is lacking."""
        state = self._api.state()
        for node in state.nodes:
            text = lacks.ruleset(state, node, self._lacking) + services.ruleset(state, node)
            if self._translations.get(node.name) != text:
                _run(self._firewalls[node.name], text, f"the Services of {node.name}")
                self._translations[node.name] = text
        self._machines.route_to_nodes(
            {
                ip: entry
                for service in state.services
                for ip in service.load_balancer_ips
                for entry in [services.entry_node(state, service)]
                if entry is not None
            }
        )


def _built(pod: Pod) -> tuple[object, ...]:
    """What cannot change while a pod runs."""
    return pod.node, pod.ips, pod.image, pod.ports


@contextmanager
def answering() -> Iterator[None]:
    """Have what the API says be said as a Cluster says it: RefusedError, or ClusterError."""
    try:
        yield
    except ManifestError as error:
        raise RefusedError(str(error)) from error
    except addresses.CapacityError as error:
        raise ClusterError(str(error)) from error


def _nft() -> Nft:
    try:
        return Nft()
    except NftError as error:
        raise ClusterError(str(error)) from error


def _run(firewall: Nft, text: str, what: str) -> None:
    try:
        firewall.run(text)
    except NftError as error:
        raise ClusterError(f"nftables refused {what}: {error}") from error
