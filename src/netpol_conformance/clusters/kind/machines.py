"""The machines outside a kind cluster: containers on its network, each with an address asked for.

All scenarios of a run share them, from several threads and from several processes. So a machine
is named by its address, stays until the run's end, and is made by whoever needs it first, while
all others wait for their turn. A machine that died is made again. Every route is one that may be
set twice.

A machine has one address: nodes know one way to each, and a host of one scenario may have an
address that it shares with a host of another.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property, partial
from ipaddress import ip_address, ip_network
from pathlib import Path

from tenacity import Retrying, retry_if_exception, stop_after_delay, wait_fixed

from netpol_conformance.clusters.base import ClusterError, OutsideHost
from netpol_conformance.clusters.kind import wiring
from netpol_conformance.clusters.kind.leftovers import CONTAINER_LABEL
from netpol_conformance.clusters.kind.tools import ToolError, run
from netpol_conformance.clusters.kind.wiring import End
from netpol_conformance.clusters.kubernetes.public import AGENT, Turn, logged_wait, require
from netpol_conformance.clusters.serving import server_words
from netpol_conformance.model.objects import IPAddress, IPNetwork, Node

_DOCKER = 60.0
"""Seconds that any docker command may take."""
_START = 20.0
"""Seconds until a machine's name is free, it runs, and a server on it answers."""
_LOOK_AGAIN = 0.1
_FOREVER = str(2**31 - 1)
_ANY_WAY_IN = "net.ipv4.conf.all.rp_filter=0"
_SETTINGS = {4: (_ANY_WAY_IN,), 6: (_ANY_WAY_IN, "net.ipv6.conf.all.disable_ipv6=0")}
_FORMAT = (
    '{"id": {{json .Id}}, "running": {{json .State.Running}}, '
    '"networks": {{json .NetworkSettings.Networks}}}'
)
_TAKEN = ("already in use", "already exists in network")
"""What Docker says of a name whose container is being made or removed by someone else."""


@dataclass(frozen=True, slots=True)
class Machine:
    """One machine. ``container`` is Docker's id of it, ``transport`` its address on kind's network.

    Should it die, a machine with the same address is another one, which knows none of its routes:
    who has this one notices, since nothing can be run on it any more.
    """

    ip: IPAddress
    container: str
    transport: IPAddress

    @property
    def end(self) -> End:
        """The machine as an end of tunnels."""
        return End(self.transport, (self.ip,))


@dataclass(frozen=True, slots=True)
class _Container:
    """What Docker says of a container; ``ips`` are its addresses by Docker's networks."""

    id: str
    running: bool
    ips: Mapping[str, IPAddress]


@dataclass(slots=True)
class _Prepared:
    """A machine that has its routes, and on which ports it is known to serve."""

    machine: Machine
    served: set[int] = field(default_factory=set)


