"""What enforces policies in a kind cluster: the choice that the options make."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from netpol_conformance.clusters.base import ClusterError
from netpol_conformance.clusters.options import Options
from netpol_conformance.enforcer.loading import is_path, read_source
from netpol_conformance.enforcer.manifests import Choices, Source, render
from netpol_conformance.image.names import own_image

_DIGEST = "netpol-conformance/content"
"""On the pods of our DaemonSet: a digest of what they run, so that what changed starts anew."""


@dataclass(frozen=True, slots=True)
class Plugin:
    """``name`` as reports call it; ``images`` are to be loaded before ``manifests`` are applied."""

    name: str
    images: tuple[str, ...]
    manifests: str


def check(options: Options) -> None:
    """Raise ValueError for options that contradict each other."""
    vendor = options.plugin not in {"", "none"}
    if (options.plugin_manifests or options.plugin_image) and not vendor:
        raise ValueError("--plugin-manifests and --plugin-image need --plugin NAME beside them")
    if vendor and not options.plugin_manifests and not options.reuse_cluster:
        raise ValueError(
            f"--plugin {options.plugin} needs --plugin-manifests PATH, "
            "or --reuse-cluster NAME for a cluster that has it"
        )
    if options.plugin and options.implementation != "reference":
        raise ValueError("--plugin and --implementation both say what enforces; give one of them")


def plugin_name(options: Options) -> str:
    """What enforces policies, as a report calls it."""
    return options.plugin or options.implementation


def chosen(options: Options, digest: str) -> Plugin:
    """The plugin to install; ``digest`` is the suite's own image's.

    Raises ClusterError for a file that cannot be read.
    """
    name = plugin_name(options)
    if options.plugin not in {"", "none"}:
        manifests = read_manifests(options.plugin_manifests)
        return Plugin(name, options.plugin_image, manifests)
    image = own_image(options.image, options.image_registry)
    choices = Choices(
        image,
        policy=name != "none",
        enforcer="reference" if name == "none" else _enforcer(name),
        pull_policy="IfNotPresent",
    )
    return Plugin(name, (), _stamped(render(choices), digest))


def read_manifests(paths: Sequence[str]) -> str:
    """The YAML of files and folders, the latter's files in order of their names.

    Raises ClusterError for what cannot be read, and for a folder without YAML.
    """
    texts: list[str] = []
    for path in map(Path, paths):
        files = sorted(path.glob("*.y*ml")) if path.is_dir() else [path]
        if not files:
            raise ClusterError(f"--plugin-manifests {path}: the folder has no YAML files")
        for file in files:
            try:
                texts.append(file.read_text(encoding="utf-8"))
            except OSError as error:
                raise ClusterError(f"--plugin-manifests {file}: {error.strerror}") from error
    return "\n---\n".join(texts)


def _enforcer(implementation: str) -> str | Source:
    """The enforcer as the manifests want it: files of this machine go along."""
    place, colon, factory = implementation.rpartition(":")
    if not colon or not is_path(place):
        return implementation
    try:
        return Source(read_source(place), factory)
    except OSError as error:
        raise ClusterError(f"cannot read the enforcer {place}: {error.strerror}") from error


def _stamped(manifests: str, digest: str) -> str:
    """The manifests with a digest of them and of the image on the DaemonSet's pods."""
    content = hashlib.sha256(f"{digest}\n{manifests}".encode()).hexdigest()[:16]
    documents = [item for item in yaml.safe_load_all(manifests) if item]
    for document in documents:
        if document["kind"] == "DaemonSet":
            metadata = document["spec"]["template"].setdefault("metadata", {})
            metadata.setdefault("annotations", {})[_DIGEST] = content
    return yaml.safe_dump_all(documents, sort_keys=False)
