"""What the pod network lacks is told everywhere, and fails nothing."""

from __future__ import annotations

from html import unescape

import pytest

from netpol_conformance.judge.outcome import Outcome
from netpol_conformance.report import html
from netpol_conformance.report.document.report import Report
from netpol_conformance.report.document.summary import network_words
from netpol_conformance.report.formats import junit, markdown
from netpol_conformance.run.events import NetworkMeasured, PathResult

HAIRPIN = "pod to itself through a Service, TCP over IPv4"
LACKING = NetworkMeasured(
    paths=(
        PathResult(kind="pod to pod, TCP over IPv4", nodes=("node-1", "node-1"), carried=True),
        PathResult(kind=HAIRPIN, nodes=("node-1", "node-1"), carried=False),
        PathResult(kind=HAIRPIN, nodes=("node-2", "node-2"), carried=False),
    )
)
NODES = "on node-1, on node-2"
WORDS = f"The pod network doesn't carry, with no policy either: {HAIRPIN} ({NODES})."


@pytest.fixture
def lacking(report: Report) -> Report:
    """The report with its inconclusive scenario so for the network's sake."""
    scenarios = tuple(
        item.model_copy(update={"not_carried": item.outcome is Outcome.INCONCLUSIVE})
        for item in report.scenarios
    )
    return report.model_copy(update={"network": LACKING, "scenarios": scenarios})


def test_it_is_a_sentence_for_each_of_what_is_lacking_and_what_is_not_known() -> None:
    assert network_words(None) == []
    assert network_words(LACKING) == [WORDS]
    isolated = LACKING.paths[0].model_copy(update={"isolated": True})
    (words,) = network_words(NetworkMeasured(paths=(isolated,)))
    assert "(S1): pod to pod, TCP over IPv4 (on node-1)" in words
    (words,) = network_words(NetworkMeasured(paths=(), reason="no pods"))
    assert words == "What the pod network carries is not known: no pods"


def test_it_is_no_error_of_a_test_case(lacking: Report) -> None:
    assert "<error" not in junit.dumps(lacking)
    assert 'message="INCONCLUSIVE' in junit.dumps(lacking)


def test_the_summary_and_the_page_say_it(lacking: Report) -> None:
    assert HAIRPIN in markdown.dumps(lacking)
    assert HAIRPIN in unescape(html.render(lacking))
