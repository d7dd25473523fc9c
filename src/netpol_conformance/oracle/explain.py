"""A Decision as plain text for a terminal. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from netpol_conformance.model.objects import ClusterState
from netpol_conformance.oracle.decision import Connection, Decision, End, Side, end_name
from netpol_conformance.oracle.evaluate import Oracle
from netpol_conformance.oracle.sentences import SENTENCES


def explain(state: ClusterState, connection: Connection) -> str:
    """The verdict, each end's say, and the rules cited, as lines without a final newline.

    Raises UnknownEndError for a pod or node that the state does not have.
    """
    return in_words(connection, Oracle(state).decide(connection))


def in_words(connection: Connection, decision: Decision) -> str:
    """The decision of this connection, as ``explain`` gives it."""
    return "\n".join(_lines(connection, decision))


def _lines(connection: Connection, decision: Decision) -> Iterator[str]:
    source, destination = connection.source, connection.destination
    way = f"{connection.protocol.value} {connection.port}, IPv{connection.family}"
    answer = decision.answer.value
    yield f"{end_name(source)} -> {end_name(destination)} ({way}): {answer}"
    yield ""
    yield from _side(source, decision.egress)
    yield ""
    yield from _side(destination, decision.ingress)
    yield ""
    yield "Rules"
    cited = [rule for side in (decision.egress, decision.ingress) for rule in side.rules]
    for rule in dict.fromkeys([*decision.rules, *cited]):
        sentence = SENTENCES[rule]
        yield f"  {rule:<4}{sentence.text}"
        yield f"      {sentence.link}"


def _side(end: End, side: Side) -> Iterator[str]:
    yield f"{side.direction.value} of {end_name(end)}: {side.answer.value}"
    yield f"  {side.reason}"
    for policy in side.isolated_by:
        yield f"  applies  {policy}"
    for match in side.allowed_by:
        yield f"  allows   {match.policy}: {match.field}"
    if side.nearest_miss:
        miss = side.nearest_miss
        yield f"  nearest  {miss.policy}: {miss.field} ({miss.rule})"
