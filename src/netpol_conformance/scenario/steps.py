"""The steps of a scenario file: simulated, their expectations turned into cells."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from netpol_conformance.api.addresses import CapacityError
from netpol_conformance.api.server import Api
from netpol_conformance.model.decode import ManifestError
from netpol_conformance.model.objects import ClusterState, ObjectKey, SourceKind
from netpol_conformance.scenario.continuous import Moment
from netpol_conformance.scenario.errors import Complaints, FieldPath
from netpol_conformance.scenario.expectations import Expectations
from netpol_conformance.scenario.names import deletion, pod
from netpol_conformance.scenario.planning import change, own_pods, planned
from netpol_conformance.scenario.schema import ScenarioFile, StepPart
from netpol_conformance.scenario.templating import TemplateError
from netpol_conformance.scenario.types import Destination, Scenario, SourceRef, Step, Via

_COPY = "${copy}"
_CUT_OFF = "an enforcer that is cut off cannot know of pods that come, go or end meanwhile"


def read_steps(
    scenario: Scenario,
    file: ScenarioFile,
    groups: dict[tuple[str, str], tuple[str, ...]],
    complaints: Complaints,
) -> Scenario:
    """``scenario``, which lacks them, with its steps, sources and destinations.

    ``groups`` as in ``Workloads``. What is wrong with the steps goes to ``complaints``; then the
    scenario returned is not whole.
    """
    steps = tuple(_step(number, part, complaints) for number, part in enumerate(file.steps))
    states = _states(scenario, steps, complaints)
    if complaints.problems:
        return scenario
    befores, states = states, states[1:]
    expectations = Expectations(groups, scenario.families[0], complaints)
    for number, part in enumerate(file.steps):
        expectations.read(number, part)
    if complaints.problems:
        return scenario
    whole = replace(
        scenario,
        sources=_sources(scenario, states, expectations.sources),
        destinations=_destinations(scenario, states, expectations.destinations),
    )
    filled = tuple(
        expectations.fill(whole, number, step, Moment(before, after))
        for number, (step, before, after) in enumerate(zip(steps, befores, states, strict=False))
    )
    return replace(whole, steps=filled)


def _step(number: int, part: StepPart, complaints: Complaints) -> Step:
    """The step less its expectations."""
    if part.enforcer == "cut off" and (part.finish or part.reuse):
        complaints.add(("steps", number, "enforcer"), _CUT_OFF)
    keys = []
    for index, text in enumerate(part.delete):
        try:
            keys += [deletion(name) for name in _copied(text, part.copies)]
        except ValueError as error:
            complaints.add(("steps", number, "delete", index), str(error))
    if not (part.expect or part.refused or part.meanwhile):
        complaints.add(("steps", number), "states nothing", "give expect, or refused")
    if part.refused and not part.apply:
        complaints.add(("steps", number, "refused"), "nothing is applied that could be refused")
    return Step(
        title=part.title,
        apply="---\n".join(_copied(part.apply, part.copies)),
        delete=tuple(keys),
        refused=part.refused,
        same_because=part.unchanged,
        line=complaints.line_of(("steps", number)),
        finish=tuple(pod(name) for name in part.finish),
        reuse=tuple((pod(new), pod(old)) for new, old in part.reuse.items()),
        enforcer=part.enforcer,
    )


def _copied(text: str, copies: int) -> list[str]:
    """``text`` for each copy, all of which are the same if it does not speak of them."""
    every = [text.replace(_COPY, str(number)) for number in range(1, copies + 1)]
    return list(dict.fromkeys(every))


def _states(
    scenario: Scenario, steps: Iterable[Step], complaints: Complaints
) -> list[ClusterState]:
    """The state before the first step and after each, as far as its changes can be made."""
    try:
        api = planned(scenario, -1)
    except CapacityError as error:
        complaints.add(("pods",), str(error))
        return []
    states = [api.state()]
    for number, step in enumerate(steps):
        _carry_out(api, number, step, scenario, complaints)
        states.append(api.state())
        _check_changes(number, step, states[-2], states[-1], complaints)
        if complaints.problems:
            break  # further errors would only be consequences
    return states


def _carry_out(
    api: Api, number: int, step: Step, scenario: Scenario, complaints: Complaints
) -> None:
    """Make the changes of a step."""
    where: FieldPath = ("steps", number, "apply")
    first_line = complaints.line_of(where) + 1
    try:
        refusal = change(api, step, scenario)
    except TemplateError as error:
        line = first_line + error.line - 1
        complaints.add(where, error.reason, error.suggestion, line=line)
    except CapacityError as error:
        complaints.add(where, str(error))
    except ManifestError as error:
        for problem in error.problems:
            deleted = problem.object in map(str, step.delete)
            place: FieldPath = ("steps", number, "delete") if deleted else ("steps", number)
            complaints.add(place, problem.cause, problem.suggestion)
    else:
        _check_refusal(number, step, refusal, first_line, complaints)


def _check_changes(
    number: int, step: Step, before: ClusterState, after: ClusterState, complaints: Complaints
) -> None:
    """Whether what the step asks of pods and enforcer can be."""
    had, has = ({item.key for item in state.objects()} for state in (before, after))
    if step.enforcer == "cut off" and _workloads(had) != _workloads(has):
        complaints.add(("steps", number, "enforcer"), _CUT_OFF)
    ended = {item.key for item in before.pods if item.finished} | {*step.finish, *step.delete}
    where: FieldPath = ("steps", number, "reuse")
    for new, old in step.reuse:
        if old not in ended:
            complaints.add(where, f"{old} still has its address", "finish or delete it")
        if new not in has or new in had:
            complaints.add(where, f"{new} is not created in this step", "apply its manifest here")


def _workloads(keys: Iterable[ObjectKey]) -> set[ObjectKey]:
    """All that an enforcer must know of besides policies."""
    return {key for key in keys if key.kind != "NetworkPolicy"}


def _check_refusal(
    number: int, step: Step, refusal: ManifestError | None, first_line: int, complaints: Complaints
) -> None:
    """Whether the API takes or refuses the manifests, as the step says it does."""
    where: FieldPath = ("steps", number, "refused" if step.refused else "apply")
    if refusal is None and step.refused:
        complaints.add(where, "the API would accept these manifests", "leave refused out")
    elif refusal is not None and not step.refused:
        for problem in refusal.problems:
            reason = f"{problem.object}: {problem}".removeprefix(": ")
            line = first_line + max(problem.line - 1, 0)
            complaints.add(where, reason, problem.suggestion, line=line)
    elif refusal is not None and step.refused not in str(refusal):
        complaints.add(where, f"the API would say something else: {refusal}")


def _sources(
    scenario: Scenario, states: list[ClusterState], named: Iterable[SourceRef]
) -> tuple[SourceRef, ...]:
    """Every pod of any step, every outside host, and the nodes that an expectation names."""
    pods = [
        SourceRef(SourceKind.POD, item.namespace, item.name)
        for state in states
        for item in own_pods(state)
    ]
    hosts = [SourceRef(SourceKind.OUTSIDE, "", host.name) for host in scenario.outside]
    return tuple(dict.fromkeys([*pods, *hosts, *named]))


def _destinations(
    scenario: Scenario, states: list[ClusterState], named: Iterable[Destination]
) -> tuple[Destination, ...]:
    """What the expectations name, in their order, then every other port that a pod serves."""
    served = [
        Destination(Via.POD, item.namespace, item.name, port.number, port.protocol, family=family)
        for state in states
        for item in own_pods(state)
        for port in item.ports
        for family in scenario.families
    ]
    return tuple(dict.fromkeys([*named, *served]))
