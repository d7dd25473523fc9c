"""Scenario texts for these tests: a sound one, and ways to spoil it."""

from __future__ import annotations

import pytest

from netpol_conformance.expectation.matrix import expectation
from netpol_conformance.expectation.needs import needed_features
from netpol_conformance.scenario.errors import Problem, ScenarioError
from netpol_conformance.scenario.lint import lint
from netpol_conformance.scenario.loader import load_all

SOUND = """\
title: Only friend reaches web
rules: [S2]
documented: {in: Kubernetes handbook, section: Simple example}
covers: [HB6]
features: [ipv6]
cluster: {nodes: 3, families: [IPv4, IPv6], kubernetes: "1.34"}
namespaces:
  other: {labels: {team: blue}}
pods:
  web:
    labels: {app: web}
    ports: [80, dns=53/UDP]
    replicas: 2
    service: {port: 8080, targetPort: 80}
  friend:     {labels: {role: friend}}
  other/app:  {ports: [9000], node: node-3}
outside:
  office: {address: 172.17.1.5, ports: [443]}
steps:
  - title: Everyone reaches web
    expect:
      service/web:8080: {friend: connected, other/app: connected}
      web:53/UDP: {"*": connected}
  - title: Only friend does
    apply: |
      apiVersion: networking.k8s.io/v1
      kind: NetworkPolicy
      metadata:
        name: only-friend
      spec:
        podSelector:
          matchLabels: {app: web}
        ingress:
        - from:
          - podSelector:
              matchLabels: {role: friend}
    expect:
      web:80: {friend: connected, "*": blocked}
  - title: Everyone does again
    delete: [networkpolicy/only-friend]
    expect:
      web:80: {"*": connected}
"""


def spoilt(old: str, new: str, text: str = SOUND) -> str:
    """A text with one thing changed; the thing must be there."""
    assert old in text
    return text.replace(old, new, 1)


def faults(text: str) -> tuple[Problem, ...]:
    """What the loader refuses a file for."""
    with pytest.raises(ScenarioError) as caught:
        load_all(text, "x.yaml")
    return caught.value.problems


def findings(text: str) -> list[str]:
    """What lint finds in a file that can be loaded."""
    return [str(one) for one in lint(load_all(text, "x.yaml"), expectation, needed_features)]
