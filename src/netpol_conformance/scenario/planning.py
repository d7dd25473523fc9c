"""The state of a scenario's cluster after each step, simulated without a cluster.

It is the embedded one's API (``api``) whose addresses stand in for ``${...}`` until a cluster's
real ones are known, and let an oracle compute every matrix before anything starts.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from itertools import chain

from netpol_conformance.api.server import DNS_POD, Api
from netpol_conformance.model.decode import ManifestError, iter_decode
from netpol_conformance.model.objects import ClusterState, Pod
from netpol_conformance.scenario.templating import directory, fill
from netpol_conformance.scenario.types import Scenario, Step


def planned(scenario: Scenario, step_index: int) -> Api:
    """The cluster after step ``step_index``, counting from 0; -1 is before the first step.

    A refused manifest is left out, as the API does it; the loader sees to it that the step
    expects the refusal.
    """
    api = Api(scenario.nodes, scenario.families, scenario.version)
    for item in scenario.objects:
        api.store(item)
    for step in scenario.steps[: step_index + 1]:
        change(api, step, scenario)
    return api


def planned_state(scenario: Scenario, step_index: int) -> ClusterState:
    """All objects of ``planned``."""
    return planned(scenario, step_index).state()


def state_in_force(scenario: Scenario, step_index: int) -> ClusterState:
    """What must be in force after the step: where the enforcer is cut off from the API, the state
    after the last step at which it was not.
    """
    return planned_state(scenario, last_connected(scenario, step_index))


def last_connected(scenario: Scenario, step_index: int) -> int:
    """The last step up to this one at which the enforcer saw the API; -1 if there was none."""
    connected = (i for i in range(step_index, -1, -1) if scenario.steps[i].enforcer != "cut off")
    return next(connected, -1)


def passing_states(scenario: Scenario, step_index: int) -> list[ClusterState]:
    """All that may rightly be in force at some moment from before the step until it has settled.

    Its changes are made one by one, and a plugin may put each in force by itself.
    """
    states = [state_in_force(scenario, step_index - 1)]
    step = scenario.steps[step_index]
    if step.enforcer == "cut off":
        return states
    api = planned(scenario, step_index - 1)
    states += [missed for missed in [api.state()] if missed != states[0]]
    with suppress(ManifestError):
        for _ in chain(_removals(api, step), _arrivals(api, step, scenario)):
            states.append(api.state())
    return states


def change(api: Api, step: Step, scenario: Scenario) -> ManifestError | None:
    """Carry out ``step``; returns the refusal if a manifest is refused.

    Of manifests that are refused, those before the refused one are applied. Raises
    TemplateError, CapacityError, and ManifestError where the step ends or deletes what it cannot.
    """
    for _ in _removals(api, step):
        pass
    try:
        for _ in _arrivals(api, step, scenario):
            pass
    except ManifestError as refusal:
        return refusal
    return None


def own_pods(state: ClusterState) -> tuple[Pod, ...]:
    """The pods of a planned state that are the scenario's, not the system's."""
    return tuple(pod for pod in state.pods if pod.key != DNS_POD.key)


def _removals(api: Api, step: Step) -> Iterator[None]:
    """End and delete what ``step`` does, pausing after each."""
    api.reserve({new: api.pod(old) for new, old in step.reuse})
    for key in step.finish:
        api.finish(key)
        yield
    for key in step.delete:
        api.delete(key)
        yield


def _arrivals(api: Api, step: Step, scenario: Scenario) -> Iterator[None]:
    """Apply what ``step`` does, pausing after each object."""
    known = directory(api.state(), scenario.outside) if "$" in step.apply else {}
    for item in iter_decode(fill(step.apply, known), version=scenario.version):
        api.store(item)
        yield
