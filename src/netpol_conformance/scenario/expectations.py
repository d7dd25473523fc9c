"""``expect`` in a step -> cells: replicas and ``"*"`` spelt out, every name looked up."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from netpol_conformance.model.objects import ClusterState, SourceKind
from netpol_conformance.scenario.continuous import ContinuousKind, Moment, obstacles
from netpol_conformance.scenario.errors import Complaints, FieldPath, did_you_mean
from netpol_conformance.scenario.matrix import INSIDE_ONLY, everyone_else
from netpol_conformance.scenario.names import destination, source
from netpol_conformance.scenario.paths import PathError, check_destination, has_family, path
from netpol_conformance.scenario.planning import own_pods
from netpol_conformance.scenario.schema import StepPart
from netpol_conformance.scenario.types import (
    CellKey,
    Destination,
    Expectation,
    Scenario,
    SourceRef,
    Step,
    Via,
)

_Kind = Literal["expect"] | ContinuousKind
EVERYONE_ELSE = "*"
"""The source that stands for all others: see ``matrix.everyone_else``."""


@dataclass(frozen=True, slots=True)
class _Row:
    """One destination's expectations in one step; ``others`` is the word for ``"*"``, if any."""

    where: FieldPath
    destination: Destination
    words: tuple[tuple[str, SourceRef, Expectation], ...]
    others: Expectation | None


