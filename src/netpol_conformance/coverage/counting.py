"""A corpus -> what it covers. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence

from netpol_conformance import __version__
from netpol_conformance.coverage.claims import unfounded
from netpol_conformance.coverage.facts import Facts, facts_of
from netpol_conformance.coverage.fields import every_field
from netpol_conformance.coverage.records import Coverage, Item, Name, Section, Unfounded
from netpol_conformance.oracle.sentences import SENTENCES
from netpol_conformance.scenario.axes import Pair, all_pairs, pairs
from netpol_conformance.scenario.catalogue import LINES, RULES
from netpol_conformance.scenario.features import FEATURES
from netpol_conformance.scenario.types import Scenario


def coverage_of(scenarios: Iterable[Scenario]) -> Coverage:
    """What these scenarios cover."""
    facts = [facts_of(scenario) for scenario in scenarios]
    baseless = [
        Unfounded(scenario=item.scenario.path, rule=rule, lacks=lacks)
        for item in facts
        for rule, lacks in unfounded(item)
    ]
    wrong = {(item.scenario, item.rule) for item in baseless}
    return Coverage(
        suite_version=__version__,
        scenarios=len(facts),
        sections=(
            _rules(facts, wrong),
            _fields(facts),
            _pairs(facts),
            _lines(facts),
            _features(facts),
        ),
        unfounded=tuple(baseless),
    )


def pair_id(pair: Pair) -> str:
    """``direction=egress port=name``."""
    return " ".join(f"{axis}={value}" for axis, value in pair)


def _rules(facts: Sequence[Facts], wrong: set[tuple[str, str]]) -> Section:
    def held(item: Facts) -> Iterable[str]:
        path = item.scenario.path
        return (rule for rule in item.scenario.rules if (path, rule) not in wrong)

    ordered = sorted(RULES, key=lambda rule: int(rule[1:]))
    return _section(
        "rules",
        "Sentences of the specification",
        "the scenario names it, and has in it what the sentence is about",
        {rule: SENTENCES[rule].text if rule in SENTENCES else "" for rule in ordered},
        _holders(facts, held),
    )


def _fields(facts: Sequence[Facts]) -> Section:
    return _section(
        "fields",
        "Fields of networking.k8s.io/v1 NetworkPolicy",
        "a policy that the scenario applies sets it, and the API takes it",
        dict.fromkeys(every_field(), ""),
        _holders(facts, lambda item: item.fields),
    )


def _pairs(facts: Sequence[Facts]) -> Section:
    return _section(
        "pairs",
        "Pairs of values of two axes",
        "the case stands at both values",
        {pair_id(pair): "" for pair in all_pairs()},
        _holders(facts, lambda item: map(pair_id, pairs(item.scenario.axes))),
    )


def _lines(facts: Sequence[Facts]) -> Section:
    return _section(
        "lines",
        "Lines of the catalogue",
        "the scenario names it",
        LINES,
        _holders(facts, lambda item: item.scenario.covers),
    )


def _features(facts: Sequence[Facts]) -> Section:
    return _section(
        "features",
        "Features",
        "the scenario's objects or cells need it",
        {name: feature.title for name, feature in FEATURES.items()},
        _holders(facts, lambda item: item.scenario.features),
    )


def _holders(
    facts: Iterable[Facts], held: Callable[[Facts], Iterable[str]]
) -> Mapping[str, set[str]]:
    """For each item the paths of the scenarios that hold it."""
    holders: dict[str, set[str]] = defaultdict(set)
    for item in facts:
        for each in held(item):
            holders[each].add(item.scenario.path)
    return holders


def _section(
    name: Name, title: str, how: str, wanted: Mapping[str, str], holders: Mapping[str, set[str]]
) -> Section:
    items = tuple(
        Item(
            id=each,
            title=wording,
            scenarios=tuple(sorted(holders.get(each, ()))),
        )
        for each, wording in wanted.items()
    )
    return Section(
        name=name,
        title=title,
        how=how,
        covered=sum(bool(item.scenarios) for item in items),
        total=len(items),
        items=items,
    )
