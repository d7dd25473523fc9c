"""What to apply so that the reference enforcer runs on each node of a cluster. Pure.

Here: the manifests as one template, and what can be chosen of them. Not here: applying them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from importlib.resources import files

from jinja2 import Environment, StrictUndefined

from netpol_conformance.enforcer.daemon.settings import PORT

NAMESPACE = "netpol-conformance"
DAEMON_SET = "enforcer"
"""The DaemonSet's name, in NAMESPACE."""
STOPPED_LABEL = "netpol-conformance/stopped"
"""On a node that bears it, whatever its value, no enforcer runs."""
_MODULE = "chosen_enforcer"


@dataclass(frozen=True, slots=True)
class Source:
    """An enforcer that the image does not have: a package's files by name, and its factory."""

    files: Mapping[str, str]
    factory: str


@dataclass(frozen=True, slots=True)
class Choices:
    """What can be chosen of the manifests.

    ``network``: whether the enforcer also makes the pod network, in a cluster without a network
    plugin. ``policy``: whether policies are enforced. ``enforcer`` is ``reference``, a
    ``MODULE:FACTORY`` of the image, or files that go with the manifests. ``pull_secret``
    names a Secret in ``namespace``.
    """

    image: str
    network: bool = True
    policy: bool = True
    enforcer: str | Source = "reference"
    namespace: str = NAMESPACE
    pull_policy: str = "IfNotPresent"
    pull_secret: str = ""
    port: int = PORT


def render(choices: Choices) -> str:
    """The manifests, as YAML of several documents."""
    template = (files(__package__) / "enforcer.yaml.j2").read_text(encoding="utf-8")
    environment = Environment(  # noqa: S701 - this is YAML
        undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True
    )
    source = choices.enforcer if isinstance(choices.enforcer, Source) else None
    return environment.from_string(template).render(
        choices=choices,
        daemon_set=DAEMON_SET,
        stopped=STOPPED_LABEL,
        module=_MODULE,
        source=source,
        digest=_digest(source) if source else "",
        arguments=_arguments(choices),
    )


def _digest(source: Source) -> str:
    return sha256(repr(sorted(source.files.items())).encode()).hexdigest()[:16]


def _arguments(choices: Choices) -> list[str]:
    arguments = [f"--port={choices.port}"]
    if not choices.network:
        arguments.append("--no-network")
    if not choices.policy:
        arguments.append("--no-policy")
    if isinstance(choices.enforcer, Source):
        arguments.append(f"--enforcer={_MODULE}:{choices.enforcer.factory}")
    elif choices.enforcer != "reference":
        arguments.append(f"--enforcer={choices.enforcer}")
    return arguments