@dataclass
class Expectations:
    """The expectations of a file: first ``read`` all steps, then ``fill`` each with its cells.

    ``groups`` as in ``Workloads``; ``family`` is what a destination means that names none.
    """

    groups: dict[tuple[str, str], tuple[str, ...]]
    family: int
    complaints: Complaints
    _rows: dict[tuple[int, _Kind], list[_Row]] = field(default_factory=dict)

    @property
    def sources(self) -> list[SourceRef]:
        """All sources named, in order."""
        return [ref for row in self._all() for _, ref, _ in row.words]

    @property
    def destinations(self) -> list[Destination]:
        """All destinations named, in order."""
        return [row.destination for row in self._all()]

    def read(self, number: int, part: StepPart) -> None:
        """Note what step ``number`` expects, without looking anything up."""
        silent = Expectation.UNSPECIFIED.value
        held = {text: dict.fromkeys(sources, silent) for text, sources in part.held.items()}
        self._read(number, "expect", part.expect)
        self._read(number, "meanwhile", part.meanwhile)
        self._read(number, "held", held)

    def _read(self, number: int, kind: _Kind, expected: Mapping[str, Mapping[str, str]]) -> None:
        rows = self._rows.setdefault((number, kind), [])
        for text, sources in expected.items():
            where: FieldPath = ("steps", number, kind, text)
            try:
                named = destination(text, self.family)
            except ValueError as error:
                self.complaints.add(where, str(error))
                continue
            words = tuple(self._words(sources))
            others = sources.get(EVERYONE_ELSE)
            for replica in self._replicas(named):
                rows.append(_Row(where, replica, words, Expectation(others) if others else None))

    def fill(self, scenario: Scenario, number: int, step: Step, moment: Moment) -> Step:
        """``step`` with its cells, every one of which exists when it is asked for."""
        cells, lines = self._looked_up(scenario, number, "expect", moment.after)
        meanwhile, their_lines = self._looked_up(scenario, number, "meanwhile", moment.after)
        held, _ = self._looked_up(scenario, number, "held", moment.before)
        if not self.complaints.problems:
            kinds: dict[ContinuousKind, Iterable[CellKey]] = {"meanwhile": meanwhile, "held": held}
            for kind, chosen in kinds.items():
                for cell in chosen:
                    for reason in obstacles(scenario, step, cell, moment, kind):
                        self.complaints.add(("steps", number, kind), f"{cell}: {reason}")
        return replace(
            step,
            expected=tuple(cells.items()),
            expected_lines=lines,
            meanwhile=tuple(meanwhile.items()),
            continuous_lines=their_lines,
            held=tuple(held),
        )

    def _looked_up(
        self, scenario: Scenario, number: int, kind: _Kind, state: ClusterState
    ) -> tuple[dict[CellKey, Expectation], tuple[int, ...]]:
        """The cells of one kind, all of which exist in ``state``, and their lines."""
        cells: dict[CellKey, Expectation] = {}
        lines: list[int] = []
        for row in self._rows[number, kind]:
            if not self._is_there(scenario, state, row):
                continue
            for where, cell, word in self._cells(scenario, state, row):
                if cell in cells:
                    self.complaints.add(where, f"{cell} is stated twice in this step")
                    continue
                self._check(scenario, state, where, cell, word)
                cells[cell] = word
                lines.append(self.complaints.line_of(where))
        return cells, tuple(lines)

    def _all(self) -> Iterator[_Row]:
        for rows in self._rows.values():
            yield from rows

    def _words(self, sources: Mapping[str, str]) -> Iterator[tuple[str, SourceRef, Expectation]]:
        for text, word in sources.items():
            if text == EVERYONE_ELSE:
                continue
            ref = source(text)
            names = self.groups.get((ref.namespace, ref.name), (ref.name,))
            for name in names if ref.kind == SourceKind.POD else (ref.name,):
                yield text, replace(ref, name=name), Expectation(word)

    def _replicas(self, named: Destination) -> list[Destination]:
        if named.via is not Via.POD:
            return [named]
        names = self.groups.get((named.namespace, named.name), (named.name,))
        return [replace(named, name=name) for name in names]

    def _is_there(self, scenario: Scenario, state: ClusterState, row: _Row) -> bool:
        try:
            check_destination(state, scenario, row.destination)
        except PathError as error:
            known = _destination_names(scenario, state)
            named = str(row.destination).rpartition(":")[0]
            hint = "" if named in known else did_you_mean(named, known)
            self.complaints.add(row.where, str(error), hint)
            return False
        return True

    def _cells(
        self, scenario: Scenario, state: ClusterState, row: _Row
    ) -> Iterator[tuple[FieldPath, CellKey, Expectation]]:
        for text, ref, word in row.words:
            cell = CellKey(ref, row.destination)
            if text == str(ref) or not _is_self(cell):  # replicas, as a group, means each other
                yield (*row.where, text), cell, word
        if row.others is None:
            return
        named = [ref for _, ref, _ in row.words]
        where = (*row.where, EVERYONE_ELSE)
        others = list(everyone_else(scenario, state, row.destination, named))
        if not others:
            self.complaints.add(where, '"*" stands for nobody here', "leave it out")
        for cell in others:
            yield where, cell, row.others

    def _check(
        self,
        scenario: Scenario,
        state: ClusterState,
        where: FieldPath,
        cell: CellKey,
        word: Expectation,
    ) -> None:
        """Whether the cell exists, so that a probe of it can show something."""
        via = cell.destination.via
        if cell.source.kind != SourceKind.POD and via in INSIDE_ONLY:
            self.complaints.add(where, f"a {via} destination can be reached from pods only")
            return
        if word is Expectation.UNRESOLVED and not cell.destination.named:
            self.complaints.add(where, "no name is looked up here", "blocked?")
        try:
            found = path(state, scenario, cell)
        except PathError as error:
            known = [*_pod_names(state), *_host_names(scenario)]
            self.complaints.add(where, str(error), did_you_mean(str(cell.source), known))
            return
        if not found.flows:
            self.complaints.add(where, "no pod is behind this Service at this step")
        for flow in found.flows:
            if not all(has_family(end, found.family) for end in (flow.source, flow.destination)):
                self.complaints.add(where, f"an end of {cell} has no IPv{found.family} address")


def _is_self(cell: CellKey) -> bool:
    named = (cell.destination.namespace, cell.destination.name)
    return cell.destination.via is Via.POD and named == (cell.source.namespace, cell.source.name)


def _pod_names(state: ClusterState) -> list[str]:
    return [str(SourceRef(SourceKind.POD, pod.namespace, pod.name)) for pod in own_pods(state)]


def _host_names(scenario: Scenario) -> list[str]:
    return [str(SourceRef(SourceKind.OUTSIDE, "", host.name)) for host in scenario.outside]


def _destination_names(scenario: Scenario, state: ClusterState) -> list[str]:
    """Everything that a destination may name, as it is written before the port."""
    services = [
        Destination(Via.SERVICE, service.namespace, service.name, 0) for service in state.services
    ]
    names = [str(service).rpartition(":")[0] for service in services]
    return [*_pod_names(state), *_host_names(scenario), *names]
