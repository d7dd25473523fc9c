"""An observation as events tell it."""

from __future__ import annotations

from netpol_conformance.probe.verdict import Observation
from netpol_conformance.run.events import Evidence, Phase


def evidence(phase: Phase, observation: Observation) -> Evidence:
    """The record of one observation, made in ``phase``."""
    return Evidence(
        phase=phase,
        source=str(observation.probe.source),
        tool=observation.probe.tool,
        command=observation.command,
        output=observation.output,
        exit_code=observation.exit_code,
        verdict=observation.verdict,
        identity=observation.identity,
        started=observation.started,
        duration=observation.duration,
    )
