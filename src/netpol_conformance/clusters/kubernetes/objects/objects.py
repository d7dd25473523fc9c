"""The API's objects of one scenario: applying, deleting, and reading what is there now."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, ParamSpec, TypeVar

from tenacity import Retrying, retry_if_exception, stop_after_delay, wait_exponential

from netpol_conformance.clusters.base import (
    OUTSIDE_NAMES,
    ClusterError,
    NotReadyError,
    OutsideHost,
    RefusedError,
    UnsupportedError,
)
from netpol_conformance.clusters.kubernetes.api.answers import ApiError, Manifest
from netpol_conformance.clusters.kubernetes.api.client import (
    NAMESPACES,
    PODS,
    POLICIES,
    SECRETS,
    SERVICES,
    Client,
    Resource,
)
from netpol_conformance.clusters.kubernetes.api.naming import SYSTEM_NAMESPACE, Names
from netpol_conformance.clusters.kubernetes.objects.nodes import Nodes
from netpol_conformance.clusters.kubernetes.objects.patience import Patience
from netpol_conformance.clusters.kubernetes.objects.pods import Placing, real_pod
from netpol_conformance.clusters.kubernetes.objects.reading import call, own_object
from netpol_conformance.clusters.kubernetes.objects.waits import (
    logged_wait,
    until_nothing,
    until_running,
)
from netpol_conformance.clusters.kubernetes.outside import outside_name
from netpol_conformance.model.decode import ManifestError, decode_object
from netpol_conformance.model.objects import KubernetesObject, ObjectKey, Pod
from netpol_conformance.model.version import KubernetesVersion
from netpol_conformance.model.yaml import YAMLError, load_all

P = ParamSpec("P")
T = TypeVar("T")

DELETE_TIMEOUT = 60.0
"""Seconds from a deletion to the object's end: a pod's grace, a namespace's contents."""
ACCOUNT_TIMEOUT = 60.0
"""Seconds from a namespace's creation to its service account, without which it takes no pod."""
_PAUSE, _LONGEST_PAUSE = 0.1, 1.0
_HOME = "default"
_RESOURCES = {
    "Namespace": NAMESPACES,
    "NetworkPolicy": POLICIES,
    "Pod": PODS,
    "Service": SERVICES,
}


