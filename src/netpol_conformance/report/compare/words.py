"""A comparison in sentences and short words, for terminal and page alike. Pure."""

from __future__ import annotations

from netpol_conformance.judge.outcome import Outcome
from netpol_conformance.report.compare.records import (
    Change,
    Compared,
    Difference,
    Found,
    ScenarioComparison,
)
from netpol_conformance.report.text import one_line, plural, seconds

_SHORT = {
    "name not resolved": "unresolved",
    "wrong server answered": "other server",
    "probe failed": "probe failed",
    "nothing seen": "nothing seen",
}
_SIGNS = {
    Outcome.FAIL: "!",
    Outcome.XFAIL: "*",
    Outcome.UNSPECIFIED: "~",
    Outcome.INCONCLUSIVE: "?",
}
LEGEND = "! wrong   * wrong as declared   ? inconclusive   ~ unspecified   - not there"
_VERDICTS = {
    Change.WORSE: "is worse than A",
    Change.UNKNOWN: "may be worse than A: not everything could be compared",
    Change.BETTER: "is better than A",
    Change.DIFFERENT: "differs from A, and is not worse",
    Change.SAME: "is the same as A",
}


def verdict(report: Compared) -> str:
    """What a later report comes to: ``B is worse than A``."""
    return f"{report.label} {_VERDICTS[report.change]}"


def tally(report: Compared) -> str:
    """The scenarios by what became of them: ``2 scenarios worse, 38 the same``."""
    return ", ".join(
        f"{plural(number, 'scenario')} {change.value}"
        for change in Change
        if (number := report.changes.get(change, 0))
    )


def about(report: Compared) -> str:
    """What a report is: ``A  reference on embedded, suite 0.1.0: 40 of 40 scenarios passed``."""
    counts = report.counts.scenarios
    total = sum(counts.values())
    manners = [
        f"{number:,} {how}"
        for how, number in (("dropped", report.dropped), ("rejected", report.rejected))
        if number
    ]
    name = f"{report.implementation} on {report.cluster}, suite {report.suite_version}"
    parts = [
        f"{name}: {counts[Outcome.PASS]:,} of {plural(total, 'scenario')} passed",
        *([f"blocked cells {' and '.join(manners)}"] if manners else []),
    ]
    took = {
        "median": report.median_seconds_to_enforce,
        "p90": report.p90_seconds_to_enforce,
        "max": report.max_seconds_to_enforce,
    }
    known = [f"{seconds(found)} ({name})" for name, found in took.items() if found is not None]
    if known:
        parts.append(f"enforced in {', '.join(known)}")
    return one_line("; ".join(parts))


def found(item: Found | None) -> str:
    """What a report found at a place, in a word or two, its outcome as a sign before it."""
    if item is None:
        return "-"
    seen = item.blocked or _SHORT.get(item.seen, item.seen)
    if not seen:
        return item.outcome.value
    return f"{_SIGNS.get(item.outcome, '')}{one_line(seen)}"


def changes(item: ScenarioComparison) -> tuple[Change, ...]:
    """What became of it in the later reports, each change once."""
    return tuple(dict.fromkeys(change for change in item.changes if change is not Change.SAME))


def place(item: Difference) -> str:
    """Where it is."""
    match item.kind:
        case "refusal":
            return "the API's answer"
        case "step":
            return "the step as a whole: not every report has it"
        case "scenario":
            return "the scenario as a whole"
        case "meanwhile":
            return f"{_connection(item)}, all through the change"
        case "held":
            return f"{_connection(item)}, held open over the change"
        case _:
            return _connection(item)


def why(item: Difference) -> str:
    """What is expected there, and why; for what is no cell, the first reason that a report gives.

    Where the reports expect different things, that is what is said.
    """
    expected = list(dict.fromkeys(f.expected.value for f in item.found if f and f.expected))
    if len(expected) > 1:
        return f"expected {' or '.join(expected)}: the reports were made with other expectations"
    if not expected:
        return next((one_line(f.reason) for f in item.found if f and f.reason), "")
    rules = f" ({', '.join(item.rules)})" if item.rules else ""
    return one_line(f"expected {expected[0]}{rules}: {item.explanation}")


def _connection(item: Difference) -> str:
    return one_line(f"{item.source} -> {item.destination}")
