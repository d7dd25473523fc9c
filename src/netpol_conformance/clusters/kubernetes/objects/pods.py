"""A scenario's pod as a real one: who serves in it, and where it runs. Pure.

Beside what the scenario's image stands for, every pod has a container ``probe`` of the suite's own
image, for asking from inside it. Nothing in it needs more than Pod Security's ``baseline`` level.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from netpol_conformance.clusters.base import UnsupportedError
from netpol_conformance.clusters.kubernetes.api.answers import Manifest
from netpol_conformance.clusters.serving import server_options, serving
from netpol_conformance.image.names import at_registry
from netpol_conformance.model.encode import manifest as encode
from netpol_conformance.model.objects import ObjectKey, Pod
from netpol_conformance.probe import webservers
from netpol_conformance.probe.reading import Page

PROBE_CONTAINER = "probe"
WATCHER = ("python", "-m", "netpol_conformance.probe.watcher")
"""The command of a pod's first process that probes from its start on."""
AGENT = ("python", "-m", "netpol_conformance.probe.agent")
"""The agent's command in the suite's own image."""
HOST_LABEL = "kubernetes.io/hostname"
"""By this label of its node a pod is placed."""
IMAGE_ANNOTATION = "netpol-conformance/image"
"""On a pod: the image that the scenario names."""
_HOST_NETWORK = {"hostNetwork": True, "dnsPolicy": "ClusterFirstWithHostNet"}
_GRACE_SECONDS = 1
_FOREVER = "2147483647"
_CPU, _MEMORY = "1m", "16Mi"
_CPU_OF_ASKING = "300m"
"""What a pod that asks all the time requests, and uses; with less it waits on a busy node."""
_DIRECTORY = Path("/tmp/netpol-conformance")  # noqa: S108 - in a container of its own


@dataclass(frozen=True, slots=True)
class Images:
    """Where images come from: the suite's own (``probe``), and a registry for all others.

    ``pull_policy`` is a pod's, empty for the cluster's default. ``pull_secret`` is a Secret's
    namespace and name, empty for none.
    """

    probe: str
    registry: str = ""
    pull_policy: str = ""
    pull_secret: str = ""


@dataclass(frozen=True, slots=True)
class Placing:
    """What pods need to know of the cluster: node names (the scenario's to its own), families.

    ``asking`` are those that are to ask all through a change.
    """

    nodes: Mapping[str, str]
    families: tuple[int, ...]
    images: Images
    asking: AbstractSet[ObjectKey] = frozenset()


def real_pod(
    pod: Pod, identity: str, namespace: str, placing: Placing, watch: str = ""
) -> Manifest:
    """The manifest of a pod that is ``pod`` to the scenario and says ``identity`` to clients.

    ``watch`` is a task of ``probe.continuous_wire`` that it begins as it starts. Raises
    UnsupportedError for a node that the cluster does not have.
    """
    plain = encode(pod)
    metadata: Any = plain["metadata"]
    annotations = {**metadata.get("annotations", {}), IMAGE_ANNOTATION: pod.image}
    containers = _containers(pod, identity, placing, watch)
    if pod.ports:
        # Which container declares a port is all the same: they share the pod's network.
        containers[0]["ports"] = [
            {
                "containerPort": port.number,
                "protocol": port.protocol.value,
                **({"name": port.name} if port.name else {}),
            }
            for port in pod.ports
        ]
    _, _, secret = placing.images.pull_secret.rpartition("/")
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {**metadata, "namespace": namespace, "annotations": annotations},
        "spec": {
            "containers": containers,
            **_place(pod, placing),
            **(_HOST_NETWORK if pod.host_network else {}),
            **({"imagePullSecrets": [{"name": secret}]} if secret else {}),
            "restartPolicy": "Never" if pod.finished else "Always",
            "terminationGracePeriodSeconds": _GRACE_SECONDS,
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
        },
    }


def own_pod(manifest: Manifest, nodes: Mapping[str, str]) -> Manifest:
    """A real pod as the scenario knows it; ``nodes`` gives real nodes' names in the scenario."""
    metadata, spec = dict(manifest["metadata"]), manifest["spec"]
    annotations = dict(metadata.get("annotations") or {})
    first = spec["containers"][0]
    image = annotations.pop(IMAGE_ANNOTATION, first["image"])
    ports = [port for container in spec["containers"] for port in container.get("ports") or ()]
    node = spec.get("nodeName", "")
    return {
        **manifest,
        "metadata": {**metadata, "annotations": annotations},
        "spec": {
            "containers": [{"name": "main", "image": image, "ports": ports}],
            "nodeName": nodes.get(node, node),
            "nodeSelector": own_node_selector(spec),
            "hostNetwork": bool(spec.get("hostNetwork")),
        },
    }


