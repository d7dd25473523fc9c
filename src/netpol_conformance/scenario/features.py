"""What an implementation may declare that it lacks, and scenarios may declare that they need."""

from __future__ import annotations

FEATURES: dict[str, str] = {
    "egressAfterServiceNAT": "egress through a Service is judged at the pod behind it (S40)",
    "egressToOwnNode": "a pod always reaches the node it runs on (S6)",
    "endPort": "ranges of ports (S23)",
    "hairpinThroughService": "a pod always reaches itself through its own Service (S42)",
    "ipBlockMatchesPods": "ipBlock matches the addresses of pods (S31)",
    "ipv6": "policy for IPv6 addresses",
    "legacyIsolation": "isolation by a namespace's annotation, as up to 1.6 (S70)",
    "namedPorts": "ports by name (S22)",
    "sctp": "policy for SCTP (S24)",
}
"""Each feature by its name, with what it means."""