@dataclass(frozen=True, slots=True)
class Objects:
    """What one scenario has in the cluster. ``families`` are those that it asked for; ``watching``
    are the tasks that pods are to begin as they start.
    """

    client: Client
    names: Names
    nodes: Nodes
    placing: Placing
    version: KubernetesVersion
    families: tuple[int, ...]
    watching: dict[ObjectKey, str] = field(default_factory=dict)

    # -- changes ---------------------------------------------------------------------------------

    def apply(self, manifests: str) -> tuple[KubernetesObject, ...]:
        """Apply in order; raises RefusedError with the server's message."""
        return tuple(self._apply(item) for item in documents(manifests))

    def make_namespace(self, name: str) -> None:
        """Make a namespace by its real name, labelled as the run's."""
        metadata = {"name": name, "labels": self.names.labels}
        self._create(NAMESPACES, {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
        self._give_secret(name)

    def _give_secret(self, namespace: str) -> None:
        """Copy the pull secret, if there is one: a pod can only use one of its own namespace."""
        place, _, name = self.placing.images.pull_secret.rpartition("/")
        if not name:
            return
        place = place or "default"
        found = self.call(self.client.get, SECRETS, name, place)
        if found is None:
            raise ClusterError(f"there is no Secret {place}/{name} to pull images with")
        manifest: Manifest = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}}
        manifest |= {part: found[part] for part in ("data", "type") if part in found}
        self._create(SECRETS, manifest, namespace)

    def make_pod(self, manifest: Manifest) -> None:
        """Make a pod of the suite's own."""
        self._create(PODS, manifest, manifest["metadata"]["namespace"])

    def name_outside(self, host: OutsideHost) -> None:
        """Have the cluster's DNS know a host outside; raises UnsupportedError if it must not."""
        try:
            for resource, manifest in outside_name(host):
                self._create(resource, manifest, self.names.real(OUTSIDE_NAMES))
        except RefusedError as refused:
            raise UnsupportedError(f"needs a name for a host outside: {refused}") from refused

    def delete(self, keys: Sequence[ObjectKey]) -> None:
        """Delete, and wait until all are gone; raises RefusedError for what is not there."""
        deletions = [self._deletion(key) for key in keys]
        for key, (resource, name, namespace) in zip(keys, deletions, strict=True):
            if not self.call(self.client.delete, resource, name, namespace):
                raise RefusedError(f'{resource.full_name} "{key.name}" not found')
        for key, (resource, name, namespace) in zip(keys, deletions, strict=True):
            self._until_gone(key, resource, name, namespace)

    def _deletion(self, key: ObjectKey) -> tuple[Resource, str, str]:
        if SYSTEM_NAMESPACE in (key.namespace, key.name if key.kind == "Namespace" else ""):
            raise _not_ours(str(key))
        if key.kind not in _RESOURCES:
            raise UnsupportedError(f"{key} is not the run's own, and stays")
        name = self.names.real(key.name) if key.kind == "Namespace" else key.name
        return _RESOURCES[key.kind], name, self.names.real(key.namespace) if key.namespace else ""

    def _until_gone(self, key: ObjectKey, resource: Resource, name: str, namespace: str) -> None:
        find = partial(self.call, self.client.get, resource, name, namespace)
        left = until_nothing(find, f"{key} to be gone", DELETE_TIMEOUT, _PAUSE)
        if left is not None:
            raise NotReadyError(
                f"{key} is not gone after {DELETE_TIMEOUT:g} s: {why_not_gone(left)}"
            )

    def _apply(self, manifest: Manifest) -> KubernetesObject:
        resource = self.client.resource(manifest)
        real = self._real(manifest, resource)
        metadata = real.get("metadata")
        namespace = metadata.get("namespace", "") if isinstance(metadata, dict) else ""
        self._check_ours(manifest, resource, namespace)
        try:
            stored = self._create(resource, real, namespace)
            if resource == NAMESPACES:
                self._give_secret(stored["metadata"]["name"])
        except RefusedError as refused:
            cause = refused.__cause__
            if not isinstance(cause, ApiError) or cause.reason != "AlreadyExists":
                raise
            stored = self._update(resource, real, namespace)
        return self._own(stored, str(manifest["kind"]))

    def _create(self, resource: Resource, manifest: Manifest, namespace: str = "") -> Manifest:
        """Create it, and before it the namespace default if this is the first object in it."""
        try:
            return self._create_once(resource, manifest, namespace)
        except RefusedError as refused:
            home = self.names.real(_HOME)
            if namespace != home or not _lacks_namespace(refused, home):
                raise
        self.make_namespace(home)
        return self._create_once(resource, manifest, namespace)

    def _create_once(self, resource: Resource, manifest: Manifest, namespace: str) -> Manifest:
        with logged_wait(f"the service account of {namespace}", ACCOUNT_TIMEOUT) as still:
            attempts = Retrying(
                retry=retry_if_exception(_lacks_account),
                stop=stop_after_delay(ACCOUNT_TIMEOUT),
                wait=wait_exponential(multiplier=_PAUSE, max=_LONGEST_PAUSE),
                before_sleep=lambda _state: still(),
                reraise=True,
            )
            try:
                return attempts(self.call, self.client.create, resource, manifest, namespace)
            except RefusedError as refused:
                if not _lacks_account(refused):
                    raise
                # Not the manifest is refused: the controller of service accounts is behind.
                raise NotReadyError(f"{refused}, after {ACCOUNT_TIMEOUT:g} s") from refused

    def _update(self, resource: Resource, manifest: Manifest, namespace: str) -> Manifest:
        name = manifest["metadata"]["name"]
        found = self.call(self.client.get, resource, name, namespace)
        if found is None:
            return self._create(resource, manifest, namespace)
        if resource == PODS:
            return self._relabel(manifest, found, namespace)
        version = {"resourceVersion": found["metadata"]["resourceVersion"]}
        newer = {**manifest, "metadata": {**manifest["metadata"], **version}}
        return self.call(self.client.replace, resource, newer, name, namespace)

    def _relabel(self, manifest: Manifest, found: Manifest, namespace: str) -> Manifest:
        """Of a running pod only labels and annotations change, or its life ends."""
        metadata = {
            part: _merge_patch(found["metadata"].get(part), manifest["metadata"].get(part))
            for part in ("labels", "annotations")
        }
        patch: Manifest = {"metadata": metadata}
        if manifest["spec"].get("restartPolicy") == "Never" != found["spec"]["restartPolicy"]:
            patch["spec"] = {"activeDeadlineSeconds": 1}
        name = manifest["metadata"]["name"]
        return self.call(self.client.patch, PODS, patch, name, namespace)

    def _real(self, manifest: Manifest, resource: Resource) -> Manifest:
        real = self.names.real_manifest(manifest, namespaced=resource.namespaced)
        if resource == SERVICES and len(self.families) > 1 and isinstance(real.get("spec"), dict):
            real["spec"] = {"ipFamilyPolicy": "PreferDualStack", **real["spec"]}
        if resource != PODS:
            return real
        try:
            pod = decode_object(manifest, version=self.version)
        except ManifestError:
            return real  # the API server will say what is wrong with it
        assert isinstance(pod, Pod)
        identity = self.names.real_identity(f"{pod.namespace}/{pod.name}")
        watch = self.watching.get(pod.key, "")
        return real_pod(pod, identity, self.names.real(pod.namespace), self.placing, watch)

    def _check_ours(self, manifest: Manifest, resource: Resource, namespace: str) -> None:
        metadata = manifest.get("metadata")
        name = metadata.get("name") if isinstance(metadata, dict) else None
        system = resource == NAMESPACES and name == SYSTEM_NAMESPACE
        other = not resource.namespaced and resource != NAMESPACES
        if system or other or namespace == SYSTEM_NAMESPACE:
            raise _not_ours(f"{manifest.get('kind')} {name}")

    # -- what is there ---------------------------------------------------------------------------

    def namespaces(self) -> list[str]:
        """The scenario's namespaces by their real names, those being removed left out."""
        return [manifest["metadata"]["name"] for manifest in self._namespaces()]

    def _namespaces(self) -> list[Manifest]:
        selector = ",".join(f"{key}={value}" for key, value in self.names.labels.items())
        found = self.call(self.client.items, NAMESPACES, labelSelector=selector)
        return [
            manifest
            for manifest in found
            if manifest["metadata"]["name"] != self.names.agents_namespace
            and not _is_terminating(manifest)
        ]

    def pods(self, namespaces: Sequence[str] | None = None) -> list[Manifest]:
        """The scenario's pods as the cluster has them; ``namespaces`` are its own, if known."""
        spaces = self.namespaces() if namespaces is None else namespaces
        return [pod for name in spaces for pod in self.call(self.client.items, PODS, name)]

    def until_running(
        self,
        namespaces: Sequence[str],
        patience: Patience,
        meanwhile: Callable[[Patience], None],
    ) -> list[Manifest]:
        """Wait for the pods of namespaces, by their real names: see ``waits.until_running``."""
        look = partial(self.pods, namespaces)
        return until_running(look, self.client, self.names, patience, meanwhile)

    def read(self) -> Iterator[KubernetesObject]:
        """All of the scenario's objects, and the cluster's DNS."""
        for space in self._namespaces():
            yield self._own(space, "Namespace")
            name = space["metadata"]["name"]
            for kind in ("Pod", "Service", "NetworkPolicy"):
                for item in self.call(self.client.items, _RESOURCES[kind], name):
                    if not _is_terminating(item):
                        yield self._own(item, kind)

    def _own(self, manifest: Manifest, kind: str) -> KubernetesObject:
        return own_object(manifest, kind, self.names, self.nodes, self.version)

    def call(self, ask: Callable[P, T], *words: P.args, **query: P.kwargs) -> T:
        """Ask the server; its refusals as RefusedError, in the scenario's names."""
        return call(self.client, self.names, ask, *words, **query)


