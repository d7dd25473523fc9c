"""Which pods stand behind a Service, and on which of their ports."""

from __future__ import annotations

from netpol_conformance.model.objects import ClusterState, Pod, Service, ServicePort


def endpoints(
    state: ClusterState, service: Service, port: ServicePort
) -> tuple[tuple[Pod, int], ...]:
    """The ready backends of a Service's port, each with the number of its target port.

    Ready is a pod that runs and has an address. A target port given by name is looked up on each
    pod by name and protocol; a pod that lacks it is no backend. In the order of ``state.pods``.
    """
    if not service.selector:
        return ()
    wanted = service.selector.items()
    backends = []
    for pod in state.pods:
        if pod.namespace != service.namespace or not wanted <= pod.labels.items():
            continue
        number = _target_port(pod, port)
        if number is not None and pod.phase == "Running" and pod.ips:
            backends.append((pod, number))
    return tuple(backends)


def _target_port(pod: Pod, port: ServicePort) -> int | None:
    if isinstance(port.target_port, int):
        return port.target_port
    matching = (
        candidate.number
        for candidate in pod.ports
        if candidate.name == port.target_port and candidate.protocol is port.protocol
    )
    return next(matching, None)
