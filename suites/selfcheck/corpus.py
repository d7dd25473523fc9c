"""The corpus, read once by each process of tests however many look at all of it."""

from __future__ import annotations

from netpol_conformance.app.corpus import load_corpus

CORPUS = load_corpus()
NOT_COVERED_YET = ["S44", "S52"]
"""What no scenario covers yet: hostPorts and externalIPs, and pods that are being deleted."""
BY_PATH = {scenario.path: scenario for scenario in CORPUS}
