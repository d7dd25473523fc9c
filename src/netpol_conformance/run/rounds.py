"""Probe rounds: asking many cells at once, quickly while waiting, or in full for evidence."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from netpol_conformance.clusters.base import Cluster
from netpol_conformance.judge.cell import CellRound, Proof, all_connected, silent
from netpol_conformance.model.objects import Protocol
from netpol_conformance.probe.verdict import Observation, Probe, Tool, Verdict
from netpol_conformance.probe.wget import is_address
from netpol_conformance.run.addressing import Addressing
from netpol_conformance.run.timeouts import Timeouts
from netpol_conformance.scenario.types import CellKey, Destination, Expectation


@dataclass(frozen=True)
class ProbeRound:
    """What one full round saw: a CellRound a cell, a witness a destination, and whether names
    resolve.
    """

    cells: Mapping[CellKey, CellRound] = field(default_factory=dict)
    witnesses: Mapping[Destination, Observation] = field(default_factory=dict)
    names_resolve: bool = False

    @property
    def confirms(self) -> bool:
        """Whether it is a second look at what was not as expected."""
        return any(look.confirms for look in self.cells.values())

    def wrong(self, expected: Mapping[CellKey, Expectation]) -> tuple[CellKey, ...]:
        """The cells whose look contradicts ``expected``, which has each of them."""
        return tuple(cell for cell, look in self.cells.items() if not look.is_as(expected[cell]))


class Controls:
    """What each cell's probes saw without the policy, over a scenario."""

    def __init__(self) -> None:
        self._opening: dict[CellKey, tuple[Observation, ...]] = {}
        self._closing: dict[CellKey, tuple[Observation, ...]] = {}
        self._allowed: dict[CellKey, tuple[Observation, ...]] = {}
        self._silences: dict[CellKey, list[bool]] = {}

    def add(self, look: ProbeRound, *, closing: bool = False) -> None:
        """Keep the observations of ``look``, made without policy: before the first step, or
        (``closing``) after the last. Of one kind of control, the latest count.
        """
        seen = self._closing if closing else self._opening
        seen.update({cell: look.observations for cell, look in look.cells.items()})

    def add_patient(self, look: ProbeRound) -> None:
        """Keep what ``look`` saw without policy, in which each probe waited long."""
        for cell, answers in look.cells.items():
            witness = look.witnesses.get(cell.destination)
            self._silences.setdefault(cell, []).append(silent(answers, witness))

    def proof(self, cell: CellKey, *, carried: bool | None) -> Proof:
        """What the controls of ``cell`` prove; ``carried`` is whether the pod network was measured
        to carry such a connection.
        """
        seen = self.of(cell)
        carries = all_connected(seen) or carried
        return Proof(seen, carried=carries, isolated=self._isolated(cell))

    def _isolated(self, cell: CellKey) -> bool:
        """Whether the cell stayed silent without policy however long it was asked, its server
        listening.
        """
        silences = self._silences.get(cell, [])
        return bool(silences) and all(silences)

    def add_allowed(self, look: ProbeRound, expected: Mapping[CellKey, Expectation]) -> None:
        """Keep the cells of ``look`` that connected at a step, as they were ``expected`` to."""
        for cell, seen in look.cells.items():
            if expected[cell] is Expectation.CONNECTED and seen.is_as(expected[cell]):
                self._allowed[cell] = seen.observations

    def of(self, cell: CellKey) -> tuple[Observation, ...]:
        """The observations that are the cell's controls, oldest first.

        A step that allowed the cell has to do where its pods came after the first step and went
        before the last: neither without any policy nor after it could they be asked.
        """
        opening, closing = self._opening.get(cell, ()), self._closing.get(cell, ())
        if closing and not all_connected(opening):
            return closing  # on a busy machine; asked again because of that
        return opening + closing or self._allowed.get(cell, ())

    def missing(self, denied: Mapping[CellKey, Expectation]) -> list[CellKey]:
        """The cells of ``denied`` without a control, or with one that failed at the opening.

        An unresolved name needs one from after the policy too: a DNS server that died would
        otherwise look like a policy.
        """
        return [
            cell
            for cell, expectation in denied.items()
            if cell not in self._closing
            and (
                expectation is Expectation.UNRESOLVED
                or not all_connected(self._opening.get(cell, ()))
            )
        ]


