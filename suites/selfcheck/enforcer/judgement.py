"""What a node's chains say of a connection's first packet, told from the elements of its sets."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

from netpol_conformance.enforcer.ruleset import Elements
from netpol_conformance.model.objects import IPAddress

PROTOCOLS = {"TCP": 6, "UDP": 17, "SCTP": 132, "ICMP": 1}


def passes(
    elements: Elements, source: IPAddress, destination: IPAddress, protocol: str, port: int
) -> bool:
    """The rules of ``ruleset`` once more, in plain Python."""
    family = source.version
    if f"{source} . {destination}" in elements.get(f"self{family}", ()):
        return True
    if not all(is_known(elements, address) for address in (source, destination)):
        return False
    wire = (PROTOCOLS[protocol], port)
    return is_admitted(elements, "egress", source, destination, wire) and is_admitted(
        elements, "ingress", destination, source, wire
    )


def is_known(elements: Elements, address: IPAddress) -> bool:
    networks = elements.get(f"networks{address.version}", ())
    inside = any(address in ip_network(network) for network in networks)
    return not inside or str(address) in elements.get(f"pods{address.version}", ())


def is_admitted(
    elements: Elements, direction: str, pod: IPAddress, peer: IPAddress, wire: tuple[int, int]
) -> bool:
    family = pod.version
    if str(pod) not in elements.get(f"{direction}_isolated{family}", ()):
        return True
    allowed = {
        *elements.get(f"{direction}{family}", ()),
        *elements.get(f"{direction}_ranges{family}", ()),
    }
    return any(holds(element, (pod, peer, *wire)) for element in allowed)


def holds(element: str, key: tuple[IPAddress | int, ...]) -> bool:
    return all(
        low <= int(value) <= high
        for (low, high), value in zip(map(stretch, element.split(" . ")), key, strict=True)
    )


def stretch(text: str) -> tuple[int, int]:
    """A field of an element: one value, a range, or a network."""
    if "/" in text:
        network = ip_network(text)
        return int(network.network_address), int(network.broadcast_address)
    low, _, high = text.partition("-")
    return number(low), number(high or low)


def number(text: str) -> int:
    return int(text) if text.isdigit() else int(ip_address(text))
