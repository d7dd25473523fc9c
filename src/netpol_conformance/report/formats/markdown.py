"""The report as Markdown, for GitHub's step summary and for pull requests. Pure.

Foreign text cannot become markup: every sign that Markdown knows is escaped, and names and
commands stand in code.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from netpol_conformance.judge.outcome import Outcome
from netpol_conformance.report.document.enforcing import shortened_in_words, slow_in_words
from netpol_conformance.report.document.report import Report, ScenarioReport
from netpol_conformance.report.document.summary import (
    CONFORMS,
    WORDS,
    headline,
    network_words,
    packs,
    sentence,
    went_by,
)
from netpol_conformance.report.plain.matrix import failure_text
from netpol_conformance.report.text import clip, one_line, plural, seconds, visible

MOST_DETAILS = 20
"""Scenarios that are shown with their matrices."""

_MOST_NAMED = 200
_MOST_LINES, _MOST_CHARACTERS = 120, 10_000
"""Of one scenario's details: a step summary may have a mebibyte in all."""

_MARKUP = re.compile(r"([\\`*_{}\[\]<>#+!|~&@$:]|(?<=www)\.)")
_NOT_PLAIN = re.compile(r"[^\w /,;=%'\"()-]|_")


def dumps(report: Report) -> str:
    """The report as a Markdown document."""
    parts = [
        f"## {escaped(headline(report))}",
        escaped(sentence(report)) + (f" {escaped(report.reason)}" if report.reason else ""),
        *map(escaped, network_words(report.network)),
        _facts(report),
        _profiles(report),
        _packs(report),
        *(escaped(shortened_in_words(waits)) for waits in report.shortened_waits),
        _slow(report),
        *_wrong(report),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def escaped(text: str) -> str:
    """``text`` on one line, as Markdown that shows just that."""
    return _MARKUP.sub(r"\\\1", one_line(text))


def code(text: str) -> str:
    """``text`` on one line, as inline code; in a table too, where a bar would end the cell."""
    line = one_line(text).replace("|", "\N{FULLWIDTH VERTICAL LINE}")
    fence = "`" * (1 + max(map(len, re.findall("`+", line)), default=0))
    pad = " " if line.startswith("`") or line.endswith("`") else ""
    return f"{fence}{pad}{line or ' '}{pad}{fence}"


def block(text: str) -> str:
    """``text`` as a block of code that it cannot end."""
    body = visible(text)
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", body)), default=0))
    return f"{fence}text\n{body}\n{fence}"


def _facts(report: Report) -> str:
    parts = [
        f"{report.implementation} on the {report.cluster} cluster",
        f"Kubernetes {report.kubernetes_version}" if report.kubernetes_version else "",
        f"suite {report.suite_version}",
        seconds(report.duration) if report.duration is not None else "",
        f"held to {went_by(report.declaration)}" if report.declaration else "",
    ]
    return escaped(", ".join(part for part in parts if part))


def _profiles(report: Report) -> str:
    if not report.profiles:
        return ""
    rows = [
        f"| {escaped(item.profile)} | {CONFORMS[item.conforms]} | {escaped(item.reason)} |"
        for item in report.profiles
    ]
    return "\n".join(["| profile | | |", "| --- | --- | --- |", *rows])


def _packs(report: Report) -> str:
    """A table: a row a pack, a column for each outcome that occurs."""
    occurring = [outcome for outcome in WORDS if report.counts.scenarios[outcome]]
    heads = ["pack", *(WORDS[outcome] for outcome in occurring), "cells"]
    rows = []
    for pack in packs(report):
        numbers = [pack.counts.scenarios[outcome] for outcome in occurring]
        row = [f"{number:,}" if number else "" for number in numbers]
        cells = sum(pack.counts.cells.values())
        rows.append(f"| {' | '.join([code(pack.name), *row, f'{cells:,}'])} |")
    rule = f"| --- |{' ---: |' * (len(heads) - 1)}"
    return "\n".join([f"| {' | '.join(heads)} |", rule, *rows])


def _slow(report: Report) -> str:
    """What took long, which is no failure, as a list below its sentence."""
    sentence, *items = [escaped(line) for line in slow_in_words(report)] or [""]
    return "\n".join([sentence, "", *(f"- {item}" for item in items)]).strip()


def _wrong(report: Report) -> Iterator[str]:
    """What is not as it should be, the most severe first; the first of them in full."""
    order = (Outcome.FAIL, Outcome.INCONCLUSIVE, Outcome.XFAIL)
    wrong = [item for kind in order for item in report.scenarios if item.outcome is kind]
    detailed = [item for item in wrong if item.outcome is not Outcome.XFAIL][:MOST_DETAILS]
    for scenario in detailed:
        yield _detailed(scenario)
    others = [item for item in wrong if item not in detailed]
    if others:
        named = [f"- {_head(item)}" for item in others[:_MOST_NAMED]]
        if len(others) > _MOST_NAMED:
            named.append(f"- and {plural(len(others) - _MOST_NAMED, 'more scenario')}")
        yield "\n".join(named)


def _detailed(scenario: ScenarioReport) -> str:
    text = failure_text(scenario.steps, reason=scenario.reason, rerun=scenario.rerun)
    shown = clip(text, lines=_MOST_LINES, characters=_MOST_CHARACTERS)
    head = f"<b>{scenario.outcome.value}</b> {_html(scenario.path)}: {_html(scenario.title)}"
    return f"<details><summary>{head}</summary>\n\n{block(shown)}\n\n</details>"


def _head(scenario: ScenarioReport) -> str:
    row = f": {escaped(scenario.reason)}" if scenario.reason else ""
    return f"**{scenario.outcome.value}** {code(scenario.path)}{row}"


def _html(text: str) -> str:
    """``text`` for the inside of an HTML element in Markdown: no tag, no markup, no link."""
    return _NOT_PLAIN.sub(lambda sign: f"&#{ord(sign.group())};", one_line(text))
