"""What kind is asked for, as its own configuration. Pure."""

from __future__ import annotations

from ipaddress import ip_network

import yaml

RUN_LABEL = "netpol-conformance/run"
"""On every node of a cluster of ours: the name of the run's cluster."""

FAMILIES = {"ipv4": (4,), "ipv6": (6,), "dual": (4, 6)}
"""IP families by what ``--ip-family`` takes, the first being the cluster's first."""

_WORKERS = 2


def cluster_config(name: str, *, ip_family: str = "ipv4", pod_subnet: str = "") -> str:
    """A control plane and two workers without kind's own CNI, which enforces policies itself.

    Raises ValueError for an unknown family or a bad subnet (a dual one is two, comma-separated).
    """
    if ip_family not in FAMILIES:
        raise ValueError(f'--ip-family "{ip_family}": use one of {", ".join(FAMILIES)}')
    networking: dict[str, object] = {"disableDefaultCNI": True, "ipFamily": ip_family}
    if pod_subnet:
        networking["podSubnet"] = _checked(pod_subnet)
    roles = ["control-plane", *["worker"] * _WORKERS]
    config = {
        "kind": "Cluster",
        "apiVersion": "kind.x-k8s.io/v1alpha4",
        "name": name,
        "networking": networking,
        "nodes": [{"role": role, "labels": {RUN_LABEL: name}} for role in roles],
    }
    return yaml.safe_dump(config, sort_keys=False)


def _checked(pod_subnet: str) -> str:
    for part in pod_subnet.split(","):
        try:
            ip_network(part)
        except ValueError as error:
            raise ValueError(f'--pod-subnet "{pod_subnet}": {error}') from None
    return pod_subnet
