"""How a terminal shows each outcome: a rich style. Never the only sign of it."""

from __future__ import annotations

from netpol_conformance.judge.outcome import Outcome

STYLES = {
    Outcome.PASS: "green",
    Outcome.FAIL: "bold red",
    Outcome.INCONCLUSIVE: "bold yellow",
    Outcome.XFAIL: "magenta",
    Outcome.UNSUPPORTED: "cyan",
    Outcome.UNSPECIFIED: "cyan",
}