def why_not_gone(manifest: Mapping[str, Any]) -> str:
    """What an object that is being deleted still waits for, in the cluster's own words."""
    metadata = manifest["metadata"]
    conditions = (manifest.get("status") or {}).get("conditions") or ()
    said = [
        item["message"]
        for item in conditions
        if item.get("status") == "True" and item["type"].startswith("Namespace")
    ]
    said += [f"finalizer {name}" for name in metadata.get("finalizers") or ()]
    return "; ".join(said) or "the cluster does not say why"


def documents(manifests: str) -> Iterator[Manifest]:
    """Each object of YAML or JSON as it is written; raises RefusedError as kubectl would."""
    return _flat(_load(manifests))


def _load(manifests: str) -> list[Any]:
    try:
        return [document.data for document in load_all(manifests)]
    except YAMLError as error:
        raise RefusedError(f"error: error parsing STDIN: {error}") from error


def _flat(documents: Sequence[Any]) -> Iterator[Manifest]:
    """Each object, those of lists too, as kubectl takes them apart."""
    for document in documents:
        if document is None:
            continue
        if not isinstance(document, dict):
            raise RefusedError("error: unable to decode: a manifest is a mapping")
        items = document.get("items")
        if str(document.get("kind", "")).endswith("List") and isinstance(items, list):
            yield from _flat(items)
        else:
            yield document


def _merge_patch(
    before: Mapping[str, str] | None, after: Mapping[str, str] | None
) -> dict[str, str | None]:
    """What turns ``before`` into ``after``: a merge patch, whose None removes."""
    removed: dict[str, str | None] = dict.fromkeys(before or {})
    return removed | dict(after or {})


def _lacks_account(error: BaseException) -> bool:
    """Whether a new namespace has no service account yet."""
    return isinstance(error, RefusedError) and "error looking up service account" in str(error)


def _lacks_namespace(refused: RefusedError, name: str) -> bool:
    """Whether the server refused an object because its namespace is not there."""
    cause = refused.__cause__
    return (
        isinstance(cause, ApiError)
        and cause.reason == "NotFound"
        and f'namespaces "{name}" not found' in cause.message
    )


def _is_terminating(manifest: Manifest) -> bool:
    return manifest["metadata"].get("deletionTimestamp") is not None


def _not_ours(what: str) -> UnsupportedError:
    return UnsupportedError(
        f"{what} belongs to the cluster, and the suite changes only what it made itself"
    )
