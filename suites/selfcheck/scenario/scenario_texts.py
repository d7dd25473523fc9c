"""Scenario texts for these tests: a sound one, one of cases, and ways to spoil them."""

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

CASES = """\
title: Rules name protocols
rules: [S2]
documented: {in: Kubernetes handbook, section: Simple example}
covers: [HB6]
about: All begin open.
pods:
  web:  {labels: {app: web}, ports: [80, 80/UDP]}
  bob:  {}
cases:
  tcp:
    title: A rule for TCP opens TCP
    rules: [S20]
    axes: {direction: ingress, protocol: TCP}
    steps: &steps
      - title: All is open
        expect:
          web:80:      {bob: connected}
          web:80/UDP:  {bob: connected}
      - title: Only TCP is
        apply: |
          apiVersion: networking.k8s.io/v1
          kind: NetworkPolicy
          metadata: {name: one}
          spec:
            podSelector: {matchLabels: {app: web}}
            ingress: [{ports: [{protocol: TCP}]}]
        expect:
          web:80:      {bob: connected}
          web:80/UDP:  {bob: blocked}
  sctp:
    title: A rule for SCTP opens SCTP
    covers: [S24]
    about: More than the others need.
    features: [sctp]
    cluster: {nodes: 1}
    pods:
      more:  {ports: [80/SCTP], labels: {app: web}}
    steps:
      - title: All is open
        expect:
          more:80/SCTP:  {bob: connected}
      - title: Only SCTP is
        apply: |
          apiVersion: networking.k8s.io/v1
          kind: NetworkPolicy
          metadata: {name: one}
          spec:
            podSelector: {matchLabels: {app: web}}
            ingress: [{ports: [{protocol: SCTP}]}]
        expect:
          more:80/SCTP:  {bob: connected}
          web:80:        {bob: blocked}
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
