"""How a scenario writes the ends of a connection: ``secondary/web``, ``service/nginx:80``."""

from __future__ import annotations

import re

from netpol_conformance.model.objects import ObjectKey, Protocol, SourceKind
from netpol_conformance.scenario.types import Destination, SourceRef, Via

RESERVED = frozenset({via.value for via in Via} | {"cluster"})
"""Words that begin a reference, so that no namespace may bear them."""

KINDS = {kind.lower(): kind for kind in ("Namespace", "Node", "NetworkPolicy", "Pod", "Service")}
"""Kinds as ``delete`` writes them."""

_CLUSTER_SCOPED = frozenset({"Namespace", "Node"})
_OUTSIDE_CLUSTER = frozenset({Via.OUTSIDE, Via.NODE})
_WITHOUT_NAMESPACE = _OUTSIDE_CLUSTER | {Via.OUTSIDE_NAME}
_DESTINATION = re.compile(
    r"(?P<name>[^:@]+):(?P<port>\d{1,5})(?:/(?P<protocol>TCP|UDP|SCTP))?"
    r"(?P<six>/IPv6)?(?:@(?P<node>[^@]+))?"
)


def source(text: str) -> SourceRef:
    """Read ``busybox``, ``secondary/web``, ``outside/office`` or ``node/node-1``."""
    first, slash, rest = text.partition("/")
    if slash and first in _OUTSIDE_CLUSTER:
        return SourceRef(SourceKind(first), "", rest)
    _, namespace, name = pod(text)
    return SourceRef(SourceKind.POD, namespace, name)


def destination(text: str, family: int) -> Destination:
    """Read ``web:80``, ``service/secondary/web:80``, ``dns:53/UDP``, ``nodeport/web:80@node-1``.

    ``family`` holds unless the text says ``/IPv6``. Raises ValueError that says how to write it.
    """
    match = _DESTINATION.fullmatch(text)
    if match is None:
        raise ValueError(
            f'"{text}" is not a destination; write it like web:80, dns:53/UDP, service/web:80 '
            "or nodeport/web:80@node-1"
        )
    via, namespace, name = _split(match["name"])
    if (via is Via.NODE_PORT) != bool(match["node"]):
        raise ValueError("a node port, and nothing else, needs the node it is asked at: @node-1")
    return Destination(
        via,
        namespace,
        name,
        int(match["port"]),
        Protocol(match["protocol"] or "TCP"),
        match["node"] or "",
        6 if match["six"] else family,
    )


def _split(name: str) -> tuple[Via, str, str]:
    """What is addressed how: ``service/secondary/web`` is SERVICE, secondary, web."""
    first, _, rest = name.partition("/")
    via = Via(first) if rest and first in RESERVED - {"pod", "cluster"} else Via.POD
    own = name if via is Via.POD else rest
    if via in _WITHOUT_NAMESPACE:
        return via, "", own
    namespace, slash, own_name = own.rpartition("/")
    return via, namespace if slash else "default", own_name


def pod(text: str) -> ObjectKey:
    """Read ``web`` or ``secondary/web``."""
    namespace, slash, name = text.partition("/")
    return ObjectKey("Pod", namespace if slash else "default", name if slash else namespace)


def deletion(text: str) -> ObjectKey:
    """Read ``networkpolicy/default-deny`` or ``pod/secondary/web``; raises ValueError."""
    kind, *names = text.split("/")
    if kind not in KINDS or len(names) not in (1, 2) or not all(names):
        raise ValueError(
            f'"{text}" names no object; write kind/name or kind/namespace/name, the kind one of '
            + ", ".join(sorted(KINDS))
        )
    if KINDS[kind] in _CLUSTER_SCOPED:
        return ObjectKey(KINDS[kind], "", names[-1])
    return ObjectKey(KINDS[kind], names[0] if names[1:] else "default", names[-1])
