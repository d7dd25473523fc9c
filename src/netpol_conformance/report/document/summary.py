"""What a whole report says in a sentence, and pack by pack. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from netpol_conformance.judge.outcome import Outcome, combine
from netpol_conformance.report.document.collector import count
from netpol_conformance.report.document.report import Counts, Report, ScenarioReport
from netpol_conformance.report.text import one_line, plural
from netpol_conformance.run.events import DeclarationRecord, NetworkMeasured, PathResult

WORDS = {
    Outcome.PASS: "passed",
    Outcome.FAIL: "failed",
    Outcome.INCONCLUSIVE: "inconclusive",
    Outcome.XFAIL: "failed as declared",
    Outcome.UNSUPPORTED: "not supported",
    Outcome.UNSPECIFIED: "unspecified",
}
"""Each outcome as the end of a sentence, in the order of a summary."""

MEANINGS = {
    Outcome.PASS: "Everything was as the specification says, and there is evidence for it.",
    Outcome.FAIL: "Something was seen twice that the specification rules out.",
    Outcome.INCONCLUSIVE: "There is not enough evidence to say; never counted as passed.",
    Outcome.XFAIL: "Wrong, but declared beforehand with a link; a pass would be a failure.",
    Outcome.UNSUPPORTED: "The implementation is declared to lack the feature, or the cluster does.",
    Outcome.UNSPECIFIED: "The specification is silent: recorded, never failed.",
}

CONFORMS = {"yes": "conforms", "no": "does not conform", "unknown": "no verdict"}
"""Whether an implementation conforms to a profile, in words."""


class PackSummary(NamedTuple):
    """One pack of a report."""

    name: str
    scenarios: tuple[ScenarioReport, ...]
    counts: Counts
    outcome: Outcome


def headline(report: Report) -> str:
    """Whether the implementation conforms, as a title; of a selection no more than was asked."""
    name = one_line(report.implementation)
    conforms = "conforms" if report.whole else "conforms in what was asked"
    match verdict(report):
        case Outcome.FAIL:
            return f"{name} does not conform"
        case Outcome.XFAIL:
            return f"{name} {conforms}, except where declared"
        case Outcome.PASS:
            return f"{name} {conforms}"
        case _:
            return f"No verdict on {name}"


def verdict(report: Report) -> Outcome:
    """The run's outcome, but never a good one for a run that was cut short."""
    if report.partial and report.outcome is not Outcome.FAIL:
        return Outcome.INCONCLUSIVE
    return report.outcome


def sentence(report: Report) -> str:
    """The tally below the headline, such as "34 of 36 scenarios passed, 2 failed"."""
    counts = report.counts.scenarios
    total = len(report.scenarios)
    others = [
        f"{counts[outcome]:,} {words}"
        for outcome, words in WORDS.items()
        if outcome is not Outcome.PASS and counts[outcome]
    ]
    passed = f"{counts[Outcome.PASS]:,} of {plural(total, 'scenario')} passed"
    return ", ".join([passed, *others]) + "."


def network_words(network: NetworkMeasured | None) -> list[str]:
    """A sentence for what the pod network doesn't carry, and for what could not be measured."""
    if network is None:
        return []
    if network.reason:
        return [f"What the pod network carries is not known: {network.reason}"]
    words = []
    lacking = _between(path for path in network.paths if not path.carried)
    if lacking:
        kinds = "; ".join(lacking)
        words.append(f"The pod network doesn't carry, with no policy either: {kinds}.")
    isolated = _between(path for path in network.paths if path.isolated)
    if isolated:
        kinds = "; ".join(isolated)
        words.append(f"Carried only under a policy that allows everything (S1): {kinds}.")
    return words


def _between(paths: Iterable[PathResult]) -> list[str]:
    """The kinds of ``paths``, each with the nodes that they are between."""
    nodes: dict[str, list[str]] = {}
    for path in paths:
        places = dict.fromkeys(path.nodes)
        words = " to ".join(path.nodes) if len(places) > 1 else f"on {path.nodes[0]}"
        nodes.setdefault(path.kind, []).append(words)
    return [f"{kind} ({', '.join(sorted(between))})" for kind, between in nodes.items()]


def packs(report: Report) -> tuple[PackSummary, ...]:
    """The report's packs, in order of first appearance."""
    grouped: dict[str, list[ScenarioReport]] = {}
    for scenario in report.scenarios:
        grouped.setdefault(scenario.pack, []).append(scenario)
    return tuple(
        PackSummary(name, tuple(members), count(members), combine(item.outcome for item in members))
        for name, members in grouped.items()
    )


def went_by(declared: DeclarationRecord | None) -> str:
    """The plugin's declaration that a run was held to, and what that holds for; empty if none."""
    if declared is None:
        return ""
    about = [
        f"for {' and '.join(declared.versions)}" if declared.versions else "",
        f"with {', '.join(declared.configuration)}" if declared.configuration else "",
        "" if declared.measured else "never measured by this suite",
    ]
    told = "; ".join(part for part in about if part)
    return f"{declared.file} ({told})" if told else declared.file