class Machines:
    """The machines outside the cluster ``cluster``, of the suite's ``image``.

    Its methods may be called from any thread, and raise ClusterError.
    """

    def __init__(self, cluster: str, docker: Path, image: str, nodes: Sequence[Node]) -> None:
        self._cluster = cluster
        self._docker = docker
        self._image = image
        self._nodes = {node.name: node for node in nodes}
        self._prepared: dict[IPAddress, _Prepared] = {}

    def identity(self, ip: IPAddress) -> str:
        """What the servers of this machine call themselves."""
        return f"outside/{_slug(ip)}"

    def container(self, ip: IPAddress) -> str:
        """The container that is this machine."""
        return f"{self._cluster}-outside-{_slug(ip)}"

    @property
    def pod_cidrs(self) -> tuple[IPNetwork, ...]:
        """The networks that nodes are to give their pods addresses of, whether or not they do."""
        return tuple(cidr for node in self._nodes.values() for cidr in node.pod_cidrs)

    def node(self, names: Collection[str]) -> Node | None:
        """The first node among those named."""
        return next((node for name, node in self._nodes.items() if name in names), None)

    def agent(self, machine: Machine) -> list[str]:
        """The command whose standard input and output lead to the agent on this machine."""
        return [str(self._docker), "exec", "--interactive", machine.container, *AGENT]

    def start(self, ip: IPAddress, ports: Collection[int]) -> Machine:
        """See that the machine runs, has a way to every node and back, and serves on ``ports``."""
        prepared = self._prepared_for(ip, ports)
        if prepared is None:
            with self._turn():
                prepared = self._prepared_for(ip, ports)  # by whoever had the turn before
                if prepared is None:
                    prepared = self._prepare(ip, ports)
        return prepared.machine

    def route(self, machine: Machine, targets: Mapping[IPAddress, str]) -> None:
        """Have the machine reach each target, by the node of this name that has it."""
        entries = [(target, self._ends[node]) for target, node in targets.items()]
        self._shell(machine.container, wiring.of_targets(machine.end, entries))

    def remove(self) -> None:
        """Remove all machines of the cluster, and what leads to them from the nodes."""
        label = f"label={CONTAINER_LABEL}={self._cluster}"
        machines = self._run("ps", "--all", "--quiet", "--filter", label).split()
        if not machines:
            return
        self._run("rm", "--force", "--volumes", *machines)
        for name in self._nodes:
            with contextlib.suppress(ToolError):  # a node that is gone knows none
                self._shell(name, wiring.without_link())

    def networks(self) -> tuple[IPNetwork, ...]:
        """The subnets of Docker's network that the nodes are on, one for each of their families."""
        text = self._run("network", "inspect", "--format", "{{json .IPAM.Config}}", self._network)
        subnets = [ip_network(entry["Subnet"]) for entry in json.loads(text)]
        families = {ip.version for ip in self._first_node.ips}
        return tuple({net.version: net for net in subnets if net.version in families}.values())

    # -- making one ------------------------------------------------------------------------------

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """One machine is made at a time: of two that make the same one, neither would know what the
        other has done to it.
        """
        turn = Turn(f"machines outside {self._cluster}", "a machine outside to be made")
        turn.take()
        try:
            yield
        finally:
            turn.give_back()

    def _prepared_for(self, ip: IPAddress, ports: Collection[int]) -> _Prepared | None:
        """The machine, if nothing is to be done to it and it has not died since."""
        known = self._prepared.get(ip)
        if known is None or not known.served.issuperset(ports):
            return None
        found = self._find(self.container(ip))
        same = found is not None and found.running and found.id == known.machine.container
        return known if same else None

    def _prepare(self, ip: IPAddress, ports: Collection[int]) -> _Prepared:
        found = self._made(ip)
        known = self._prepared.get(ip)
        if known is None or known.machine.container != found.id:
            known = _Prepared(Machine(ip, found.id, self._transport(found)))
            self._connect(known.machine)
            self._prepared[ip] = known
        for port in ports:
            if port not in known.served:
                self._serve(known.machine, port)
                known.served.add(port)
        return known

    def _made(self, ip: IPAddress) -> _Container:
        """The running machine, made if it is not there."""
        container = self.container(ip)
        with logged_wait(f"the name {container} to be free", _START) as still:
            attempts = Retrying(
                stop=stop_after_delay(_START),
                wait=wait_fixed(_LOOK_AGAIN),
                retry=retry_if_exception(_is_taken),
                before_sleep=lambda _state: still(),
                reraise=True,
            )
            return attempts(self._make, container, ip)

    def _make(self, container: str, ip: IPAddress) -> _Container:
        found = self._find(container)
        if found is not None and found.running:
            return found
        if found is not None:  # it died, or its start failed
            with contextlib.suppress(ToolError):  # Docker may be at it already
                self._run("rm", "--force", "--volumes", container)
        words = ["run", "--detach", "--init", "--name", container, "--network", self._network]
        words += ["--label", f"{CONTAINER_LABEL}={self._cluster}"]
        words += ["--cap-add", "NET_ADMIN"]
        words += [word for setting in _SETTINGS[ip.version] for word in ("--sysctl", setting)]
        words += ["--entrypoint", "/bin/busybox", self._image, "sleep", _FOREVER]
        self._run(*words)
        return self._inspect(container)

    def _connect(self, machine: Machine) -> None:
        """Give it its address, and tunnels between it and every node."""
        for node, end in self._ends.items():
            self._shell(node, wiring.of_node(end, machine.end))
        self._shell(machine.container, wiring.of_machine(machine.end, list(self._ends.values())))

    def _serve(self, machine: Machine, port: int) -> None:
        """Answer on a port, unless another process has seen to it; wait until the answer is
        right.
        """
        answers = partial(self._answers, machine, port)
        if answers():
            return
        words = server_words(OutsideHost("", (machine.ip,)), self.identity(machine.ip), [port])
        self._run("exec", "--detach", machine.container, *AGENT, *words)
        what = f"{self.container(machine.ip)} to answer on port {port}"
        require(answers, what, _START, _LOOK_AGAIN)

    def _answers(self, machine: Machine, port: int) -> bool:
        host = f"[{machine.ip}]" if machine.ip.version == 6 else str(machine.ip)
        ask = f"/bin/busybox wget -S --spider -T 1 http://{host}:{port}/ 2>&1"
        try:
            said = self._run("exec", machine.container, "/bin/busybox", "sh", "-c", ask)
        except ToolError:
            return False
        return f": {self.identity(machine.ip)}\n" in said

    # -- asking docker ---------------------------------------------------------------------------

    @cached_property
    def _network(self) -> str:
        """Docker's network that the nodes are on."""
        name = self._first_node.name
        for network in self._inspect(name).ips:
            return network
        raise ClusterError(f"the node {name} has no address on any network of Docker's")

    @cached_property
    def _ends(self) -> dict[str, End]:
        """The nodes as ends of tunnels, by their containers."""
        return {
            name: End(self._transport(self._inspect(name)), node.ips)
            for name, node in self._nodes.items()
        }

    @property
    def _first_node(self) -> Node:
        return next(iter(self._nodes.values()))

    def _transport(self, container: _Container) -> IPAddress:
        """Its address on the nodes' network; raises ClusterError if it has none, being dead say."""
        try:
            return container.ips[self._network]
        except KeyError:
            raise ClusterError(
                f"the container {container.id[:12]} has no address on Docker's network "
                f"{self._network}: it does not run any more"
            ) from None

    def _find(self, container: str) -> _Container | None:
        """The container; None if there is none, or none yet: its name may be taken before."""
        try:
            return self._inspect(container)
        except ToolError as error:
            if "no such" in error.output.lower():
                return None
            raise

    def _inspect(self, container: str) -> _Container:
        found = json.loads(self._run("inspect", "--format", _FORMAT, container))
        ips = {
            network: ip_address(text)
            for network, given in found["networks"].items()
            if (text := given["IPAddress"] or given["GlobalIPv6Address"])
        }
        return _Container(found["id"], found["running"], ips)

    def _shell(self, container: str, script: str) -> None:
        self._run("exec", "--interactive", container, "sh", given=script)

    def _run(self, *words: str, given: str = "") -> str:
        return run([self._docker, *words], given=given, timeout=_DOCKER)


def _slug(ip: IPAddress) -> str:
    """The address as a part of a name."""
    return str(ip).replace(":", "-").replace(".", "-")


def _is_taken(error: BaseException) -> bool:
    """Whether Docker could not make a container since another has its name."""
    return isinstance(error, ToolError) and any(words in error.output for words in _TAKEN)
