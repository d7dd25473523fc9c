"""One cell: expectation and evidence -> outcome, and a sentence that says why.

The rules are those of docs/verdicts.md. Each deny needs its control (the same probe succeeding
without the policy) and its witness (the server answering inside its own pod at the same time).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from netpol_conformance.judge.outcome import Outcome
from netpol_conformance.probe.verdict import Observation, Verdict
from netpol_conformance.scenario.types import Expectation

_BLOCKED = (Verdict.TIMED_OUT, Verdict.REFUSED)
_UNANSWERED = (*_BLOCKED, Verdict.ERROR)
"""What a network does with what it does not carry; without a route the probe itself fails."""
_EXPECTED = {
    Expectation.CONNECTED: (Verdict.CONNECTED,),
    Expectation.BLOCKED: _BLOCKED,
    Expectation.UNRESOLVED: (Verdict.NAME_NOT_RESOLVED,),
    Expectation.UNSPECIFIED: tuple(Verdict),
}


@dataclass(frozen=True, slots=True)
class CellRound:
    """The probes of one cell in one round; ``confirms`` if it is a second round.

    With ``prompt`` a connection that is expected must come with its first packet.
    """

    observations: tuple[Observation, ...]
    confirms: bool = False
    prompt: bool = False

    def is_as(self, expected: Expectation) -> bool:
        """Whether every observation fits the expectation, and there is one."""
        if self.prompt and expected is Expectation.CONNECTED and _late(self.observations):
            return False
        seen = [observation.verdict for observation in self.observations]
        return bool(seen) and all(verdict in _EXPECTED[expected] for verdict in seen)

    def decisive(self, expected: Expectation) -> Observation:
        """The observation that tells: the first that contradicts, else refused over timed out.

        A short wget reads a rejection as a time-out, a longer socket sees the refusal itself.
        """
        seen = self.observations
        against = [one for one in seen if one.verdict not in _EXPECTED[expected]]
        refused = [one for one in seen if one.verdict is Verdict.REFUSED]
        return (against or refused or seen)[0]


@dataclass(frozen=True, slots=True)
class Proof:
    """What a judgement of a cell's rounds rests on.

    ``controls`` are the same probes without the policy; ``witness`` is the server asked from
    inside its own pod at the time of the looks; ``names_resolve`` says whether any look-up
    succeeded meanwhile. ``carried`` is whether the pod network carries such a connection, as far
    as that was measured before any policy; None if it is not known. ``isolated`` is whether it
    stayed silent without the policy too, however long it was asked, the server listening.
    """

    controls: tuple[Observation, ...] = ()
    witness: Observation | None = None
    names_resolve: bool = False
    carried: bool | None = None
    isolated: bool = False

    @property
    def connected_without_policy(self) -> bool:
        """Whether the control exists and all of it connected."""
        return all_connected(self.controls)

    @property
    def server_listens(self) -> bool:
        """Whether the witness connected."""
        return self.witness is not None and self.witness.verdict is Verdict.CONNECTED


@dataclass(frozen=True, slots=True)
class Judgement:
    """A cell's outcome; ``blocked`` is how a denial was seen: dropped or rejected.

    With ``not_carried`` it is INCONCLUSIVE for the pod network's sake, and no other.
    """

    outcome: Outcome
    reason: str
    verdict: Verdict | None = None
    blocked: Literal["dropped", "rejected"] | None = None
    not_carried: bool = False


NOT_CARRIED = "The pod network doesn't carry it: measured before any policy."
NOT_MEASURED = "Nothing shows that the pod network carries it without any policy."


def silent(look: CellRound, witness: Observation | None) -> bool:
    """Whether nothing came through at ``look``, and the server listened."""
    listens = witness is not None and witness.verdict is Verdict.CONNECTED
    return listens and look.is_as(Expectation.BLOCKED)


def all_connected(observations: Sequence[Observation]) -> bool:
    """Whether there are any, and every one of them connected."""
    return {seen.verdict for seen in observations} == {Verdict.CONNECTED}


def judge(expected: Expectation, rounds: Sequence[CellRound], proof: Proof) -> Judgement:
    """Judge one cell by its full rounds (oldest first; quick ones not among them).

    Never a default: what the evidence does not carry is INCONCLUSIVE, and says what is missing.
    """
    if not rounds or not rounds[-1].observations:
        return Judgement(Outcome.INCONCLUSIVE, "It was never probed.")
    last = rounds[-1]
    verdict = last.decisive(expected).verdict
    if expected is Expectation.UNSPECIFIED:
        reason = f"The specification is silent; recorded: {verdict.value}."
        return Judgement(Outcome.UNSPECIFIED, reason, verdict, _manner(verdict))
    if last.is_as(expected):
        return _as_expected(expected, rounds, proof, verdict)
    return _against(expected, rounds, proof, verdict)


def _as_expected(
    expected: Expectation, rounds: Sequence[CellRound], proof: Proof, verdict: Verdict
) -> Judgement:
    leaky = _leaks_again(expected, rounds)
    if rounds[-1].confirms or leaky:
        wrong = sum(not look.is_as(expected) for look in rounds)
        outcome = Outcome.FAIL if leaky else Outcome.INCONCLUSIVE
        reason = f"It did not hold: {wrong} of {len(rounds)} looks saw otherwise."
        return Judgement(outcome, reason, verdict)
    if expected is Expectation.CONNECTED:
        who = rounds[-1].observations[0].identity
        return Judgement(Outcome.PASS, f"Connected to {who}, the right server.", verdict)
    if not proof.connected_without_policy:
        return _without_control(proof, verdict)
    if expected is Expectation.UNRESOLVED:
        reason = "The name was not resolved; without the policy it is."
        return Judgement(Outcome.PASS, reason, verdict)
    if not proof.server_listens:
        return Judgement(Outcome.INCONCLUSIVE, _no_witness(proof), verdict)
    manner = _manner(verdict)
    reason = f"Blocked ({manner}), the server listening; without the policy it connects."
    return Judgement(Outcome.PASS, reason, verdict, manner)


def _leaks_again(expected: Expectation, rounds: Sequence[CellRound]) -> bool:
    """Whether a denial let something through twice, and once after it was seen to be in force.

    Only a connection proves itself: a busy machine can time out, but cannot connect. Leaks from
    before any full look saw the denial may be those of a plugin that was still at it.
    """
    if expected is Expectation.CONNECTED:
        return False
    in_force = [look.is_as(expected) for look in rounds].index(True)
    leaks = [look.decisive(expected).verdict is Verdict.CONNECTED for look in rounds]
    return sum(leaks) > 1 and any(leaks[in_force:])


def _against(
    expected: Expectation, rounds: Sequence[CellRound], proof: Proof, verdict: Verdict
) -> Judgement:
    if verdict in _UNANSWERED and expected is Expectation.CONNECTED and proof.carried is False:
        return Judgement(Outcome.INCONCLUSIVE, NOT_CARRIED, verdict, not_carried=True)
    doubt = _doubt(expected, proof, verdict)
    if doubt is None and sum(not look.is_as(expected) for look in rounds) < 2:
        doubt = f"It was {verdict.value} once, and no second look confirmed it."
    if doubt is not None:
        return Judgement(Outcome.INCONCLUSIVE, doubt, verdict)
    seen = f"Expected {expected.value}, but it was {verdict.value}"
    if verdict is Verdict.CONNECTED and expected is Expectation.CONNECTED:
        seen = "It connected only once its first packet had been sent again"
    reason = f"{seen}, confirmed by a second look."
    return Judgement(Outcome.FAIL, reason, verdict, _manner(verdict))


def _doubt(expected: Expectation, proof: Proof, verdict: Verdict) -> str | None:
    """Why an unexpected verdict does not yet speak against the plugin; None if it does."""
    if verdict is Verdict.CONNECTED and expected is Expectation.CONNECTED and _late(proof.controls):
        return "Without the policy its first packet had to be sent again, too."
    if verdict is Verdict.ERROR:
        return "The probe itself failed, so nothing is known about the connection."
    if verdict is Verdict.WRONG_SERVER:
        return "Somebody answered, but not the server that was asked for."
    if verdict is Verdict.NAME_NOT_RESOLVED:
        return _doubtful_name(expected, proof)
    if verdict in _BLOCKED and expected is Expectation.CONNECTED:
        return _doubtful_silence(proof)
    return None


def _doubtful_silence(proof: Proof) -> str | None:
    if not proof.server_listens:
        return _no_witness(proof)
    return None if proof.carried else NOT_MEASURED


def _late(observations: Sequence[Observation]) -> bool:
    """Whether a connection came only once its first packet had been sent again."""
    return any(observation.resent for observation in observations)


def _doubtful_name(expected: Expectation, proof: Proof) -> str | None:
    if expected is Expectation.BLOCKED:
        return "The name was not resolved: a failed look-up is not a blocked connection (S43)."
    if proof.names_resolve and proof.connected_without_policy:
        return None
    return "The name was not resolved, and nothing shows that name resolution works."


def _without_control(proof: Proof, verdict: Verdict) -> Judgement:
    """A denial shows nothing if it was never seen to connect without the policy."""
    if proof.carried is False:
        return Judgement(Outcome.INCONCLUSIVE, NOT_CARRIED, verdict, not_carried=True)
    if proof.carried and proof.isolated:
        reason = "It doesn't connect without any policy either, though the pod network carries it."
        return Judgement(Outcome.FAIL, f"{reason} A pod is open by default (S1).", verdict)
    if not proof.controls:
        reason = "It has no control: it was never seen to connect without the policy."
        return Judgement(Outcome.INCONCLUSIVE, reason, verdict)
    seen = ", ".join(dict.fromkeys(control.verdict.value for control in proof.controls))
    reason = f"Its control failed: without the policy it was {seen}, so its denial shows nothing."
    return Judgement(Outcome.INCONCLUSIVE, reason, verdict)


def _no_witness(proof: Proof) -> str:
    if proof.witness is None:
        return "Nothing shows that the server was listening at that moment."
    return (
        "The server did not answer inside its own pod "
        f"({proof.witness.verdict.value}), so nothing is known about the path to it."
    )


def _manner(verdict: Verdict) -> Literal["dropped", "rejected"] | None:
    if verdict is Verdict.TIMED_OUT:
        return "dropped"
    return "rejected" if verdict is Verdict.REFUSED else None
