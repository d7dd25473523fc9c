"""A dry run of a scenario: could any probe distinguish a mutant from the reference? Pure.

A run's own code makes the changes, on a cluster that has the embedded cluster's API and nothing
else; what that tells the enforcers is written down, then told to enforcers whose nft only writes
down what they load. ``likeness`` says what came of it, and equal words mean equal runs:

- where a mutant loads, from its start to the last change, word for word what the reference loads,
  the kernel has the same rules at every moment;
- where it loads other words, but whenever the scenario asks each node would let the same packets
  through (``filtering``), no answer differs. This holds only for connections that begin when all is
  at rest.

What is not predicted here raises UnforeseenError: then only a run can show it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import MISSING, Field, dataclass, field, fields
from functools import cached_property
from hashlib import sha256
from ipaddress import ip_address
from itertools import chain
from typing import Any, NoReturn
from unittest.mock import patch

from netpol_conformance.api.server import Api
from netpol_conformance.clusters.base import ClusterError, RefusedError
from netpol_conformance.clusters.embedded.control import answering
from netpol_conformance.clusters.embedded.enforcers import Enforcers
from netpol_conformance.enforcer import ruleset
from netpol_conformance.enforcer.apply import NftError
from netpol_conformance.enforcer.compile import PROTOCOL_NUMBERS
from netpol_conformance.enforcer.controller import Controller, EnforcerFactory
from netpol_conformance.model.objects import (
    ClusterState,
    IPAddress,
    ObjectKey,
    Pod,
    Protocol,
    TranslatedSource,
)
from netpol_conformance.run.change import Changes
from netpol_conformance.run.execution import manifest_list
from netpol_conformance.scenario.matrix import cells
from netpol_conformance.scenario.paths import PathError, Seen, path
from netpol_conformance.scenario.types import CellKey, OutsideSpec, Scenario, Step, Via

from .filtering import Filter, Interfaces, NftRefusalError, Packet, UnknownRulesError

_OF_A_STEP = (
    "title apply delete refused expected same_because line expected_lines finish reuse enforcer "
    "meanwhile continuous_lines held"
)
_OF_A_SCENARIO = (
    "path title rules documented covers steps objects sources destinations outside features nodes "
    "families version version_pinned about case axes digest lines neighbour_of"
)
"""What may be said in a scenario and is taken into account here, or changes nothing."""

Call = tuple[str, tuple[Any, ...]]
"""A method of ``Enforcers`` and its arguments; or LOOK, where the scenario asks."""
LOOK: Call = ("look", ())
_DIRECT = frozenset({Via.POD, Via.OUTSIDE, Via.NODE})
"""The ways on which no address is translated."""
_AT_REST = 0.2
"""Seconds after which no scenario has confirmed anything yet, whatever its patience."""


class UnforeseenError(Exception):
    """Something happens that only a real cluster can show; says what."""


def states(scenario: Scenario) -> Iterator[ClusterState]:
    """The embedded cluster before the first step, and after each; raises UnforeseenError."""
    return _played(scenario, _Cluster(scenario))


class DryRun:
    """One scenario, for any number of enforcers. Raises UnforeseenError."""

    def __init__(self, scenario: Scenario) -> None:
        _check(scenario, _OF_A_SCENARIO)
        for step in scenario.steps:
            _check(step, _OF_A_STEP)
        self._version = scenario.version
        self._speaks_ipv6 = 6 in scenario.families
        self._at_rest = not any(step.meanwhile or step.held for step in scenario.steps)
        cluster = _Cluster(scenario)
        self._nodes = tuple(node.name for node in cluster.state().nodes)
        self._places = [_Places(state) for state in _played(scenario, cluster)]
        self._script = tuple(cluster.script)
        packets = (_packets(scenario, places.state) for places in self._places)
        self._packets = tuple(sorted(set(chain.from_iterable(packets))))
        self._known: dict[str, str] = {}
        self._passed: dict[tuple[str, int, str], str] = {}

    @cached_property
    def reference(self) -> str:
        """The likeness of the reference."""
        return self.likeness(Controller)

    def likeness(self, factory: EnforcerFactory | None) -> str:
        """A word for what ``factory``'s enforcers would do in the scenario; None is nobody."""
        loads = list(self._loads(factory))
        words = _digest(f"{node}\n{text}" for node, text in loads)
        if words not in self._known:
            self._known[words] = self._answers(loads) or words
        return self._known[words]

    def _loads(self, factory: EnforcerFactory | None) -> Iterator[tuple[str, str]]:
        """Each text that a node's nft is given, in order; a look is one of no node."""
        texts: list[tuple[str, str]] = []
        recorders: Any = {node: _Recorder(node, texts) for node in self._nodes}
        enforcers = Enforcers(factory, recorders, self._version)
        for method, arguments in self._script:
            if (method, arguments) == LOOK:
                yield "", ""
                continue
            try:
                with _clock():
                    getattr(enforcers, method)(*arguments)
            except ClusterError as error:  # the run ends here
                if isinstance(error.__cause__, UnforeseenError):
                    raise error.__cause__ from None
                yield "", f"raised {error}"
                return
            # Nodes get events one after the other, but each in its own time.
            yield from sorted(texts, key=lambda load: load[0])
            texts.clear()

    def _answers(self, loads: Sequence[tuple[str, str]]) -> str:
        """What the nodes let through whenever it is asked; empty if that says too little."""
        if not self._at_rest:
            return ""
        rules = {node: Filter() for node in self._nodes}
        loaded = dict.fromkeys(self._nodes, "")
        places = iter(self._places)
        answers: list[str] = []
        try:
            for node, text in loads:
                if node:
                    rules[node].load(text)
                    loaded[node] = _digest([loaded[node], text])
                elif text:
                    return ""  # it ended there
                else:
                    at = next(places)
                    for each in self._nodes:
                        asked = each, id(at), loaded[each]
                        if asked not in self._passed:
                            self._passed[asked] = self._passing(rules[each], each, at)
                        answers.append(self._passed[asked])
        except UnknownRulesError:
            return ""
        return _digest(answers)

    def _passing(self, rules: Filter, node: str, places: _Places) -> str:
        """A digit a packet: 1 if the node lets it through. Raises UnknownRulesError."""
        if rules.hooks - {"forward"} and self._speaks_ipv6:
            raise UnknownRulesError("what a node says to its neighbours may be judged")
        return "".join(
            str(int(_decided(rules, packet, hook, places.links(node, packet))))
            for packet in self._packets
            for hook in places.hooks(node, packet)
        )


