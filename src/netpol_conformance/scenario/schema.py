"""The scenario file's shape, as pydantic models, and the JSON Schema made from them.

``python -m netpol_conformance.scenario.schema > schemas/scenario.schema.json`` writes the schema
that editors complete scenario files with.
"""

from __future__ import annotations

import json
import re
import sys
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue, WithJsonSchema

from netpol_conformance.model.objects import ContainerPort, Protocol
from netpol_conformance.scenario.axes import AXES, check

_PORT = re.compile(r"(?:(?P<name>[a-z0-9-]+)=)?(?P<number>[1-9]\d{0,4})(?:/(?P<protocol>\w+))?")
_NAME = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"


def _container_port(value: object) -> ContainerPort:
    """Read ``80``, ``"53/UDP"`` or ``"web=8080/TCP"``."""
    match = None if isinstance(value, bool) else _PORT.fullmatch(str(value))
    if match is None or int(match["number"]) > 65535:
        raise ValueError(f'"{value}" is not a port; write it like 80, 53/UDP or web=8080/TCP')
    protocol = match["protocol"] or "TCP"
    if protocol not in list(Protocol):
        raise ValueError(f'"{protocol}" is not a protocol; one of TCP, UDP, SCTP, in capitals')
    return ContainerPort(int(match["number"]), Protocol(protocol), match["name"] or "")


Port = Annotated[
    Any,
    AfterValidator(_container_port),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "minimum": 1, "maximum": 65535},
                {"type": "string", "pattern": r"^([a-z0-9-]+=)?[1-9]\d{0,4}(/(TCP|UDP|SCTP))?$"},
            ],
            "examples": [80, "53/UDP", "web=8080/TCP"],
        }
    ),
]
Word = Literal["connected", "blocked", "unresolved", "unspecified"]
Certain = Literal["connected", "blocked"]
Name = Annotated[str, Field(pattern=rf"^{_NAME}$", max_length=63)]
_NO_OTHER_KEYS: dict[str, JsonValue] = {"additionalProperties": False}
PodKey = Annotated[str, Field(pattern=rf"^({_NAME}/)?{_NAME}$", max_length=127)]
Labels = dict[str, str]


