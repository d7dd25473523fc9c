"""What a scenario's cluster is given before the first step, in the terms of clusters. Pure."""

from __future__ import annotations

import json
from collections.abc import Sequence
from ipaddress import ip_address

from netpol_conformance.clusters.base import OutsideHost
from netpol_conformance.model.encode import manifest
from netpol_conformance.model.objects import KubernetesObject
from netpol_conformance.scenario.types import Scenario, Via


def outside_hosts(scenario: Scenario) -> list[OutsideHost]:
    """The machines beyond the cluster, with DNS names where they are asked for by name."""
    named = {asked.name for asked in scenario.destinations if asked.via is Via.OUTSIDE_NAME}
    return [
        OutsideHost(
            spec.name,
            tuple(ip_address(address) for address in spec.addresses),
            spec.ports,
            named=spec.name in named,
        )
        for spec in scenario.outside
    ]


def manifest_list(objects: Sequence[KubernetesObject]) -> str:
    """Objects as one manifest, to be applied at once."""
    items = [manifest(item) for item in objects]
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": items})
