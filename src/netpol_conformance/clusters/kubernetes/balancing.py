"""Addresses for a scenario's Services of type LoadBalancer: the cluster's own, or given here."""

from __future__ import annotations

from dataclasses import dataclass, field

from netpol_conformance.clusters.base import UnsupportedError
from netpol_conformance.clusters.kubernetes.api.client import SERVICES
from netpol_conformance.clusters.kubernetes.objects.objects import Objects
from netpol_conformance.clusters.kubernetes.objects.waits import until
from netpol_conformance.clusters.kubernetes.outside import LoadBalancer
from netpol_conformance.model.objects import KubernetesObject, Service

BALANCER_TIMEOUT = 30.0
"""Seconds for the cluster to give a Service of type LoadBalancer its address."""
_PAUSE = 0.2


@dataclass(slots=True)
class Balancing:
    """What one scenario's Services have; without a ``balancer`` the cluster gives addresses."""

    objects: Objects
    balancer: LoadBalancer | None
    _given: set[str] = field(default_factory=set)

    def serve(self, item: KubernetesObject) -> None:
        """Have it get an address if it is such a Service; UnsupportedError if none comes."""
        if isinstance(item, Service) and item.type == "LoadBalancer":
            if self.balancer is None:
                self._await(item)
            else:
                self._give(item, self.balancer)

    def release(self) -> None:
        """Take back what was given."""
        if self.balancer is not None:
            for service in self._given:
                self.balancer.release(service)
        self._given.clear()

    def _give(self, service: Service, balancer: LoadBalancer) -> None:
        namespace = self.objects.names.real(service.namespace)
        known = f"{namespace}/{service.name}"
        self._given.add(known)
        ingress = [{"ip": str(ip)} for ip in balancer.addresses(known)]
        status = {"status": {"loadBalancer": {"ingress": ingress}}}
        patch = self.objects.client.patch
        self.objects.call(patch, SERVICES, status, service.name, namespace, "status")

    def _await(self, service: Service) -> None:
        what = f"an address of Service {service.name}"
        if not until(lambda: self._has_address(service), what, BALANCER_TIMEOUT, _PAUSE):
            raise UnsupportedError(
                f"needs a load balancer, and this cluster gave Service {service.name} no IP "
                f"address in {BALANCER_TIMEOUT:g} s"
            )

    def _has_address(self, service: Service) -> bool:
        namespace = self.objects.names.real(service.namespace)
        get = self.objects.client.get
        found = self.objects.call(get, SERVICES, service.name, namespace) or {}
        status = (found.get("status") or {}).get("loadBalancer") or {}
        return any(item.get("ip") for item in status.get("ingress") or ())
