"""Scenarios beside others: those that notice no mistake which another one doesn't notice too.

Such a scenario says beside which it stands (``neighbourOf``), so that nobody takes it for a test
of something else. Whether it has to say so, only runs against broken enforcers can tell.
"""

from __future__ import annotations

from collections.abc import Iterable

from netpol_conformance.scenario.errors import Problem, did_you_mean
from netpol_conformance.scenario.types import Scenario


def lost_neighbours(scenarios: Iterable[Scenario]) -> list[Problem]:
    """The neighbours, in a whole corpus, of what is not there or is itself somebody's neighbour."""
    corpus = {scenario.path: scenario for scenario in scenarios}
    problems = []
    for scenario in corpus.values():
        if not (other := scenario.neighbour_of):
            continue
        line = scenario.lines.get("neighbourOf", 1)
        if other not in corpus:
            reason, hint = f'there is no scenario "{other}"', did_you_mean(other, corpus)
        elif other == scenario.path:
            reason, hint = "names the scenario itself", ""
        elif beyond := corpus[other].neighbour_of:
            reason, hint = f"{other} is a neighbour itself", f"name the same as it: {beyond}"
        else:
            continue
        problems.append(Problem(scenario.file, line, "neighbourOf", reason, hint))
    return list(dict.fromkeys(problems))  # what cases have in common is wrong once
