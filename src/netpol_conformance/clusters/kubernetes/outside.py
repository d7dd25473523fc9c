"""What a cluster needs from beyond it: clients outside, and addresses for load balancers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from netpol_conformance.clusters.base import OutsideHost
from netpol_conformance.clusters.kubernetes.api.answers import Manifest
from netpol_conformance.clusters.kubernetes.api.client import ENDPOINT_SLICES, SERVICES, Resource
from netpol_conformance.model.objects import IPAddress
from netpol_conformance.probe.verdict import Observation, Probe


class OutsideClients(Protocol):
    """Hosts outside the cluster, for one scenario at a time."""

    def start(self, hosts: Sequence[OutsideHost]) -> None:
        """Have these hosts and no others, serving on their ports.

        Raises UnsupportedError for what cannot be had, ClusterError for what fails.
        """

    def probe(self, probes: Sequence[Probe]) -> Sequence[Observation]:
        """Ask all at once, each from its source; one observation a probe, in order."""

    def close(self) -> None:
        """Remove all that was made. Safe to call twice, and without a start."""


class LoadBalancer(Protocol):
    """Gives Services of type LoadBalancer an address, where the cluster itself does not."""

    def addresses(self, service: str) -> Sequence[IPAddress]:
        """The addresses of a Service, always the same for the same one.

        ``service`` is its namespace and name in the cluster. Raises ClusterError if none is left.
        """

    def release(self, service: str) -> None:
        """Take the Service's addresses back."""


def as_asked(seen: Observation, probe: Probe, names: Mapping[str, str]) -> Observation:
    """What was seen, as an observation of the scenario's own ``probe``; ``names`` gives the
    scenario's words for those of the machine that asked or answered.
    """
    command, output = seen.command, seen.output
    for real, own in names.items():
        command, output = command.replace(real, own), output.replace(real, own)
    identity = seen.identity and names.get(seen.identity, seen.identity)
    return replace(seen, probe=probe, command=command, output=output, identity=identity)


def outside_name(host: OutsideHost) -> Iterator[tuple[Resource, Manifest]]:
    """What makes a host's name known to the cluster's DNS: a headless Service without selector,
    and its addresses. No traffic goes through it.
    """
    ports = [{"name": f"port-{port}", "port": port} for port in host.ports]
    yield (
        SERVICES,
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": host.name},
            "spec": {"clusterIP": "None", "ports": ports},
        },
    )
    for ip in host.ips:
        labels = {"kubernetes.io/service-name": host.name}
        yield (
            ENDPOINT_SLICES,
            {
                "apiVersion": "discovery.k8s.io/v1",
                "kind": "EndpointSlice",
                "metadata": {"name": f"{host.name}-ipv{ip.version}", "labels": labels},
                "addressType": f"IPv{ip.version}",
                "endpoints": [{"addresses": [str(ip)]}],
                "ports": ports,
            },
        )
