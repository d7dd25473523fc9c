"""What a run says of profiles and features: yes only with everything seen."""

from __future__ import annotations

import pytest

from netpol_conformance.judge.outcome import Outcome
from netpol_conformance.report.document.conformance import (
    feature_results,
    in_words,
    profile_results,
    surprises,
)
from netpol_conformance.report.document.report import ScenarioReport
from netpol_conformance.run.events import DeclarationRecord, DeclaredItem, LackRecord

PASS, FAIL, XFAIL = Outcome.PASS, Outcome.FAIL, Outcome.XFAIL
UNSUPPORTED, INCONCLUSIVE = Outcome.UNSUPPORTED, Outcome.INCONCLUSIVE
LINK = "https://example.org/1"
LACKING = DeclarationRecord(
    file="plugins/p.yaml",
    implementation="p",
    link="https://example.org",
    unsupported=(LackRecord(feature="sctp", reason="no kernel", link=LINK),),
)


def scenario(
    outcome: Outcome, *features: str, profile: str = "core", holds: bool | None = None
) -> ScenarioReport:
    """A scenario's end; where a feature is declared as unsupported, whether that ``holds``."""
    declared = DeclaredItem(feature="sctp", reason="no kernel", link=LINK, holds=holds)
    return ScenarioReport(
        path="x/y.yaml",
        pack="x",
        state="finished",
        outcome=outcome,
        profile=profile,
        features=features,
        declared=() if holds is None else (declared,),
    )


@pytest.mark.parametrize(
    ("scenarios", "conforms", "reason"),
    [
        ([scenario(PASS), scenario(PASS)], "yes", "all 2 pass"),
        ([scenario(PASS), scenario(FAIL)], "no", "1 of 2 fail"),
        ([scenario(FAIL), scenario(INCONCLUSIVE)], "no", "1 of 2 fail"),
        ([scenario(PASS), scenario(XFAIL, holds=True)], "no", "1 of 2 fail"),
        ([scenario(PASS), scenario(UNSUPPORTED, holds=True)], "no", "1 of 2 fail"),
        ([scenario(PASS), scenario(INCONCLUSIVE)], "unknown", "1 of 2 are inconclusive"),
        (
            [scenario(PASS), scenario(INCONCLUSIVE).model_copy(update={"not_carried": True})],
            "unknown",
            "1 of 2 need what the pod network doesn't carry",
        ),
        ([scenario(PASS), scenario(UNSUPPORTED)], "unknown", "1 of 2 could not be asked here"),
        ([scenario(PASS), scenario(FAIL, profile="extended")], "yes", "all 1 pass"),
    ],
)
def test_a_profile_is_conformed_to_by_passing_all_of_it(scenarios, conforms, reason):
    core = profile_results(scenarios, whole=True, sound=True)[0]
    assert (core.profile, core.conforms, core.reason) == ("core", conforms, reason)


def test_a_selection_shows_no_conformance_but_its_failures_do():
    (core,) = profile_results([scenario(PASS)], whole=False, sound=True)
    assert (core.conforms, core.reason) == ("unknown", "a selection was run: 1 scenario")
    (core,) = profile_results([scenario(FAIL)], whole=False, sound=True)
    assert core.conforms == "no"


def test_a_run_cut_short_shows_no_conformance():
    (core,) = profile_results([scenario(PASS)], whole=True, sound=False)
    assert core.conforms == "unknown"


def test_profiles_without_scenarios_have_no_result():
    assert [item.profile for item in profile_results([scenario(PASS)], whole=True, sound=True)] == [
        "core"
    ]


@pytest.mark.parametrize(
    ("scenarios", "outcome", "surprising", "line"),
    [
        ([scenario(PASS, "sctp", holds=False)], PASS, True, "Declared unsupported, but passes"),
        (
            [scenario(PASS, "sctp", holds=False), scenario(UNSUPPORTED, "sctp", holds=True)],
            UNSUPPORTED,
            False,
            "Features not supported",
        ),
        ([scenario(FAIL, "sctp", holds=None)], FAIL, False, "Features that fail"),
        ([scenario(INCONCLUSIVE, "sctp")], INCONCLUSIVE, False, "Features without a verdict"),
    ],
)
def test_a_feature_declared_as_unsupported(scenarios, outcome, surprising, line):
    (sctp,) = feature_results(scenarios, LACKING)
    assert sctp.declared_unsupported
    assert (sctp.outcome, sctp.passes_though_unsupported) == (outcome, surprising)
    assert (sctp.reason, sctp.link) == ("no kernel", LINK)
    assert in_words([], [sctp]) == [f"{line}: sctp."]


def test_a_feature_that_nobody_declares():
    (ports,) = feature_results([scenario(PASS, "namedPorts"), scenario(PASS)], None)
    assert (ports.feature, ports.outcome, ports.scenarios[PASS]) == ("namedPorts", PASS, 1)
    assert not ports.declared_unsupported


def test_history_is_not_conformed_to():
    results = profile_results([scenario(PASS, profile="history")], whole=True, sound=True)
    assert in_words(results, []) == []


def test_a_surprise_is_told_of_the_scenario():
    assert surprises(scenario(PASS, "sctp", holds=False)) == [
        f"sctp is declared as unsupported, but this passes ({LINK})."
    ]
    assert surprises(scenario(UNSUPPORTED, "sctp", holds=True)) == []
