"""The colours of outcomes on HTML pages, and which links a page may follow. Pure."""

from __future__ import annotations

from urllib.parse import quote, urlsplit

from netpol_conformance.judge.outcome import Outcome
from netpol_conformance.report.plain.marks import CONNECTED, Mark

TONES = {
    Outcome.PASS: "pass",
    Outcome.FAIL: "fail",
    Outcome.INCONCLUSIVE: "unknown",
    Outcome.XFAIL: "declared",
    Outcome.UNSUPPORTED: "silent",
    Outcome.UNSPECIFIED: "silent",
}
"""The class that colours an outcome."""


def tone(sign: Mark, outcome: Outcome) -> str:
    """The class that colours a cell: as its outcome, and if it passed, as what was seen."""
    if outcome is not Outcome.PASS:
        return TONES[outcome]
    return "open" if sign.text == CONNECTED else "shut"


def anchor(*parts: str | int) -> str:
    """A fragment that survives being typed: no blanks, nothing that needs escaping again."""
    return ":".join(
        quote(str(part).encode("utf-8", "backslashreplace"), safe="/") for part in parts
    )


def safe_link(link: str) -> str:
    """The link if it leads to a web page, else nothing: a report may hold ``javascript:``."""
    try:
        return link if urlsplit(link).scheme in ("http", "https") else ""
    except ValueError:
        return ""
