"""What scenarios need of an implementation beside the basics, and the profiles that this makes.

A feature is something that an implementation may declare that it lacks. Basic is what every
scenario takes for granted: isolation, selectors, numbered ports, TCP and UDP, both directions.
The profiles are disjoint. A scenario is in ``core`` if all its features are, so a plugin that
fails there fails what users of every plugin rely on.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from netpol_conformance.model.version import LATEST

if TYPE_CHECKING:
    from netpol_conformance.scenario.types import Scenario


class Profile(StrEnum):
    """A part of the corpus that has a result of its own."""

    CORE = "core"
    """What the API has had since 1.8 and Kubernetes' own tests hold every plugin to."""
    EXTENDED = "extended"
    """What came later, what kernels and clusters may lack, and what plugins differ on."""
    HISTORY = "history"
    """What a certain older version meant: says nothing of a plugin on a cluster of today."""


@dataclass(frozen=True, slots=True)
class Feature:
    """A feature: ``title`` says what it is, ``rules`` the sentences it is about, and ``reason``
    why it belongs to its profile.
    """

    name: str
    title: str
    rules: tuple[str, ...]
    profile: Profile
    reason: str


FIRST_PACKET = "firstPacket"
"""The feature whose scenarios are judged by first packets, too (``judge.cell.Look.prompt``)."""

CONTROLLER_LABELS = frozenset(
    {
        "apps.kubernetes.io/pod-index",
        "batch.kubernetes.io/controller-uid",
        "batch.kubernetes.io/job-completion-index",
        "batch.kubernetes.io/job-name",
        "controller-revision-hash",
        "controller-uid",
        "job-name",
        "pod-template-generation",
        "pod-template-hash",
        "statefulset.kubernetes.io/pod-name",
    }
)
"""The keys of labels that Kubernetes' own controllers give to their pods
(https://kubernetes.io/docs/reference/labels-annotations-taints/).
"""

_ALL = (
    Feature(
        "controllerLabels",
        "selectors see the labels that controllers give to their pods",
        ("S12",),
        Profile.EXTENDED,
        "a label is a label, but plugins leave these out, and Kubernetes' own tests do not ask",
    ),
    Feature(
        "directionsOfOnePolicy",
        "what a policy lets its pods send, it does not let them receive, nor the other way round",
        ("S3",),
        Profile.EXTENDED,
        "Kubernetes' own tests have no pods of one policy that allows one way and denies the other",
    ),
    Feature(
        "egressAfterServiceNAT",
        "egress through a Service is judged at the pod behind it",
        ("S40",),
        Profile.CORE,
        "Kubernetes' own tests of egress ask for pods through their Services",
    ),
    Feature(
        "egressToOwnNode",
        "a pod always reaches the node it runs on",
        ("S6",),
        Profile.EXTENDED,
        "the concept page grants it, the API reference does not, and plugins differ",
    ),
    Feature(
        "endPort",
        "ranges of ports",
        ("S23",),
        Profile.EXTENDED,
        "the field came with 1.21, and Kubernetes' own tests ask the API for it, not plugins",
    ),
    Feature(
        FIRST_PACKET,
        "a connection that is allowed comes with its first packet",
        ("S2",),
        Profile.EXTENDED,
        "what is let through once it is sent again is allowed all the same, if slowly",
    ),
    Feature(
        "hairpinThroughService",
        "a pod always reaches itself through its own Service",
        ("S42",),
        Profile.EXTENDED,
        "it follows from S5, is said nowhere, and plugins differ",
    ),
    Feature(
        "hostNetwork",
        "pods on their node's network are there",
        ("S7",),
        Profile.EXTENDED,
        "what policies mean for them is unspecified: seen and recorded only",
    ),
    Feature(
        "ipBlockMatchesPods",
        "ipBlock matches the addresses of pods",
        ("S31",),
        Profile.CORE,
        "Kubernetes' own tests of ipBlock ask for pods",
    ),
    Feature(
        "ipv6",
        "policy for IPv6 addresses",
        ("S30", "S31"),
        Profile.EXTENDED,
        "not every cluster has IPv6 addresses to give",
    ),
    Feature(
        "legacyIsolation",
        "isolation by a namespace's annotation, as up to 1.6",
        ("S70",),
        Profile.HISTORY,
        "no version of today knows the annotation",
    ),
    Feature(
        "loadBalancer",
        "the way through a LoadBalancer's address",
        ("S40", "S41"),
        Profile.EXTENDED,
        "not every cluster has load balancers, and whose address a pod sees is theirs to say",
    ),
    Feature(
        "namedPorts",
        "ports by name, looked up on the destination",
        ("S22",),
        Profile.CORE,
        "in the API from the beginning, and in Kubernetes' own tests",
    ),
    Feature(
        "namedPortsByPod",
        "a port's name is looked up pod by pod, and opens nothing where it is not found",
        ("S22",),
        Profile.EXTENDED,
        "in Kubernetes' own tests every pod has every name, for the same number",
    ),
    Feature(
        "noMomentaryGap",
        "nothing opens or closes for a moment while something else changes",
        ("S50", "S51"),
        Profile.EXTENDED,
        "policies take effect in their own time, and Kubernetes' own tests look only afterwards",
    ),
    Feature(
        "nodePort",
        "the way through a port of a node",
        ("S40", "S41"),
        Profile.EXTENDED,
        "whose address a pod sees there is left open, and Kubernetes' own tests do not ask",
    ),
    Feature(
        "outlivesEnforcer",
        "what is in force stays so while the enforcer is away",
        ("S51",),
        Profile.EXTENDED,
        "it is said nowhere, and Kubernetes' own tests restart nothing",
    ),
    Feature(
        "sctp",
        "policy for SCTP",
        ("S24",),
        Profile.EXTENDED,
        "it came with 1.19, many kernels lack it, and Kubernetes' own tests keep it apart",
    ),
    Feature(
        "unlistedRules",
        "rules of a direction that policyTypes leaves out have no effect",
        ("S60",),
        Profile.EXTENDED,
        "it follows from the API reference, and Kubernetes' own tests do not ask",
    ),
)

FEATURES: dict[str, Feature] = {feature.name: feature for feature in _ALL}
"""Each feature by its name."""

_LATTER = (Profile.HISTORY, Profile.EXTENDED)


def profile_of(scenario: Scenario) -> Profile:
    """The profile that a scenario belongs to: the least common that one of its features is in.

    One that asks for an older version than the latest is history, whatever its features.
    """
    if scenario.version_pinned and scenario.version < LATEST:
        return Profile.HISTORY
    profiles = {FEATURES[name].profile for name in scenario.features}
    return next((profile for profile in _LATTER if profile in profiles), Profile.CORE)


def selected(scenarios: Iterable[Scenario], profile: Profile) -> tuple[Scenario, ...]:
    """The scenarios that a run by a profile takes: its own, of extended all there are."""
    return tuple(item for item in scenarios if profile in (Profile.EXTENDED, profile_of(item)))
