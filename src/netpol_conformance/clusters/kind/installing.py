"""What goes into a new cluster before a scenario does: images, manifests, and the wait for both."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from tenacity import Retrying, retry_if_exception_message, stop_after_delay, wait_fixed

from netpol_conformance.clusters.base import ClusterError
from netpol_conformance.clusters.kind import explaining
from netpol_conformance.clusters.kind.maker import KindMaker
from netpol_conformance.clusters.kind.tools import ToolError, Tools, run
from netpol_conformance.clusters.kubernetes.public import logged_wait, until_nothing
from netpol_conformance.enforcer.manifests import STOPPED_LABEL

READY = 180.0
"""Seconds from the manifests applied to every node Ready and every rollout finished."""

_LOOK_AGAIN = 0.5
_KUBECTL = 60.0


def digest(tools: Tools, image: str) -> str:
    """Docker's own id of an image; raises ClusterError if Docker has none of that name."""
    try:
        return run([tools.docker, "image", "inspect", "--format", "{{.Id}}", image]).strip()
    except ToolError as error:
        raise ClusterError(
            f"Docker has no image {image}, which the nodes need: make it with "
            f"'netpol-conformance images build' if it is the suite's own, "
            f"else docker pull {image} ({error.output.strip()})"
        ) from error


def load_images(
    maker: KindMaker, tools: Tools, images: Sequence[str], on_progress: Callable[[str], None]
) -> None:
    """Copy images from Docker to the nodes; raises ClusterError for one Docker has not."""
    for image in images:
        digest(tools, image)
    on_progress(f"loading {', '.join(images)} on the nodes ...")
    maker.load(images)


def start_where_stopped(maker: KindMaker) -> None:
    """Let the bundled enforcer run on all nodes: a run that was killed while it restarted it has
    left some where it is stopped.
    """
    maker.kubectl("label", "nodes", "--all", f"{STOPPED_LABEL}-", timeout=_KUBECTL)


def apply_manifests(maker: KindMaker, manifests: str) -> None:
    """Apply as they are, again while the API does not know a kind of theirs yet (CRDs)."""
    words = ("apply", "--server-side", "--force-conflicts", "-f", "-")
    with logged_wait("the API to know the manifests' kinds", _KUBECTL) as still:
        attempts = Retrying(
            stop=stop_after_delay(_KUBECTL),
            wait=wait_fixed(_LOOK_AGAIN),
            retry=retry_if_exception_message(match="(?s).*no matches for kind"),
            before_sleep=lambda _state: still(),
            reraise=True,
        )
        attempts(maker.kubectl, *words, given=manifests, timeout=_KUBECTL)


def wait_installed(maker: KindMaker, tools: Tools, *, timeout: float = READY) -> None:
    """Until all nodes are Ready and all DaemonSets and Deployments stand as they are now.

    Raises ClusterError with what is missing, from conditions, events and logs.
    """
    missing = until_nothing(
        lambda: _missing(maker), "nodes and plugin to be ready", timeout, _LOOK_AGAIN
    )
    if missing:
        details = [*missing, *_words_of(maker, tools)]
        raise ClusterError(
            f"the cluster {maker.name} is not ready after {timeout:g} s:\n  " + "\n  ".join(details)
        )


def _missing(maker: KindMaker) -> list[str]:
    nodes = _listed(maker, "nodes")
    workloads = _listed(maker, "daemonsets,deployments")
    lines = explaining.nodes_not_ready(nodes).values()
    return [*lines, *explaining.rollouts_unfinished(workloads)]


def _words_of(maker: KindMaker, tools: Tools) -> list[str]:
    """What pods, events and kubelet logs show; errors in reading them hide no failure."""
    lines = explaining.pods_not_ready(_listed(maker, "pods"))
    lines += explaining.warnings(_listed(maker, "events"))
    for node in explaining.nodes_not_ready(_listed(maker, "nodes")):
        try:
            log = run([tools.docker, "exec", node, "journalctl", "-u", "kubelet", "-n", "400",
                       "--no-pager", "-o", "cat"])  # fmt: skip
        except ToolError as error:
            lines.append(f"kubelet of {node}: its log cannot be read: {error}")
            continue
        lines += [f"kubelet of {node}: {line}" for line in explaining.complaints(log)]
    return lines


def _listed(maker: KindMaker, kinds: str) -> list[dict[str, Any]]:
    text = maker.kubectl("get", kinds, "--all-namespaces", "-o", "json", timeout=_KUBECTL)
    items: list[dict[str, Any]] = json.loads(text)["items"]
    return items
