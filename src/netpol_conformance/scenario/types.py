"""A scenario as the rest of the suite sees it: resolved, defaulted, every name in full."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import PurePosixPath
from typing import Literal

from netpol_conformance.model.objects import KubernetesObject, ObjectKey, Protocol, SourceKind
from netpol_conformance.model.version import LATEST, KubernetesVersion


class Expectation(StrEnum):
    """What an author can state of a cell."""

    CONNECTED = "connected"
    BLOCKED = "blocked"
    UNRESOLVED = "unresolved"
    """The name is not resolved, because look-ups are blocked (S43, H9)."""
    UNSPECIFIED = "unspecified"
    """The specification is silent: recorded, never failed."""


class Via(StrEnum):
    """How a destination is addressed."""

    POD = "pod"
    """The pod's own address."""
    SERVICE = "service"
    """The Service's DNS name, as a user would type it."""
    CLUSTER_IP = "clusterip"
    NODE_PORT = "nodeport"
    LOAD_BALANCER = "loadbalancer"
    OUTSIDE = "outside"
    """A host outside the cluster."""
    OUTSIDE_NAME = "name"
    """The same host by its name, as the cluster's DNS knows it."""
    NODE = "node"
    """A node's own address."""


@dataclass(frozen=True, slots=True, order=True)
class SourceRef:
    """Who asks: a pod (with its namespace), a host ``outside``, or a ``node``."""

    kind: SourceKind
    namespace: str
    name: str

    def __str__(self) -> str:
        """``busybox`` in default, ``secondary/web``, ``outside/office``, ``node/node-1``."""
        if self.kind == SourceKind.POD:
            return self.name if self.namespace == "default" else f"{self.namespace}/{self.name}"
        return f"{self.kind}/{self.name}"


@dataclass(frozen=True, slots=True)
class Destination:
    """Where to: ``namespace`` is empty for outside and node; ``node`` is for NODE_PORT only.

    ``port`` is what the client dials: the pod's own number for POD, the Service's for SERVICE,
    CLUSTER_IP and LOAD_BALANCER; for NODE_PORT the Service's port, whose node port is looked up.
    """

    via: Via
    namespace: str
    name: str
    port: int
    protocol: Protocol = Protocol.TCP
    node: str = ""
    family: int = 4

    @property
    def named(self) -> bool:
        """Whether a name is dialled, which is looked up first (S43)."""
        return self.via in (Via.SERVICE, Via.OUTSIDE_NAME)

    def __str__(self) -> str:
        """As it is written in a scenario: ``web:80``, ``service/nginx:80``, ``dns:53/UDP``."""
        name = self.name
        if self.namespace not in ("", "default"):
            name = f"{self.namespace}/{name}"
        prefix = "" if self.via is Via.POD else f"{self.via.value}/"
        suffix = "" if self.protocol is Protocol.TCP else f"/{self.protocol.value}"
        family = "/IPv6" if self.family == 6 else ""
        at = f"@{self.node}" if self.node else ""
        return f"{prefix}{name}:{self.port}{suffix}{family}{at}"


@dataclass(frozen=True, slots=True)
class CellKey:
    """A cell of a step's matrix."""

    source: SourceRef
    destination: Destination

    def __str__(self) -> str:
        """``busybox -> service/nginx:80``."""
        return f"{self.source} -> {self.destination}"


@dataclass(frozen=True, slots=True)
class Step:
    """One step: changes, then expectations.

    ``delete`` comes before ``apply``. ``apply`` is literal manifest text, ``${...}`` not yet
    filled in (``templating``). ``refused`` is a part of the API's message when the step expects
    a refusal. ``expected`` is what the author wrote, in order, and ``expected_lines`` are the
    lines in the file where it stands; ``same_because`` says why a step changes no cell.
    ``finish`` are pods that end before anything is deleted; ``reuse`` pairs a new pod with the
    old one whose address it gets; ``enforcer`` is what the enforcer goes through during the
    changes. ``meanwhile`` must hold at every moment of them, and has ``continuous_lines``; ``held``
    are connections kept open across them.
    """

    title: str
    apply: str = ""
    delete: tuple[ObjectKey, ...] = ()
    refused: str = ""
    expected: tuple[tuple[CellKey, Expectation], ...] = ()
    same_because: str = ""
    line: int = 0
    expected_lines: tuple[int, ...] = field(default=(), compare=False)
    finish: tuple[ObjectKey, ...] = ()
    reuse: tuple[tuple[ObjectKey, ObjectKey], ...] = ()
    enforcer: Literal["restarted", "cut off"] | None = None
    meanwhile: tuple[tuple[CellKey, Expectation], ...] = ()
    continuous_lines: tuple[int, ...] = field(default=(), compare=False)
    held: tuple[CellKey, ...] = ()


@dataclass(frozen=True, slots=True)
class Documented:
    """Where the example was documented."""

    where: str
    section: str
    link: str = ""


@dataclass(frozen=True, slots=True)
class OutsideSpec:
    """A host outside the cluster; ``addresses`` as written, ``ports`` it serves (TCP and UDP)."""

    name: str
    addresses: tuple[str, ...]
    ports: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Scenario:
    """One scenario. ``path`` is its name everywhere: ``handbook/simple-example.yaml``.

    Of a file with several it ends in ``#`` and ``case``: ``semantics/pairwise.yaml#ingress-tcp``.

    ``objects`` are the namespaces, pods and Services that exist before the first step, expanded
    from the file's short forms into whole objects; pods have no addresses yet.
    ``sources`` and ``destinations`` span the matrix that every step probes in full.
    ``version_pinned`` is whether the file itself asks for ``version``; ``digest`` is its text's.
    ``neighbour_of`` is the path of a scenario that notices the same mistakes.
    ``axes`` is where it stands on those that the corpus crosses (``axes``).
    """

    path: str
    title: str
    rules: tuple[str, ...]
    documented: Documented
    covers: tuple[str, ...]
    steps: tuple[Step, ...]
    objects: tuple[KubernetesObject, ...]
    sources: tuple[SourceRef, ...]
    destinations: tuple[Destination, ...]
    outside: tuple[OutsideSpec, ...] = ()
    features: tuple[str, ...] = ()
    nodes: int = 2
    families: tuple[int, ...] = (4,)
    version: KubernetesVersion = LATEST
    version_pinned: bool = False
    about: str = ""
    case: str = ""
    neighbour_of: str = ""
    axes: Mapping[str, str] = field(default_factory=dict, hash=False)
    digest: str = field(default="", compare=False)
    lines: Mapping[str, int] = field(default_factory=dict, compare=False)

    @property
    def file(self) -> str:
        """The path of the file that it is in."""
        return self.path.removesuffix(f"#{self.case}") if self.case else self.path

    @property
    def pack(self) -> str:
        """The name of the folder the file is in; ``.`` for the working directory itself."""
        return PurePosixPath(self.path).parent.name or "."

    @property
    def asking(self) -> frozenset[SourceRef]:
        """Who asks all through a change, and needs a processor at any moment of it."""
        return frozenset(cell.source for step in self.steps for cell, _ in step.meanwhile)
