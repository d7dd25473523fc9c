"""Lets every mutant load a policy that uses all there is, and change it. For ``test_registry``."""

from __future__ import annotations

from contextlib import closing

from netpol_conformance.enforcer.apply import Nft
from netpol_conformance.model.decode import decode
from netpol_conformance.model.objects import ContainerPort, Namespace, Pod, WatchEvent

from .. import random_clusters as rc
from ..mutants import MUTANTS

POLICY = """
kind: NetworkPolicy
apiVersion: networking.k8s.io/v1
metadata: {name: all}
spec:
  podSelector: {matchLabels: {app: a}}
  policyTypes: [Ingress, Egress]
  ingress:
  - from:
    - podSelector: {matchLabels: {app: b}}
    - namespaceSelector: {matchExpressions: [{key: team, operator: NotIn, values: [x]}]}
      podSelector: {matchExpressions: [{key: app, operator: In, values: [a, b]}]}
    - ipBlock: {cidr: 10.244.0.0/16, except: [10.244.1.0/30]}
    ports: [{port: http}, {port: 80, endPort: 90}, {protocol: UDP}]
  - {}
  egress:
  - to: [{podSelector: {matchExpressions: [{key: app, operator: Exists}]}}]
    ports: [{port: 53, protocol: UDP}]
  - to: [{ipBlock: {cidr: 10.0.0.0/8}}]
    ports: [{port: 443}, {port: 400, endPort: 450}]
"""


def pod(name: str, number: int) -> Pod:
    ports, ips = (ContainerPort(80, name="http"),), rc.pod_ips(1, number)
    return Pod("default", name, {"app": name}, ports=ports, node="node-1", ips=ips)


def all_mutants_load() -> None:
    (policy,) = decode(POLICY)
    node = rc.node(1, 4)
    with closing(Nft()) as nft:
        for mutant in MUTANTS.values():
            controller = mutant("node-1", nft.run)
            controller.start([Namespace("default"), node, pod("a", 2), pod("b", 3)])
            controller.handle([WatchEvent("ADDED", policy), WatchEvent("ADDED", pod("c", 4))])
            controller.handle([WatchEvent("DELETED", policy), WatchEvent("MODIFIED", node)])
            assert not controller.problems, f"{mutant.name}: {controller.problems}"