def _decided(rules: Filter, first: Packet, hook: str, links: Interfaces) -> bool:
    """Whether a packet and its answer pass; raises UnknownRulesError if that can't be told."""
    back = Interfaces(links.leaves, links.arrives)
    answering = {"input": "output", "output": "input"}.get(hook, hook)
    ends = rules.lets(first, links, hook), rules.lets(first.answer, back, answering)
    if any(len(end) > 1 for end in ends):
        raise UnknownRulesError(f"{first} may pass or not")
    return all(end == {True} for end in ends)


class _Places:
    """Where the addresses of a state are."""

    def __init__(self, state: ClusterState) -> None:
        self.state = state
        self._own = {node.name: {_key(ip) for ip in node.ips} for node in state.nodes}
        self._pods = {
            node.name: {
                _key(ip)
                for pod in state.pods
                if pod.node == node.name and not pod.host_network and not pod.finished
                for ip in pod.ips
            }
            for node in state.nodes
        }

    def links(self, node: str, packet: Packet) -> Interfaces:
        """By which links the packet passes the node."""
        own = self._pods[node] | self._own[node]
        ends = ((packet.family, packet.source), (packet.family, packet.destination))
        return Interfaces(*(end not in own for end in ends))

    def hooks(self, node: str, packet: Packet) -> list[str]:
        """The hooks of the node that the packet may pass."""
        passed = ["forward"]
        if (packet.family, packet.source) in self._own[node]:
            passed.append("output")
        if (packet.family, packet.destination) in self._own[node]:
            passed.append("input")
        return passed


def _key(ip: IPAddress) -> tuple[int, int]:
    return ip.version, int(ip)


@dataclass(slots=True)
class _Recorder:
    """An ``Nft`` that writes down what it is to load."""

    node: str
    texts: list[tuple[str, str]]
    rules: Filter = field(default_factory=Filter)

    def run(self, text: str) -> str:
        if text.startswith("list"):
            return self._list(text)
        try:
            self.rules.load(text)
        except NftRefusalError as refusal:
            raise NftError(str(refusal)) from refusal
        except UnknownRulesError:
            pass  # it is written down all the same
        self.texts.append((self.node, text))
        return ""

    def _list(self, text: str) -> str:
        """Answer the one question that an enforcer asks: whether a table is in force."""
        for table in ruleset.TABLES:
            if text == ruleset.hooked(table):
                if not self.rules.is_hooked(table):
                    raise NftError("No such file or directory")
                return ""
        raise UnforeseenError("the enforcer asks nft what is in force")


@contextmanager
def _clock() -> Iterator[None]:
    """Have the code inside find a _Clock as the running event loop, and never sleep."""
    before = asyncio._get_running_loop()
    asyncio._set_running_loop(_Clock())  # type: ignore[arg-type]
    try:
        with patch("time.sleep", lambda _seconds: None):
            yield
    finally:
        asyncio._set_running_loop(before)


