"""What lasted through a step's change, as plain text: cells probed meanwhile, held connections.

Pure; what pytest, JUnit and the terminal show beside the matrix.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from netpol_conformance.judge.outcome import Outcome
from netpol_conformance.report.text import hanging, one_line
from netpol_conformance.run.events import HeldResult, MeanwhileResult, StepResult

_ENFORCER = {
    "restarted": "The enforcer was stopped before the change and started after it.",
    "cut off": "The enforcer was without the API during the change.",
}


class Remark(NamedTuple):
    """A paragraph, wrapped; ``outcome`` where it has one."""

    text: str
    outcome: Outcome | None = None


def remarks(step: StepResult, *, width: int) -> Iterator[Remark]:
    """All remarks of a step beside its matrix."""
    if step.enforcer is not None:
        yield Remark(hanging("", _ENFORCER[step.enforcer], width))
    for new, old in step.reused.items():
        yield Remark(hanging("", f"{one_line(new)} got the address of {one_line(old)}.", width))
    for item in step.meanwhile:
        yield Remark(hanging("meanwhile  ", _sentence(item), width), item.outcome)
    for kept in step.held:
        yield Remark(hanging("held       ", _sentence(kept), width), kept.outcome)


def wrong_remarks(step: StepResult, *, width: int) -> str:
    """Those that failed or are inconclusive, with the command that asks the same; or nothing."""
    items: list[MeanwhileResult | HeldResult] = [*step.meanwhile, *step.held]
    return "\n\n".join(_wrong(item, width) for item in items if item.outcome.is_wrong)


def _wrong(item: MeanwhileResult | HeldResult, width: int) -> str:
    kind = "meanwhile" if isinstance(item, MeanwhileResult) else "held"
    lines = [hanging(f"{kind}  ", _sentence(item), width)]
    if isinstance(item, MeanwhileResult):
        why = f"{item.expected.value} ({', '.join(item.rules)}): {item.explanation}"
        lines.append(hanging("    expected ", one_line(why), width))
    asked = [look.command for look in item.evidence if look.phase == kind]
    return "\n".join([*lines, *(f"        $ {one_line(command)}" for command in asked[:1])])


def _sentence(item: MeanwhileResult | HeldResult) -> str:
    return one_line(f"{item.source} -> {item.destination}: {item.reason}")