def own_node_selector(spec: Manifest) -> dict[str, str]:
    """The labels that a real pod's node must have, those by which it was placed left out."""
    selector: dict[str, str] = spec.get("nodeSelector") or {}
    return {key: value for key, value in selector.items() if key != HOST_LABEL}


def node_agent_name(node: str) -> str:
    """The name of the pod that ``node_agent`` makes."""
    return f"node-agent-{node}"


def node_agent(node: str, namespace: str, images: Images) -> Manifest:
    """A pod of the suite's own in the network of the cluster's node ``node``."""
    agent = _own_agent(node_agent_name(node), namespace, images)
    agent["spec"] |= {
        **_HOST_NETWORK,
        "nodeName": node,
        "tolerations": [{"operator": "Exists"}],
    }
    return agent


def self_test_agent(namespace: str, images: Images) -> Manifest:
    """A pod of the suite's own, for the probes to be tested in."""
    return _own_agent("self-test", namespace, images)


def _own_agent(name: str, namespace: str, images: Images) -> Manifest:
    placing = Placing({}, (4,), images)
    return real_pod(Pod(namespace, name), f"suite/{name}", namespace, placing)


def _containers(pod: Pod, identity: str, placing: Placing, watch: str) -> list[Manifest]:
    images = placing.images
    if pod.finished:
        return [_container(PROBE_CONTAINER, images.probe, ["/bin/busybox", "true"], placing)]
    nginx, httpd, others = serving(pod)
    made = []
    if nginx or httpd:
        command = _nginx(identity, nginx, placing) if nginx else _httpd(identity, httpd)
        made.append(_container("main", at_registry(pod.image, images.registry), command, placing))
    own = [f"{number}/{protocol.value}" for number, protocol in others]
    command = _probe(identity, own, placing.families, watch)
    cpu = _CPU_OF_ASKING if pod.key in placing.asking else _CPU
    return [*made, _container(PROBE_CONTAINER, images.probe, command, placing, cpu)]


def _container(
    name: str, image: str, command: list[str], placing: Placing, cpu: str = _CPU
) -> Manifest:
    policy = placing.images.pull_policy
    return {
        "name": name,
        "image": image,
        "command": command,
        **({"imagePullPolicy": policy} if policy else {}),
        "resources": {"requests": {"cpu": cpu, "memory": _MEMORY}},
    }


def _probe(identity: str, ports: list[str], families: tuple[int, ...], watch: str) -> list[str]:
    """The probe container's own process: it probes, serves, or only keeps the container."""
    if not ports and not watch:
        # Its first process hears SIGTERM only if it listens; else the pod takes a second to go.
        return ["/bin/busybox", "sh", "-c", f"trap exit TERM; sleep {_FOREVER} & wait"]
    words = [*WATCHER, watch] if watch else [*AGENT, "serve"]
    return [*words, *server_options(identity, ports, families)]


def _nginx(identity: str, ports: tuple[int, ...], placing: Placing) -> list[str]:
    text = webservers.nginx_config(identity, ports, _DIRECTORY, placing.families)
    path = _DIRECTORY / "nginx.conf"
    return _shell(
        f"mkdir -p {_DIRECTORY}",
        f"printf %s {shlex.quote(text)} > {path}",
        f"exec nginx -p {_DIRECTORY} -c {path}",
    )


def _httpd(identity: str, ports: tuple[int, ...]) -> list[str]:
    page, pages = Page(identity), _DIRECTORY / "pages"
    *others, last = (f"httpd -f -p {port} -h {pages}" for port in ports)
    return _shell(
        f"mkdir -p {pages}",
        f"printf %s {shlex.quote(page.content.decode())} > {pages}/index.html",
        f"touch -d @{page.modified} {pages}/index.html",
        *(f"{{ {server} & }}" for server in others),
        f"exec {last}",
    )


def _shell(*commands: str) -> list[str]:
    return ["sh", "-c", " && ".join(commands)]


def _place(pod: Pod, placing: Placing) -> Manifest:
    if not pod.node:
        return {"nodeSelector": dict(pod.node_selector)} if pod.node_selector else {}
    if pod.node not in placing.nodes:
        raise UnsupportedError(
            f'pod {pod.namespace}/{pod.name} is to run on "{pod.node}"; '
            f"this cluster takes pods on {', '.join(placing.nodes) or 'no node'}"
        )
    return {"nodeSelector": {**pod.node_selector, HOST_LABEL: placing.nodes[pod.node]}}
