"""A probe and what it saw, for tests of what is made of that."""

from __future__ import annotations

from netpol_conformance.model.objects import SourceKind
from netpol_conformance.probe.verdict import Observation, Probe, Source, Verdict

SERVER = "default/web"
PROBE = Probe(Source(SourceKind.POD, "client", "default"), "10.244.1.2", 80, frozenset([SERVER]))


def seen(verdict: Verdict) -> Observation:
    identity = SERVER if verdict is Verdict.CONNECTED else None
    return Observation(PROBE, verdict, "wget web", "output", 0.0, 1.0, 0, identity)


CONNECTED = seen(Verdict.CONNECTED)