@dataclass(frozen=True)
class MatrixProber:
    """Asks the cells of one scenario's matrix of one cluster.

    ``documented`` are the cells that the author stated anywhere: these are asked by wget, as the
    documentation does, all others by sockets. With ``prompt`` an expected connection must come
    with its first packet, which only a socket shows.
    """

    cluster: Cluster
    addressing: Addressing
    documented: frozenset[CellKey]
    timeouts: Timeouts
    prompt: bool = False

    def quick(self, expected: Mapping[CellKey, Expectation]) -> dict[CellKey, Observation]:
        """The cells that are not yet as expected, by one short socket probe each.

        A name is looked up too: a policy about DNS may come into force later than others.
        Unspecified cells have no quick look: the full one records them.
        """
        cells = [cell for cell, wanted in expected.items() if wanted is not Expectation.UNSPECIFIED]
        probes = [self._dialled(cell, self.timeouts.poll) for cell in cells]
        answers = zip(cells, self.cluster.probe(probes), strict=True)
        return {
            cell: seen for cell, seen in answers if not CellRound((seen,)).is_as(expected[cell])
        }

    def control(self, cells: Iterable[CellKey]) -> ProbeRound:
        """Ask ``cells`` exactly as denied ones will be, where no policy stands in the way."""
        return self.full(dict.fromkeys(cells, Expectation.BLOCKED))

    def full(
        self,
        expected: Mapping[CellKey, Expectation],
        *,
        cells: Iterable[CellKey] | None = None,
        confirms: bool = False,
    ) -> ProbeRound:
        """Ask ``cells`` (default: all of ``expected``) with every probe that their evidence needs,
        and their servers from inside; ``confirms`` if it is a second look at them.
        """
        chosen = tuple(expected) if cells is None else tuple(cells)
        probes = self._second_probes if confirms else self._probes
        asked = [(cell, probe) for cell in chosen for probe in probes(cell, expected[cell])]
        sights = [
            (destination, probe)
            for destination in dict.fromkeys(cell.destination for cell in chosen)
            for probe in self.addressing.witnesses(destination, self.timeouts.probe)
        ]
        answers = self.cluster.probe([probe for _, probe in (*asked, *sights)])
        seen: dict[CellKey, list[Observation]] = {cell: [] for cell in chosen}
        for (cell, _), answer in zip(asked, answers[: len(asked)], strict=True):
            seen[cell].append(answer)
        witnesses: dict[Destination, Observation] = {}
        for (destination, _), answer in zip(sights, answers[len(asked) :], strict=True):
            known = witnesses.get(destination)
            if known is None or known.verdict is Verdict.CONNECTED:
                witnesses[destination] = answer
        return ProbeRound(
            {
                cell: CellRound(tuple(answers), confirms, self.prompt)
                for cell, answers in seen.items()
            },
            witnesses,
            names_resolve=any(_resolved(answer) for answer in answers),
        )

    def _probes(self, cell: CellKey, wanted: Expectation) -> list[Probe]:
        """A documented cell is asked by wget; one that must stay blocked also for longer."""
        blocked = wanted is Expectation.BLOCKED
        prompt = self.prompt and wanted is Expectation.CONNECTED
        longer = self.timeouts.hold if blocked or prompt else self.timeouts.probe
        named = cell.destination.named
        by_wget = cell.destination.protocol is Protocol.TCP
        if not (by_wget and (named or cell in self.documented)):
            return [self._dialled(cell, longer)]
        wget = replace(self._dialled(cell, self.timeouts.probe), tool=Tool.WGET)
        by_address = replace(self.addressing.probe(cell), timeout=longer)
        return [wget, by_address] if blocked or prompt else [wget]

    def _second_probes(self, cell: CellKey, wanted: Expectation) -> list[Probe]:
        """A busy machine makes a connection late, a policy never: a second look at one that was
        expected waits long. For anything else it is the first look again.
        """
        if wanted is not Expectation.CONNECTED:
            return self._probes(cell, wanted)
        return [self._dialled(cell, self.timeouts.confirm)]

    def _dialled(self, cell: CellKey, timeout: float) -> Probe:
        """A socket that dials what a user would: the name, where the cell has one."""
        named = cell.destination.named
        return replace(self.addressing.probe(cell, by_name=named), timeout=timeout)


def _resolved(answer: Observation) -> bool:
    """Whether a name was asked for, and found."""
    missed = (Verdict.NAME_NOT_RESOLVED, Verdict.ERROR)
    return not is_address(answer.probe.host) and answer.verdict not in missed
