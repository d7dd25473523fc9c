"""What a run says of each profile and each feature. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from netpol_conformance.judge.outcome import Outcome, combine
from netpol_conformance.report.document.report import (
    Conforms,
    FeatureResult,
    ProfileResult,
    ScenarioReport,
    Tally,
)
from netpol_conformance.report.text import plural
from netpol_conformance.run.events import DeclarationRecord
from netpol_conformance.scenario.features import FEATURES, Profile

_KINDS = {
    Outcome.PASS: "Features that pass",
    Outcome.FAIL: "Features that fail",
    Outcome.XFAIL: "Features that fail as declared",
    Outcome.UNSUPPORTED: "Features not supported",
    Outcome.INCONCLUSIVE: "Features without a verdict",
    Outcome.UNSPECIFIED: "Features left open by the specification",
}


def tally(outcomes: Iterable[Outcome]) -> Tally:
    """How many of each outcome."""
    counter = Counter(outcomes)
    return {outcome: counter[outcome] for outcome in Outcome}


def profile_results(
    scenarios: Sequence[ScenarioReport], *, whole: bool, sound: bool
) -> tuple[ProfileResult, ...]:
    """A result for each profile that a scenario of the run is in.

    ``whole`` if all of the profiles' scenarios are among them, ``sound`` if the run ended, its
    probes seen to work.
    """
    results = []
    for profile in Profile:
        members = [item for item in scenarios if item.profile == profile.value]
        if members:
            conforms, reason = _conforms(members, whole=whole, sound=sound)
            results.append(
                ProfileResult(
                    profile=profile.value,
                    scenarios=tally(item.outcome for item in members),
                    conforms=conforms,
                    reason=reason,
                )
            )
    return tuple(results)


def _conforms(
    members: Sequence[ScenarioReport], *, whole: bool, sound: bool
) -> tuple[Conforms, str]:
    total, counts = len(members), tally(item.outcome for item in members)
    wrong = counts[Outcome.FAIL] + sum(map(_excused, members))
    if wrong:
        return "no", f"{wrong} of {total} fail"
    if not sound:
        return "unknown", "the run did not get to its end, or its probes were not seen to work"
    if inconclusive := counts[Outcome.INCONCLUSIVE]:
        not_carried = sum(item.not_carried for item in members) == inconclusive
        why = "need what the pod network doesn't carry" if not_carried else "are inconclusive"
        return "unknown", f"{inconclusive} of {total} {why}"
    if counts[Outcome.UNSUPPORTED]:
        return "unknown", f"{counts[Outcome.UNSUPPORTED]} of {total} could not be asked here"
    if not whole:
        return "unknown", f"a selection was run: {plural(total, 'scenario')}"
    return "yes", f"all {total} pass"


def _excused(scenario: ScenarioReport) -> bool:
    """Whether the scenario fails as declared: then the profile is not conformed to."""
    return scenario.outcome in (Outcome.XFAIL, Outcome.UNSUPPORTED) and any(
        item.holds for item in scenario.declared
    )


def feature_results(
    scenarios: Sequence[ScenarioReport], declared: DeclarationRecord | None
) -> tuple[FeatureResult, ...]:
    """A result for each feature that a scenario of the run needs."""
    lacks = {item.feature: item for item in declared.unsupported} if declared else {}
    results = []
    for name, feature in FEATURES.items():
        outcomes = [item.outcome for item in scenarios if name in item.features]
        if not outcomes:
            continue
        lack = lacks.get(name)
        results.append(
            FeatureResult(
                feature=name,
                title=feature.title,
                profile=feature.profile.value,
                scenarios=tally(outcomes),
                outcome=_together(outcomes, lacking=lack is not None),
                declared_unsupported=lack is not None,
                passes_though_unsupported=lack is not None and set(outcomes) == {Outcome.PASS},
                reason=lack.reason if lack else "",
                link=lack.link if lack else "",
            )
        )
    return tuple(results)


def _together(outcomes: Sequence[Outcome], *, lacking: bool) -> Outcome:
    """What a feature comes to: one that is declared as lacking, and is, is not supported."""
    whole = combine(outcomes)
    lacks = lacking and Outcome.UNSUPPORTED in outcomes and whole is Outcome.PASS
    return Outcome.UNSUPPORTED if lacks else whole


def in_words(profiles: Iterable[ProfileResult], features: Iterable[FeatureResult]) -> list[str]:
    """A line for each profile, and one for the features of each kind of result."""
    lines = [
        f"Conforms to {item.profile}: {item.conforms} ({item.reason})."
        for item in profiles
        if item.profile != Profile.HISTORY.value
    ]
    kinds: dict[str, list[str]] = {}
    for feature in features:
        kinds.setdefault(_kind(feature), []).append(feature.feature)
    return lines + [f"{kind}: {', '.join(names)}." for kind, names in kinds.items()]


def surprises(scenario: ScenarioReport) -> list[str]:
    """What the scenario passes though the plugin's declaration says that it cannot."""
    return [
        f"{item.feature} is declared as unsupported, but this passes ({item.link})."
        for item in scenario.declared
        if item.feature and item.holds is False
    ]


def _kind(feature: FeatureResult) -> str:
    if feature.passes_though_unsupported:
        return "Declared unsupported, but passes"
    return _KINDS[feature.outcome]
