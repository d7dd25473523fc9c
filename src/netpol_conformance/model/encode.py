"""Objects to manifests that decode to the same objects again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from netpol_conformance.model.objects import (
    Direction,
    IPAddress,
    KubernetesObject,
    LabelSelector,
    Namespace,
    NetworkPolicy,
    Node,
    Pod,
    PolicyPeer,
    PolicyPort,
    PolicyRule,
    Service,
)

Manifest = dict[str, object]


def manifest(item: KubernetesObject) -> Manifest:
    """``item`` as a plain manifest: mappings, lists, strings, numbers and booleans only.

    What an API server reports and doesn't take (a pod's phase and addresses, a Service's
    LoadBalancer addresses, a node's addresses) is under ``status``. For a valid, defaulted object
    ``decode_object(manifest(item)) == item``.
    """
    if isinstance(item, NetworkPolicy):
        return _policy(item)
    if isinstance(item, Pod):
        return _pod(item)
    if isinstance(item, Service):
        return _service(item)
    if isinstance(item, Node):
        return _node(item)
    return _object("v1", "Namespace", _metadata(item))


def _object(api_version: str, kind: str, metadata: Manifest, **parts: Manifest) -> Manifest:
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **present(**parts)}


def present(**fields: object) -> Manifest:
    """The fields that say something: no empty strings, lists and mappings, no None, no False."""
    return {name: value for name, value in fields.items() if value}


def _metadata(item: KubernetesObject) -> Manifest:
    annotations = item.annotations if isinstance(item, Pod | Namespace) else {}
    return present(
        name=item.name,
        namespace=item.key.namespace,
        labels=dict(item.labels),
        annotations=dict(annotations),
    )


def _policy(policy: NetworkPolicy) -> Manifest:
    spec: Manifest = {"podSelector": _selector(policy.pod_selector)}
    # Before 1.8 the API doesn't know the field, and knows no policy for which it says anything.
    if policy.policy_types != (Direction.INGRESS,) or policy.egress:
        spec["policyTypes"] = [direction.value for direction in policy.policy_types]
    spec |= present(
        ingress=[_rule(rule, "from") for rule in policy.ingress],
        egress=[_rule(rule, "to") for rule in policy.egress],
    )
    return _object(policy.api_version, "NetworkPolicy", _metadata(policy), spec=spec)


def _rule(rule: PolicyRule, peers: str) -> Manifest:
    return present(
        ports=[_policy_port(port) for port in rule.ports],
        **{peers: [_peer(peer) for peer in rule.peers]},
    )


def _policy_port(port: PolicyPort) -> Manifest:
    return present(protocol=port.protocol.value, port=port.port, endPort=port.end_port)


def _peer(peer: PolicyPeer) -> Manifest:
    fields: Manifest = {}
    if peer.pod_selector is not None:
        fields["podSelector"] = _selector(peer.pod_selector)
    if peer.namespace_selector is not None:
        fields["namespaceSelector"] = _selector(peer.namespace_selector)
    if peer.ip_block is not None:
        excepted = [str(network) for network in peer.ip_block.excepted]
        fields["ipBlock"] = {"cidr": str(peer.ip_block.cidr), **present(**{"except": excepted})}
    return fields


def _selector(selector: LabelSelector) -> Manifest:
    expressions = [
        {
            "key": requirement.key,
            "operator": requirement.operator.value,
            **present(values=list(requirement.values)),
        }
        for requirement in selector.match_expressions
    ]
    return present(matchLabels=dict(selector.match_labels), matchExpressions=expressions)


def _pod(pod: Pod) -> Manifest:
    ports = [
        present(name=port.name, containerPort=port.number, protocol=port.protocol.value)
        for port in pod.ports
    ]
    container = {"name": "main", **present(image=pod.image, ports=ports)}
    spec = present(
        containers=[container],
        nodeName=pod.node,
        nodeSelector=dict(pod.node_selector),
        hostNetwork=pod.host_network,
    )
    status = present(phase=pod.phase, podIPs=_addresses("ip", pod.ips))
    return _object("v1", "Pod", _metadata(pod), spec=spec, status=status)


def _service(service: Service) -> Manifest:
    addresses = ["None"] if service.headless else [str(address) for address in service.cluster_ips]
    external = {"externalTrafficPolicy": service.external_traffic_policy}
    spec = present(
        type=service.type,
        selector=dict(service.selector),
        clusterIP=addresses[0] if addresses else "",
        clusterIPs=addresses,
        ports=[
            present(
                name=port.name,
                port=port.port,
                targetPort=port.target_port,
                protocol=port.protocol.value,
                nodePort=port.node_port,
            )
            for port in service.ports
        ],
        **(external if service.type != "ClusterIP" else {}),
    )
    balancer = present(ingress=_addresses("ip", service.load_balancer_ips))
    status = present(loadBalancer=balancer)
    return _object("v1", "Service", _metadata(service), spec=spec, status=status)


def _node(node: Node) -> Manifest:
    cidrs = [str(network) for network in node.pod_cidrs]
    spec = present(podCIDR=cidrs[0] if cidrs else "", podCIDRs=cidrs)
    addresses = _addresses("address", node.ips, {"type": "InternalIP"})
    return _object("v1", "Node", _metadata(node), spec=spec, status=present(addresses=addresses))


def _addresses(
    field: str, addresses: Iterable[IPAddress], more: Mapping[str, str] | None = None
) -> list[Mapping[str, str]]:
    return [{**(more or {}), field: str(address)} for address in addresses]