class _Clock:
    """Stands in for an event loop: what is to come soon comes at once."""

    def call_later(self, seconds: float, work: Callable[[], object]) -> None:
        if seconds > _AT_REST:
            raise UnforeseenError(f"the enforcer does something {seconds} s later")
        work()


class _Cluster:
    """The API of an embedded cluster; ``script`` is what it told the enforcers."""

    def __init__(self, scenario: Scenario) -> None:
        self._api = Api(scenario.nodes, scenario.families, scenario.version)
        self.script: list[Call] = []
        self._api.drain()
        self.start_enforcer()

    def state(self) -> ClusterState:
        return self._api.state()

    def apply(self, manifests: str) -> None:
        try:
            with answering():
                self._api.apply(manifests)
        finally:
            self._record()

    def delete(self, keys: Sequence[ObjectKey]) -> None:
        with answering():
            for key in keys:
                self._api.delete(key)
        self._record()

    def lifecycle(self) -> _Cluster:
        return self

    def start_enforcer(self) -> None:
        self.script.append(("start", (tuple(self._api.state().objects()),)))

    def stop_enforcer(self) -> None:
        self.script.append(("stop", ()))

    def cut_off_enforcer(self) -> None:
        self.script.append(("cut_off", ()))

    def reconnect_enforcer(self) -> None:
        self.script.append(("reconnect", ()))

    def finish(self, pods: Sequence[ObjectKey]) -> None:
        for key in pods:
            self._api.finish(key)
        self._record()

    def reuse(self, pods: dict[ObjectKey, Pod]) -> None:
        self._api.reserve(pods)

    def look(self) -> None:
        self.script.append(LOOK)

    def _record(self) -> None:
        self.script.append(("handle", (self._api.drain(),)))

    def __getattr__(self, name: str) -> NoReturn:
        raise UnforeseenError(f"{name} cannot be dry-run")


def _played(scenario: Scenario, cluster: Any) -> Iterator[ClusterState]:
    """Make all changes of a run on ``cluster``; the states in which it asks.

    The closing control, which takes all policy away, is left out: it can make a run inconclusive,
    never fail it.
    """
    cluster.apply(manifest_list(scenario.objects))
    cluster.look()
    yield cluster.state()
    changes = Changes(cluster, scenario)
    for step in scenario.steps:
        with suppress(RefusedError):
            changes.make(step)
        cluster.look()
        yield cluster.state()


def _packets(scenario: Scenario, state: ClusterState) -> Iterator[Packet]:
    """The first packets that a cell of any step may send in a state, and more."""
    asked = (cell for step in scenario.steps for cell in cells(scenario, step, state))
    for cell in dict.fromkeys(asked):
        yield from packets_of(scenario, state, cell)


def packets_of(scenario: Scenario, state: ClusterState, cell: CellKey) -> Iterator[Packet]:
    """The first packets that a cell may send, its ends' own before others.

    At a Service's entrances any node may stand in for the source (S41), and a name may be looked
    up over TCP.
    """
    try:
        found = path(state, scenario, cell)
    except PathError:
        return
    direct = cell.destination.via in _DIRECT
    entering = cell.destination.via in {Via.NODE_PORT, Via.LOAD_BALANCER}
    nodes = [ip for node in state.nodes for ip in node.ips if entering]
    ways = [(flow, flow.protocol, direct) for flow in found.flows]
    ways += [(flow, kind, False) for flow in found.lookup for kind in (Protocol.UDP, Protocol.TCP)]
    for flow, protocol, as_dialled in ways:
        for source in (*_addresses(flow.source), *nodes):
            for destination in _addresses(flow.destination):
                if source.version == destination.version == found.family:
                    yield Packet(
                        found.family,
                        int(source),
                        int(destination),
                        PROTOCOL_NUMBERS[protocol],
                        (flow.port, flow.port),
                        direct=as_dialled,
                    )


def _addresses(end: Seen) -> tuple[IPAddress, ...]:
    if isinstance(end, TranslatedSource):
        return ()  # any node may stand in for it: packets_of has them all
    if isinstance(end, OutsideSpec):
        return tuple(map(ip_address, end.addresses))
    return end.ips


def _digest(words: Iterable[str]) -> str:
    digest = sha256()
    for word in words:
        digest.update(f"{len(word)}:{word}".encode())
    return digest.hexdigest()


def _check(part: Scenario | Step, foreseen: str) -> None:
    """Raise UnforeseenError if ``part`` says anything in a field that is not ``foreseen``."""
    for each in fields(part):
        if each.name not in foreseen.split() and getattr(part, each.name) != _default(each):
            raise UnforeseenError(f"{each.name} cannot be dry-run")


def _default(of: Field[Any]) -> object:
    return of.default if of.default_factory is MISSING else of.default_factory()
