"""The report as a badge: shields.io's endpoint JSON, and an SVG of the same words. Pure."""

from __future__ import annotations

import json
from typing import NamedTuple
from xml.sax.saxutils import escape, quoteattr

from netpol_conformance.judge.outcome import Outcome
from netpol_conformance.report.document.report import Report
from netpol_conformance.report.document.summary import verdict
from netpol_conformance.report.text import plural

LABEL = "NetworkPolicy"
_HEX = {
    "brightgreen": "#2d7d1e",
    "red": "#c0392b",
    "yellow": "#8a6a00",
    "blue": "#1f6fb2",
    "lightgrey": "#6b6b6b",
}
"""Shields' colours, dark enough for white letters."""
_LETTER, _PAD, _HEIGHT = 6.1, 6, 20
"""Pixels: of a letter of Verdana 11 on average, beside the words, and in all."""


class Badge(NamedTuple):
    """What a badge says, and its colour."""

    message: str
    color: str


def badge(report: Report) -> Badge:
    """In a few words whether the implementation conforms, and to what."""
    tally = report.counts.scenarios
    if tally[Outcome.FAIL]:
        return Badge(f"{tally[Outcome.FAIL]:,} of {sum(tally.values()):,} fail", "red")
    if report.partial or verdict(report) is Outcome.INCONCLUSIVE:
        return Badge("no verdict", "lightgrey")
    conforms = [item.profile for item in report.profiles if item.conforms == "yes"]
    if conforms:
        return Badge(f"conforms: {', '.join(conforms)}", "brightgreen")
    if tally[Outcome.XFAIL]:
        return Badge(plural(tally[Outcome.XFAIL], "known failure"), "yellow")
    # Nothing failed, but not all of a profile was asked: no green for that.
    return Badge(f"{tally[Outcome.PASS]:,} of {plural(sum(tally.values()), 'scenario')}", "blue")


def endpoint(report: Report) -> str:
    """The JSON that shields.io's endpoint badge reads."""
    said = badge(report)
    data = {
        "schemaVersion": 1,
        "label": LABEL,
        "message": said.message,
        "color": said.color,
        "isError": said.color == "red",
    }
    return json.dumps(data, indent=1) + "\n"


def svg(report: Report) -> str:
    """The badge as an image of its own, for where no service is to be asked."""
    said = badge(report)
    left, right = _width(LABEL), _width(said.message)
    color = _HEX[said.color]
    title = f"{LABEL}: {said.message}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + right}" height="{_HEIGHT}" '
        f'role="img" aria-label={quoteattr(title)}>\n'
        f"<title>{escape(title)}</title>\n"
        f'<clipPath id="r"><rect width="{left + right}" height="{_HEIGHT}" rx="3"/></clipPath>\n'
        f'<g clip-path="url(#r)"><rect width="{left}" height="{_HEIGHT}" fill="#444"/>'
        f'<rect x="{left}" width="{right}" height="{_HEIGHT}" fill="{color}"/></g>\n'
        '<g fill="#fff" text-anchor="middle" font-family="Verdana,DejaVu Sans,sans-serif" '
        'font-size="11">\n'
        f"{_words(LABEL, left / 2, left)}{_words(said.message, left + right / 2, right)}</g>\n"
        "</svg>\n"
    )


def _words(text: str, middle: float, width: int) -> str:
    return f'<text x="{middle:g}" y="14" textLength="{width - 2 * _PAD}">{escape(text)}</text>\n'


def _width(text: str) -> int:
    return round(_LETTER * len(text)) + 2 * _PAD
