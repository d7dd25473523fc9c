"""Which declaration a run was held to, and what that holds for, stands in every report to read."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from netpol_conformance.report import html
from netpol_conformance.report.document.report import Report
from netpol_conformance.report.document.summary import went_by
from netpol_conformance.report.formats import junit, markdown
from netpol_conformance.run.events import DeclarationRecord, Event, RunStarted

from .test_terminal import shown

BARE = DeclarationRecord(file="plugins/p.yaml", implementation="p", link="https://example.org")
NARROW = BARE.model_copy(
    update={"versions": ("1.2", "1.3"), "configuration": ("tunnels", "no SCTP"), "measured": False}
)
WORDS = "plugins/p.yaml (for 1.2 and 1.3; with tunnels, no SCTP; never measured by this suite)"


@pytest.mark.parametrize(
    ("declared", "words"), [(None, ""), (BARE, "plugins/p.yaml"), (NARROW, WORDS)]
)
def test_only_what_narrows_it_is_told(declared: DeclarationRecord | None, words: str) -> None:
    assert went_by(declared) == words


@pytest.mark.parametrize("form", [html.render, junit.dumps, markdown.dumps])
def test_files_say_it(report: Report, form: Callable[[Report], str]) -> None:
    assert WORDS in form(report.model_copy(update={"declaration": NARROW}))


def test_a_terminal_says_it_first(events: list[Event]) -> None:
    begin, *rest = events
    assert isinstance(begin, RunStarted)
    declared = begin.model_copy(update={"declaration": NARROW})
    assert shown([declared, *rest], width=200).splitlines()[1] == f"Held to {WORDS}"
    assert "Held to" not in shown(events)
