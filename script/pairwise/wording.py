"""A case's name and titles: what it crosses, in the indicative."""

from __future__ import annotations

from .choosing import Place
from .truth import PEERS

_ROLE = {
    "In": "pods whose role is friend",
    "NotIn": "pods whose role is not friend",
    "Exists": "pods with a role",
    "DoesNotExist": "pods without a role",
}
_TEAM = {
    "In": "namespaces whose team is blue",
    "NotIn": "namespaces whose team is not blue",
    "Exists": "namespaces with a team",
    "DoesNotExist": "namespaces without a team",
}
_PEERS = {
    "none": "everyone",
    "empty": "pods of its namespace",
    "podSelector": "{role}",
    "namespaceSelector": "pods of {team}",
    "both": "{role} in {team}",
    "two items": "{role} and all pods of {team}",
    "ipBlock": "an address in a block",
    "ipBlock and except": "all addresses but an excepted one",
    "mixed": "{role} and an address in a block",
}
_PORTS = {
    "none": "every port",
    "number": "one {protocol} port",
    "name": "a named {protocol} port",
    "range": "a range of {protocol} ports",
    "protocol": "all {protocol} ports",
    "two": "two {protocol} ports",
}
_POLICIES = {
    "one": "",
    "overlapping": "; a second policy adds a port for everyone",
    "disjoint": "; a policy for another pod changes nothing",
    "allow-all": "; allow-all opens the rest",
}
STEPS = {
    "one": "The policy opens what it names, and closes the rest",
    "overlapping": "Of two policies for web, each opens what it names",
    "disjoint": "A policy for aside neither opens nor closes web",
    "allow-all": "The policy opens what it names, and closes the rest",
}
"""What the step shows that applies the policies."""
_DIRECTIONS = {
    "ingress": "{peers} may reach {ports} of web",
    "egress": "web may reach {ports} of {peers}",
    "both": "web and {peers} may reach {ports} of each other",
}


def name(place: Place) -> str:
    """The case's name in its file, where all have one peer: ``egress-range``."""
    port = "any-port" if place["port"] == "none" else place["port"]
    return f"{place['direction']}-{port}"


def file_name(peer: str) -> str:
    """The file of a peer: ``pairwise-pod-selector.yaml``."""
    words = peer.replace("ipBlock", "block").replace("Selector", "-selector").split()
    return f"pairwise-{'-'.join(words)}.yaml"


def title(place: Place) -> str:
    """All that the case crosses, in a sentence."""
    operator, ports = place["operator"], _PORTS[place["port"]]
    peers = _PEERS[place["peer"]].format(role=_ROLE[operator], team=_TEAM[operator])
    said = _DIRECTIONS[place["direction"]].format(peers=peers, ports=ports.format(**place))
    around = [f"on the {place['where']}", f"over {place['family']}"]
    if place["port"] == "none":
        around.append(f"asked over {place['protocol']}")
    if not PEERS[place["peer"]].selects:
        around.append(f"web selected by {operator}")
    text = f"{said}: {', '.join(around)}{_POLICIES[place['policies']]}"
    return text[0].upper() + text[1:]