class Part(BaseModel):
    """The base of every mapping in a file: strict, and no key unknown."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class DocumentedPart(Part):
    """Where the example that the scenario mirrors was documented."""

    where: str = Field(alias="in", description="The document.", examples=["Kubernetes handbook"])
    section: str = Field(description="Its section.", examples=["Simple example"])
    link: str = Field(default="", pattern=r"^(https://\S+)?$", description="Its address, if any.")


def _each_once(families: list[str]) -> list[str]:
    if len(set(families)) < len(families):
        raise ValueError("names a family twice")
    return families


class ClusterPart(Part):
    """What the scenario wants of its cluster."""

    nodes: int = Field(default=2, ge=1, le=20, description="Worker nodes: node-1, node-2, ...")
    families: Annotated[list[Literal["IPv4", "IPv6"]], AfterValidator(_each_once)] = Field(
        default=["IPv4"],
        min_length=1,
        max_length=2,
        description="Address families, first preferred.",
    )
    kubernetes: str = Field(
        default="", description="The version whose semantics hold, in quotes.", examples=["1.6"]
    )


class NamespacePart(Part):
    """A namespace that exists before the first step."""

    labels: Labels = {}
    annotations: Labels = {}


class ServicePart(Part):
    """A Service in front of a pod and its replicas, which it selects by all their labels."""

    port: Port = Field(description="The Service's own port; TCP unless it says /UDP or /SCTP.")
    target_port: int | str | None = Field(
        default=None,
        alias="targetPort",
        description="The pod's port, by number or name; the Service's own number by default.",
    )
    name: Name | None = Field(default=None, description="The pod's name by default.")
    type: Literal["ClusterIP", "NodePort", "LoadBalancer"] = "ClusterIP"
    headless: bool = Field(default=False, description="clusterIP: None")
    external_traffic_policy: Literal["Cluster", "Local"] = Field(
        default="Cluster", alias="externalTrafficPolicy"
    )


class PodPart(Part):
    """A pod, or several alike. Without ports it is a client only."""

    labels: Labels = {}
    ports: list[Port] = Field(
        default=[], description="Ports it serves. An nginx pod serves 80 by default."
    )
    image: str = Field(
        default="",
        description="nginx and busybox run the real programs; by default a server of our own.",
        examples=["nginx", "busybox"],
    )
    replicas: int | None = Field(
        default=None, ge=1, le=100, description="web with replicas: 2 means pods web-1 and web-2."
    )
    node: str = Field(
        default="",
        pattern=r"^(node-[1-9]\d*)?$",
        description="Where it runs; by default nodes take turns, in the order of the file.",
    )
    host_network: bool = Field(default=False, alias="hostNetwork")
    service: ServicePart | None = None


class OutsidePart(Part):
    """A host outside the cluster."""

    address: str | None = Field(default=None, description="Its address.", examples=["172.17.1.5"])
    addresses: list[str] = Field(default=[], description="Instead of address: one of each family.")
    ports: list[Annotated[int, Field(ge=1, le=65535)]] = Field(
        default=[], description="Ports it serves, each over TCP and UDP."
    )


class StepPart(Part):
    """One step: what is deleted, what is applied, and who can connect afterwards."""

    title: str = Field(min_length=1, description="What the step shows, in the indicative.")
    delete: list[str] = Field(
        default=[],
        description="Objects to delete, before anything is applied: kind/name in the namespace "
        "default, or kind/namespace/name.",
        examples=[["networkpolicy/default-deny", "networkpolicy/secondary/web-deny"]],
    )
    finish: list[PodKey] = Field(
        default=[],
        description="Pods that run to their end, before anything is deleted: their phase is then "
        "Succeeded, and their addresses are free again.",
    )
    reuse: dict[PodKey, PodKey] = Field(
        default={},
        description="New pods of this step, each with the pod whose address it gets: one that has "
        "finished, or is deleted in this step.",
        examples=[{"newcomer": "job"}],
        json_schema_extra=_NO_OTHER_KEYS,
    )
    enforcer: Literal["restarted", "cut off"] | None = Field(
        default=None,
        description="restarted: killed before the step's changes and started after them. cut off: "
        "without the API from before them, so that the last state stays in force; the next step "
        "that does not say so is connected again.",
    )
    copies: int = Field(
        default=1,
        ge=1,
        le=1000,
        description="How many times over the step deletes and applies what it says, all at once; "
        "${copy} is the number of each, from 1.",
    )
    apply: str = Field(
        default="",
        description="Manifests as for kubectl apply -f -. ${pod/db}, ${node/node-1}, "
        "${outside/office} and ${cluster/pods} stand for addresses known only at run time.",
    )
    refused: str = Field(
        default="", description="The API must refuse what is applied, with this in its message."
    )
    unchanged: str = Field(
        default="", description="Why the step changes no cell of the matrix, where it changes none."
    )
    expect: dict[str, dict[str, Word]] = Field(
        default={},
        description="Who reaches what: for each destination its sources and a word for each. "
        'The source "*" is every other source for which this destination is a cell.',
        examples=[{"service/nginx:80": {"busybox": "blocked", "labelled": "connected"}}],
    )
    meanwhile: dict[str, dict[str, Certain]] = Field(
        default={},
        description="What must be so at every moment, from before the step's changes until they "
        "have settled: written like expect, and probed all the time. A pod that the step creates "
        "probes from its first moment.",
        examples=[{"web:80": {"client": "blocked"}}],
    )
    held: dict[str, list[str]] = Field(
        default={},
        description="Connections opened before the step's changes and used again after them: for "
        "each destination its sources. Recorded, never failed (S8).",
        examples=[{"web:80": ["client"]}],
    )


Rules = list[Annotated[str, Field(pattern=r"^S\d+$")]]
Lines = list[Annotated[str, Field(pattern=r"^[A-Z]+\d+$")]]
Namespaces = Annotated[dict[Name, NamespacePart], Field(json_schema_extra=_NO_OTHER_KEYS)]
Pods = Annotated[dict[PodKey, PodPart], Field(json_schema_extra=_NO_OTHER_KEYS)]
Outside = Annotated[dict[Name, OutsidePart], Field(json_schema_extra=_NO_OTHER_KEYS)]
Axes = Annotated[
    dict[str, str],
    AfterValidator(check),
    WithJsonSchema(
        {
            "type": "object",
            "properties": {axis: {"enum": list(values)} for axis, values in AXES.items()},
            **_NO_OTHER_KEYS,
        }
    ),
]
Neighbour = Annotated[str, Field(pattern=r"^(\S+/\S+\.yaml(#\S+)?)?$")]
_NEIGHBOUR = (
    "A scenario beside which this one stands, by its path: it notices the same mistakes, and "
    "mirrors another documented example of the rule, or guards against over-applying it."
)
_AXES = "Where it stands on the axes that the corpus crosses pair by pair."


class CasePart(Part):
    """A scenario of its own that shares what stands beside ``cases`` with the others there."""

    title: str = Field(min_length=1, description="The rule that the case shows, in the indicative.")
    rules: Rules = Field(default=[], description="Further sentences that it rests on.")
    covers: Lines = Field(default=[], description="Further lines of the catalogue it settles.")
    about: str = Field(default="", description="Anything else a reader should know of it.")
    axes: Axes = Field(default={}, description=_AXES)
    features: list[str] = Field(default=[], description="Further features that it needs.")
    neighbour_of: Neighbour = Field(
        default="", alias="neighbourOf", description="Instead of the file's."
    )
    cluster: ClusterPart | None = Field(default=None, description="Instead of the file's.")
    namespaces: Namespaces = Field(default={}, description="Further namespaces.")
    pods: Pods = Field(default={}, description="Further workloads.")
    outside: Outside = Field(default={}, description="Further hosts outside the cluster.")
    steps: list[StepPart] = Field(min_length=1, description="What is done, and what then holds.")


class ScenarioFile(Part):
    """A scenario of the NetworkPolicy conformance suite, or several of one kind."""

    model_config = ConfigDict(
        json_schema_extra={"oneOf": [{"required": ["pods", "steps"]}, {"required": ["cases"]}]}
    )

    title: str = Field(
        min_length=1,
        description="The rule that the scenario shows, in the indicative.",
        examples=["Only pods labelled access=true reach nginx"],
    )
    rules: Rules = Field(
        min_length=1, description="The sentences of docs/semantics.md it rests on."
    )
    documented: DocumentedPart
    covers: Lines = Field(
        default=[], description="The lines of the catalogue that it settles.", examples=[["HB6"]]
    )
    about: str = Field(default="", description="Anything else a reader should know.")
    axes: Axes = Field(default={}, description=_AXES)
    features: list[str] = Field(
        default=[], description="What an implementation may declare that it lacks."
    )
    neighbour_of: Neighbour = Field(
        default="",
        alias="neighbourOf",
        description=_NEIGHBOUR,
        examples=["handbook/web-allow-prod.yaml"],
    )
    cluster: ClusterPart = ClusterPart()
    namespaces: Namespaces = Field(
        default={}, description="Namespaces besides default, which always exists."
    )
    pods: Pods = Field(
        default={},
        description="The workloads, by name in the namespace default, or by namespace/name.",
    )
    outside: Outside = Field(default={}, description="Hosts outside the cluster.")
    steps: list[StepPart] = Field(
        default=[], description="What is done, one step after the other, and what then holds."
    )
    cases: Annotated[dict[Name, CasePart], Field(json_schema_extra=_NO_OTHER_KEYS)] = Field(
        default={}, description="Instead of steps: scenarios that differ in little, by name."
    )


def json_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of a scenario file."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **ScenarioFile.model_json_schema(by_alias=True),
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(json_schema(), indent=2) + "\n")
