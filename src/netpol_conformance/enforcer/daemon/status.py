"""How an enforcer is doing, and that as metrics. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

STUCK_SECONDS = 60.0
"""Work that takes longer than this will not end by itself: restart (the rules stay)."""
_PREFIX = "netpol_enforcer"


@dataclass(frozen=True)
class Status:
    """A value, so that it may be read while the next one is made.

    ``seconds`` are spent putting changes in force. ``failed_at`` and ``failure`` are those of the
    last error (seconds since the epoch). ``busy_since`` is a monotonic time, None while idle.
    """

    node: str
    ready: bool = False
    waiting_for: str = "the first lists of the API"
    policies: int = 0
    pods: int = 0
    nodes: int = 0
    namespaces: int = 0
    elements: int = 0
    syncs: int = 0
    seconds: float = 0.0
    failures: int = 0
    failure: str = ""
    failed_at: float = 0.0
    busy_since: float | None = None
    lost: Mapping[str, str] = field(default_factory=dict)
    problems: Mapping[str, str] = field(default_factory=dict)

    def stuck(self, now: float) -> bool:
        """Whether one piece of work has taken too long at the monotonic time ``now``."""
        return self.busy_since is not None and now - self.busy_since > STUCK_SECONDS


def metrics(status: Status) -> str:
    """The status in Prometheus' text format."""
    return "".join(_metrics(status))


def _metrics(status: Status) -> Iterator[str]:
    yield _plain("ready", "Whether the state read at start is in force.", int(status.ready))
    yield _plain("policies", "NetworkPolicies known.", status.policies)
    yield _plain("pods", "Pods known, of all nodes.", status.pods)
    yield _plain("nodes", "Nodes known.", status.nodes)
    yield _plain("namespaces", "Namespaces known.", status.namespaces)
    yield _plain("set_elements", "Elements in this node's nftables sets.", status.elements)
    name, text = "sync_duration_seconds", "Putting a batch of changes in force."
    yield _head(name, text, "summary")
    yield f"{_PREFIX}_{name}_sum {status.seconds:.6f}\n{_PREFIX}_{name}_count {status.syncs}\n"
    yield _plain("syncs_total", "Batches of changes put in force.", status.syncs, "counter")
    yield _plain(
        "errors_total", "Batches that could not be put in force.", status.failures, "counter"
    )
    yield _plain(
        "last_error_timestamp_seconds", "When the last error was; 0 if never.", status.failed_at
    )
    if status.failure:
        yield _head("last_error_info", "The last error's own words.", "gauge")
        yield _labelled("last_error_info", message=status.failure)
    yield _head("watch_lost", "Resources whose changes do not arrive.", "gauge")
    for resource, reason in sorted(status.lost.items()):
        yield _labelled("watch_lost", resource=resource, reason=reason)
    yield _plain("problems", "Objects not understood, which deny instead.", len(status.problems))
    yield _head("problem_info", "An object that was not understood, and why.", "gauge")
    for key, reason in sorted(status.problems.items()):
        yield _labelled("problem_info", object=key, reason=reason)


def _head(name: str, text: str, kind: str) -> str:
    return f"# HELP {_PREFIX}_{name} {text}\n# TYPE {_PREFIX}_{name} {kind}\n"


def _plain(name: str, text: str, value: float, kind: str = "gauge") -> str:
    return f"{_head(name, text, kind)}{_PREFIX}_{name} {value:.15g}\n"


def _labelled(name: str, **labels: str) -> str:
    pairs = ",".join(f'{label}="{_escaped(value)}"' for label, value in labels.items())
    return f"{_PREFIX}_{name}{{{pairs}}} 1\n"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
