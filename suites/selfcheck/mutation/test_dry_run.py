"""A dry run never calls two enforcers alike that a run could distinguish."""

from __future__ import annotations

from dataclasses import replace
from itertools import chain

import pytest

from netpol_conformance.enforcer.compile import Compiler
from netpol_conformance.enforcer.controller import Controller
from netpol_conformance.expectation.matrix import expected_matrix
from netpol_conformance.judge.outcome import Outcome
from netpol_conformance.model.objects import SourceKind
from netpol_conformance.scenario.planning import planned_state
from netpol_conformance.scenario.types import Expectation, Via

from ..corpus import BY_PATH, CORPUS
from ..mutants import MUTANTS
from . import dry_run
from .dry_run import DryRun, UnforeseenError
from .filtering import Filter, Interfaces
from .running import Pair, ends
from .sweep import grouped

END_PORT = BY_PATH["semantics/end-port.yaml"]
EVERY = 7
"""Of the corpus every so many scenarios are looked at for pairs to run all the same."""
TWINS = 12


class AsksNft(Controller):
    def start(self, objects):
        super().start(objects)
        self._apply("list ruleset\n")


class WritesTwice(Controller):
    """Loads everything twice: other words, the same rules."""

    def start(self, objects):
        known = list(objects)
        super().start(known)
        super().start(known)


class CannotStart(Controller):
    def start(self, objects):
        raise ValueError("no idea")


class OtherChains(Compiler):
    def hook(self, table):
        return super().hook(table).replace("policy accept", "policy drop")


def with_other_chains(node, apply, version):
    return Controller(node, apply, version, OtherChains)


def test_no_mutant_is_called_like_the_reference_in_its_owner():
    alike = [
        name
        for name, mutant in MUTANTS.items()
        if not list(grouped(BY_PATH[mutant.owner_path], [name]))
    ]
    assert alike == []


def test_a_mutant_is_called_like_the_reference_where_its_rule_is_not_asked_for():
    asked = [item.path for item in CORPUS[::EVERY] if list(grouped(item, ["EndPortIgnored"]))]
    assert len(asked) < len(CORPUS[::EVERY]) / 2


def test_what_is_called_alike_ends_alike():
    """For each mutant a scenario where it is called like the reference, though it writes other
    words; and, in some scenarios, two mutants that are called alike."""
    silent, twins = [], []
    left = set(MUTANTS)
    for scenario in CORPUS[::EVERY]:
        groups = [group.mutants for group in grouped(scenario, MUTANTS)]
        words = written(scenario, Controller)
        for name in sorted(left.difference(*groups)):
            if written(scenario, MUTANTS[name]) != words:
                silent.append(Pair(scenario, name))
                left.remove(name)
        twins += [[Pair(scenario, name) for name in two[:2]] for two in groups if len(two) > 1][:1]
    twins = twins[:TWINS]
    assert len(silent) > 30
    assert len(twins) == TWINS
    found = ends({pair.name: pair for pair in chain(silent, *twins)}.values())
    told = {pair.name: found[pair.name] for pair in silent}
    assert {name: end for name, end in told.items() if end.outcome is not Outcome.PASS} == {}
    assert [two for two in twins if len({found[pair.name].outcome for pair in two}) > 1] == []


def written(scenario, factory):
    return list(DryRun(scenario)._loads(factory))


# While the enforcer is away, what is in force may not be what the API says.
ALWAYS_ENFORCED = [
    item for item in CORPUS[::EVERY] if not any(step.enforcer for step in item.steps)
]


@pytest.mark.parametrize("scenario", ALWAYS_ENFORCED, ids=lambda item: item.path)
def test_the_model_lets_through_what_the_specification_does(scenario):
    """The reference's words, carried out by the model, give each cell the oracle's answer."""
    dry_run_of = DryRun(scenario)
    nodes = {node: Filter() for node in dry_run_of._nodes}
    looks = iter(zip([None, *scenario.steps], dry_run.states(scenario), strict=True))
    for node, text in dry_run_of._loads(Controller):
        if node:
            nodes[node].load(text)
        elif (look := next(looks))[0] is not None:
            agree(scenario, *look, list(nodes.values()))
    assert next(looks, None) is None


def test_what_is_foreseen_is_what_the_embedded_cluster_has():
    for scenario in CORPUS:
        foreseen = [planned_state(scenario, index) for index in range(-1, len(scenario.steps))]
        found = list(dry_run.states(scenario))
        assert [set(state.objects()) for state in foreseen] == [
            set(state.objects()) for state in found
        ], scenario.path


def agree(scenario, step, state, nodes):
    """Compare the cells from pod to pod by address."""
    for cell, expected in expected_matrix(state, scenario, step).items():
        if cell.destination.via is Via.POD and cell.source.kind == SourceKind.POD:
            packet, *_ = dry_run.packets_of(scenario, state, cell)
            ends = [node.lets(packet, Interfaces(arrives=False, leaves=False)) for node in nodes]
            word = Expectation.BLOCKED if {False} in ends else Expectation.CONNECTED
            assert expected.expectation in (word, Expectation.UNSPECIFIED), str(cell)


def test_other_words_may_be_alike_and_other_chains_are_not():
    dry_run_of = DryRun(END_PORT)
    assert dry_run_of.likeness(WritesTwice) == dry_run_of.reference
    assert dry_run_of.likeness(with_other_chains) != dry_run_of.reference
    assert dry_run_of.likeness(CannotStart) != dry_run_of.reference
    assert dry_run_of.likeness(None) != dry_run_of.reference


def test_where_a_scenario_asks_all_the_time_other_words_are_not_alike():
    first = END_PORT.steps[0]
    busy = replace(END_PORT, steps=(replace(first, meanwhile=first.expected), *END_PORT.steps[1:]))
    dry_run_of = DryRun(busy)
    assert dry_run_of.likeness(WritesTwice) != dry_run_of.reference
    assert dry_run_of.likeness(Controller) == dry_run_of.reference


def test_only_a_run_can_tell_what_is_not_foreseen(monkeypatch):
    with pytest.raises(UnforeseenError, match="asks nft"):
        DryRun(END_PORT).likeness(AsksNft)
    monkeypatch.setattr(dry_run, "_OF_A_STEP", "title apply expected line expected_lines")
    deleting = next(item for item in CORPUS if any(step.delete for step in item.steps))
    with pytest.raises(UnforeseenError, match="delete cannot be dry-run"):
        DryRun(deleting)
    (group,) = grouped(deleting, ["EndPortIgnored"])
    assert group.mutants == ("EndPortIgnored",)
