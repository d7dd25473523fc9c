"""How fast the oracle is: prints a JSON object {name, value, unit, goal} a figure, one a line.

Data are random but the same each time. Times are of this process's CPU: the oracle is one thread
that waits for nothing, so on an idle machine that is the time on the clock too.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable
from ipaddress import IPv4Address, IPv4Network

from netpol_conformance.model.objects import (
    ClusterState,
    ContainerPort,
    Direction,
    IPBlock,
    LabelSelector,
    Namespace,
    NetworkPolicy,
    Operator,
    Pod,
    PolicyPeer,
    PolicyPort,
    PolicyRule,
    Protocol,
    Requirement,
)
from netpol_conformance.oracle.decision import Connection
from netpol_conformance.oracle.evaluate import Oracle

SMALL_VERDICTS = 120_000
FIRST_POD_ADDRESS = int(IPv4Address("10.244.0.0"))


def selector(rng: random.Random, values: int) -> LabelSelector:
    pairs = tuple(
        (key, f"{key}-{rng.randrange(values)}") for key in ("app", "tier") if rng.random() < 0.5
    )
    if rng.random() < 0.7:
        return LabelSelector(pairs)
    names = tuple(f"env-{rng.randrange(4)}" for _ in range(2))
    operator = rng.choice((Operator.IN, Operator.NOT_IN))
    return LabelSelector(pairs, (Requirement("env", operator, names),))


def peer(rng: random.Random, values: int) -> PolicyPeer:
    kind = rng.randrange(4)
    if kind == 0:
        cidr = IPv4Network((FIRST_POD_ADDRESS + 4096 * rng.randrange(3), 20))
        hole = next(cidr.subnets(new_prefix=26))
        return PolicyPeer(ip_block=IPBlock(cidr, (hole,)))
    pods = selector(rng, values) if kind != 1 else None
    teams = LabelSelector((("team", f"team-{rng.randrange(3)}"),)) if kind != 2 else None
    return PolicyPeer(pods, teams)


def rule(rng: random.Random, values: int) -> PolicyRule:
    ports = (PolicyPort(port=80), PolicyPort(port="web"), PolicyPort(Protocol.UDP, 1000, 2000))
    peers = tuple(peer(rng, values) for _ in range(rng.randint(1, 3)))
    return PolicyRule(peers, tuple(rng.sample(ports, rng.randint(0, 2))))


def state(seed: int, pods: int, namespaces: int, policies: int, values: int) -> ClusterState:
    rng = random.Random(seed)
    return ClusterState(
        namespaces=tuple(
            Namespace(f"ns-{i}", {"team": f"team-{i % 3}"}) for i in range(namespaces)
        ),
        pods=tuple(
            Pod(
                f"ns-{i % namespaces}",
                f"pod-{i}",
                {
                    "app": f"app-{rng.randrange(values)}",
                    "tier": f"tier-{rng.randrange(values)}",
                    "env": f"env-{rng.randrange(4)}",
                },
                ports=(ContainerPort(rng.choice((80, 8080)), name="web"),),
                node=f"node-{i % 3}",
                ips=(IPv4Address(FIRST_POD_ADDRESS + i + 1),),
            )
            for i in range(pods)
        ),
        policies=tuple(
            NetworkPolicy(
                f"ns-{rng.randrange(namespaces)}",
                f"policy-{i}",
                selector(rng, values),
                (Direction.INGRESS, Direction.EGRESS),
                tuple(rule(rng, values) for _ in range(2)),
                tuple(rule(rng, values) for _ in range(2)),
            )
            for i in range(policies)
        ),
    )


def small_states() -> list[ClusterState]:
    """States of 9 pods in 3 namespaces; 324 verdicts each: all pairs, 2 ports, TCP and UDP."""
    count = -(-SMALL_VERDICTS // (9 * 9 * 2 * 2))
    return [state(seed, 9, 3, seed % 4 + 1, 3) for seed in range(count)]


WIRES = [(port, protocol) for port in (80, 81) for protocol in (Protocol.TCP, Protocol.UDP)]


def by_answer(states: list[ClusterState]) -> None:
    for one in states:
        oracle = Oracle(one)
        for port, protocol in WIRES:
            for source in one.pods:
                for target in one.pods:
                    oracle.answer(Connection(source, target, port, protocol))


def by_row(states: list[ClusterState]) -> None:
    for one in states:
        oracle = Oracle(one)
        for port, protocol in WIRES:
            for source in one.pods:
                oracle.row(source, port, protocol)


def seconds(work: Callable[[], object]) -> float:
    started = time.process_time()
    work()
    return time.process_time() - started


def best(rounds: int, work: Callable[[], object]) -> float:
    """The shortest of some rounds, in seconds: other work on the machine can only add to it."""
    return min(seconds(work) for _ in range(rounds))


def figures() -> list[dict[str, str | float]]:
    """Every figure with its goal; of rows the slowest, the first ones fill memos."""
    large = state(1, 10_000, 50, 1_000, 20)
    oracle = Oracle(large)
    row = max(seconds(lambda pod=pod: oracle.row(pod, 80)) for pod in large.pods[:50])
    small = small_states()
    measured = [
        ("oracle: index of 10,000 pods x 1,000 policies", best(3, lambda: Oracle(large)), 1000),
        ("oracle: slowest of 50 rows of 10,000 pods", row, 50),
        (
            "oracle: 120,000 verdicts of small cases, each asked",
            best(3, lambda: by_answer(small)),
            1000,
        ),
        ("oracle: 120,000 verdicts of small cases, in rows", best(3, lambda: by_row(small)), 1000),
    ]
    return [
        {"name": name, "value": round(value * 1000, 2), "unit": "ms", "goal": goal}
        for name, value, goal in measured
    ]


if __name__ == "__main__":
    for figure in figures():
        print(json.dumps(figure))
