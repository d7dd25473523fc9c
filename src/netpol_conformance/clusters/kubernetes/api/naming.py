"""The names of a scenario in a cluster that it shares with others. Pure.

Each scenario has namespaces of its own: ``secondary`` is ``npc-<run>-<slot>-secondary`` there.
Everything that speaks of a namespace is translated on its way in and on its way out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from netpol_conformance.clusters.base import UnsupportedError
from netpol_conformance.clusters.kubernetes.api.answers import Manifest
from netpol_conformance.model.cluster_scoped import NAME_LABEL
from netpol_conformance.probe.verdict import Observation, Probe
from netpol_conformance.probe.wget import is_address

RUN_LABEL = "netpol-conformance/run"
"""On every namespace that a run makes: the run's id. What carries it may be removed."""
SLOT_LABEL = "netpol-conformance/slot"
"""On the namespaces of one scenario, and on these alone."""
SYSTEM_NAMESPACE = "kube-system"
_OWN_LABELS = frozenset({RUN_LABEL, SLOT_LABEL})
_MAX_NAME = 63
_BEHIND_NAMESPACE = frozenset({"svc", "pod"})

Rename = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Names:
    """The translation for one scenario; ``run`` and ``slot`` are short words without dashes."""

    run: str
    slot: str

    @property
    def prefix(self) -> str:
        """What real names of namespaces begin with."""
        return f"npc-{self.run}-{self.slot}-"

    @property
    def agents_namespace(self) -> str:
        """The namespace for the suite's own pods, which the scenario does not see."""
        return self.prefix.removesuffix("-")

    @property
    def labels(self) -> dict[str, str]:
        """The labels of each namespace made for the scenario."""
        return {RUN_LABEL: self.run, SLOT_LABEL: self.slot}

    def real(self, namespace: str) -> str:
        """A scenario's namespace as the cluster calls it; raises UnsupportedError if too long."""
        if namespace == SYSTEM_NAMESPACE:
            return namespace
        name = self.prefix + namespace
        # A name that no cluster would take is left to the API server to refuse.
        if len(namespace) <= _MAX_NAME < len(name):
            raise UnsupportedError(
                f'namespace "{namespace}" is too long for a cluster that scenarios share; '
                f"at most {_MAX_NAME - len(self.prefix)} characters are left for it"
            )
        return name

    def own(self, namespace: str) -> str:
        """A namespace of the cluster's as the scenario calls it."""
        return namespace.removeprefix(self.prefix)

    def text(self, text: str) -> str:
        """What a person reads (a message, a command, its output) in the scenario's names."""
        return text.replace(self.prefix, "")

    # -- manifests -------------------------------------------------------------------------------

    def real_manifest(self, manifest: Manifest, *, namespaced: bool) -> Manifest:
        """A scenario's manifest with the cluster's names; whatever is malformed stays so."""
        metadata = manifest.get("metadata")
        if not isinstance(metadata, dict):
            return manifest
        if namespaced:
            namespace = self.real(_text(metadata.get("namespace"), "default"))
            metadata = {**metadata, "namespace": namespace}
        elif manifest.get("kind") == "Namespace" and isinstance(metadata.get("name"), str):
            metadata = self._real_namespace(metadata)
        changed = {**manifest, "metadata": metadata}
        if manifest.get("kind") == "NetworkPolicy":
            changed["spec"] = _selecting(manifest.get("spec"), self.real)
        return changed

    def own_manifest(self, manifest: Manifest) -> Manifest:
        """An object of the cluster's as the scenario knows it."""
        metadata = dict(manifest["metadata"])
        labels: dict[str, str] = metadata.get("labels") or {}
        labels = {key: value for key, value in labels.items() if key not in _OWN_LABELS}
        if "namespace" in metadata:
            metadata["namespace"] = self.own(metadata["namespace"])
        if manifest.get("kind") == "Namespace":
            metadata["name"] = self.own(metadata["name"])
            if NAME_LABEL in labels:
                labels[NAME_LABEL] = self.own(labels[NAME_LABEL])
        changed = {**manifest, "metadata": {**metadata, "labels": labels}}
        if manifest.get("kind") == "NetworkPolicy":
            changed["spec"] = _selecting(manifest.get("spec"), self.own)
        return changed

    def _real_namespace(self, metadata: Manifest) -> Manifest:
        labels = metadata.get("labels")
        if labels is None or isinstance(labels, dict):
            labels = {**(labels or {}), **self.labels}
            if NAME_LABEL in labels:
                labels[NAME_LABEL] = self.real(_text(labels[NAME_LABEL], ""))
        return {**metadata, "name": self.real(metadata["name"]), "labels": labels}

    # -- probes ----------------------------------------------------------------------------------

    def real_probe(self, probe: Probe) -> Probe:
        """A probe as it is asked in the cluster: its host's name and its servers' identities."""
        identities = frozenset(self.real_identity(identity) for identity in probe.identities)
        return replace(probe, host=self._real_host(probe.host), identities=identities)

    def own_observation(self, seen: Observation, probe: Probe) -> Observation:
        """What was seen, as an observation of the scenario's own ``probe``."""
        return replace(
            seen,
            probe=probe,
            command=self.text(seen.command),
            output=self.text(seen.output),
            identity=None if seen.identity is None else self.text(seen.identity),
        )

    def real_identity(self, identity: str) -> str:
        """``default/web`` as the servers of this scenario say it; ``outside/office`` stays."""
        namespace, slash, name = identity.partition("/")
        if not slash or namespace == "outside":
            return identity
        return f"{self.real(namespace)}/{name}"

    def _real_host(self, host: str) -> str:
        if is_address(host) or "." not in host:
            return host
        words = host.split(".")
        behind = next((at for at, word in enumerate(words) if word in _BEHIND_NAMESPACE), 2)
        at = max(1, behind - 1)
        return ".".join([*words[:at], self.real(words[at]), *words[at + 1 :]])


def _selecting(part: Any, rename: Rename) -> Any:  # noqa: ANN401 - a manifest's part
    """A policy's spec with the namespaces that its namespaceSelectors name renamed."""
    if isinstance(part, list):
        return [_selecting(item, rename) for item in part]
    if not isinstance(part, dict):
        return part
    return {
        key: (_selecting_names if key == "namespaceSelector" else _selecting)(value, rename)
        for key, value in part.items()
    }


def _selecting_names(part: Any, rename: Rename, *, names: bool = False) -> Any:  # noqa: ANN401
    """A namespaceSelector with its values of ``kubernetes.io/metadata.name`` renamed; ``names`` if
    the part is such values.
    """
    if isinstance(part, str):
        return rename(part) if names else part
    if isinstance(part, list):
        return [_selecting_names(item, rename, names=names) for item in part]
    if not isinstance(part, dict):
        return part
    named = {NAME_LABEL, "values"} if part.get("key") == NAME_LABEL else {NAME_LABEL}
    return {key: _selecting_names(value, rename, names=key in named) for key, value in part.items()}


def _text(value: object, default: str) -> str:
    return value if isinstance(value, str) and value else default
