"""Which lines of the applied manifests a deciding field is."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from netpol_conformance.judge.outcome import Outcome
from netpol_conformance.report.html.manifests import Manifests
from netpol_conformance.run.events import RefusalResult, StepResult

TWO = """\
kind: NetworkPolicy
metadata: {name: deny}
spec: {podSelector: {}}
---
kind: NetworkPolicy
metadata:
  name: allow
  namespace: other
spec:
  podSelector: {}
  ingress:
  - from:
    - podSelector:
        matchLabels: {app: web}
    - namespaceSelector: {}
"""
Step = Callable[..., StepResult]


@pytest.fixture
def applied(open_step: StepResult) -> Step:
    """A step that applies this text."""
    return lambda text, **changes: open_step.model_copy(update={"applied": text, **changes})


def known(*steps: StepResult) -> Manifests:
    manifests = Manifests()
    for step in steps:
        manifests.apply(step)
    return manifests


@pytest.mark.parametrize(
    ("policy", "field", "place"),
    [
        ("other/allow", "spec.ingress[0].from[0].podSelector", (0, 13, 14, 5, 15)),
        ("other/allow", "spec.ingress[0].from[1]", (0, 15, 15, 5, 15)),
        ("other/allow", "spec.egress", (0, 9, 15, 5, 15)),
        ("default/deny", "spec.ingress", (0, 3, 3, 1, 3)),
    ],
)
def test_fields(
    applied: Step, policy: str, field: str, place: tuple[int, int, int, int, int]
) -> None:
    assert known(applied(TWO)).place(policy, field) == place


def test_the_latest_text_counts_and_later_steps_remember(applied: Step) -> None:
    steps = [applied(TWO), applied("\n" + TWO), applied("")]
    place = known(*steps).place("default/deny", "spec")
    assert place is not None
    assert (place.step, place.first) == (1, 4)


def test_lists(applied: Step) -> None:
    text = """\
kind: List
items:
- kind: Pod
  metadata: {name: a}
- kind: NetworkPolicy
  metadata: {name: b}
  spec: {}
"""
    assert known(applied(text)).place("default/b", "spec") == (0, 7, 7, 5, 7)


@pytest.mark.parametrize("text", ["", "a: [", "- 1", "kind: NetworkPolicy", "&a [*a]", "\x00"])
def test_what_holds_no_policy_has_no_place(applied: Step, text: str) -> None:
    assert known(applied(text)).place("default/deny", "spec") is None


def test_what_was_refused_decides_nothing(applied: Step) -> None:
    refusal = RefusalResult(expected="x", answer="x", outcome=Outcome.PASS, reason="Refused.")
    assert known(applied(TWO, refusal=refusal)).place("default/deny", "spec") is None
