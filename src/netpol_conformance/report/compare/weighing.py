"""The rules by which one finding is worse or better than another. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from netpol_conformance.judge.outcome import Outcome
from netpol_conformance.report.compare.records import Change, Found, Kind

_WEIGHTS = {
    Outcome.PASS: 0,
    Outcome.UNSPECIFIED: 0,
    Outcome.UNSUPPORTED: 1,
    Outcome.XFAIL: 2,
    Outcome.FAIL: 2,
}
"""How bad an outcome is. A declared failure is a failure: declaring it mends nothing. What is not
here, INCONCLUSIVE, is not known."""

_WORST = max(_WEIGHTS.values())


def weigh(kind: Kind, found: Sequence[Found | None]) -> tuple[Change, ...]:
    """The change of each later report against the first; None is a report without the place."""
    return tuple(_change(kind, found[0], later) for later in found[1:])


def manner(kind: Kind, found: Found) -> str:
    """What was seen, as far as it can make a difference.

    Not how a connection was blocked, for dropping and rejecting are both a plugin's right; nor a
    number of probes, which is never the same twice.
    """
    if kind == "meanwhile":
        return ""
    return "blocked" if found.blocked else found.seen


def _change(kind: Kind, before: Found | None, after: Found | None) -> Change:
    """What became of one place.

    Where the one or the other is not known, it is UNKNOWN whether it became worse, unless it
    cannot have: nothing is worse than a failure or better than a pass.
    """
    if before is None and after is None:
        return Change.SAME
    first, second = _weight(before), _weight(after)
    if second is None:
        return Change.DIFFERENT if first == _WORST else Change.UNKNOWN
    if first is None:
        return Change.UNKNOWN if second else Change.DIFFERENT
    assert before is not None
    assert after is not None
    if before.expected is not after.expected:
        # Another expectation, not another behaviour, may have made the difference.
        return Change.UNKNOWN if second > first else Change.DIFFERENT
    if first != second:
        return Change.WORSE if second > first else Change.BETTER
    alike = (before.outcome, manner(kind, before)) == (after.outcome, manner(kind, after))
    return Change.SAME if alike else Change.DIFFERENT


def _weight(found: Found | None) -> int | None:
    return _WEIGHTS.get(found.outcome) if found else None
