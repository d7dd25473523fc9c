"""``--external-client``: a host that a command reaches stands for a scenario's host outside.

The host keeps its own address. That makes no difference unless a policy distinguishes it from the
address that the scenario names; where one does, the scenario is not supported.
"""

from __future__ import annotations

import fcntl
import logging
import os
import shlex
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from ipaddress import ip_address
from pathlib import Path

from netpol_conformance.clusters.base import (
    ClusterError,
    ClusterInfo,
    ClusterSpec,
    OutsideHost,
    UnsupportedError,
)
from netpol_conformance.clusters.kubernetes.agents.streams import Agents, Channel, CommandChannel
from netpol_conformance.clusters.kubernetes.cluster import KubernetesCluster, Setup
from netpol_conformance.clusters.kubernetes.objects.pods import AGENT
from netpol_conformance.clusters.kubernetes.outside import as_asked
from netpol_conformance.clusters.serving import server_words
from netpol_conformance.model.objects import (
    IPAddress,
    IPBlock,
    KubernetesObject,
    NetworkPolicy,
)
from netpol_conformance.probe.verdict import Observation, Probe, Source
from netpol_conformance.redaction import learn

_log = logging.getLogger(__name__)

LOCATE_TIMEOUT = 30.0
"""Seconds for the host to say which address it has towards the cluster."""


_ANOTHER = "another scenario to end, for one of the two must be alone"


class Turn:
    """The right to use what ``key`` names, among all threads and processes of this user here.

    ``awaited`` follows "waiting for" in the log.
    """

    def __init__(self, key: str, awaited: str = _ANOTHER) -> None:
        self._awaited = awaited
        name = f"netpol-conformance-{os.getuid()}-{sha256(key.encode()).hexdigest()[:16]}.lock"
        self._path = Path(tempfile.gettempdir(), name)
        self._held: int | None = None

    def take(self, *, shared: bool = False) -> None:
        """Wait for it, however long another scenario takes; ``shared`` with all who share it."""
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        self._held = os.open(self._path, flags, 0o600)
        way, began = fcntl.LOCK_SH if shared else fcntl.LOCK_EX, time.monotonic()
        try:
            fcntl.flock(self._held, way | fcntl.LOCK_NB)
        except BlockingIOError:
            _log.info("waiting for %s", self._awaited)
            fcntl.flock(self._held, way)
            _log.info("waited %.1f s for %s", time.monotonic() - began, self._awaited)

    @property
    def is_held(self) -> bool:
        """Whether it was taken and not given back."""
        return self._held is not None

    def give_back(self) -> None:
        """Let the next one have it. Safe to call without having it."""
        if self._held is not None:
            os.close(self._held)
            self._held = None


class CommandClient:
    """One host that ``command`` (``ssh host``, say) runs a command on, the suite installed there.

    An ``outside.OutsideClients``. The host has each port once: one scenario has it at a time.
    """

    def __init__(self, command: str) -> None:
        learn(command)
        self._command = command
        self._turn = Turn(command)
        self._agents: Agents | None = None
        self._server: CommandChannel | None = None

    def start(self, hosts: Sequence[OutsideHost]) -> None:
        """Stand for the host asked for; raises UnsupportedError for several, or for a named one:
        the name would lead to the address that it does not have.
        """
        self.close()
        if any(host.named for host in hosts):
            raise UnsupportedError("needs a host outside that the cluster's DNS has a name for")
        if len(hosts) > 1:
            raise UnsupportedError("needs several hosts outside the cluster, and has but one")
        if hosts:
            self._turn.take()
        self._agents = Agents(self._connect)
        for host in hosts:
            if host.ports:
                words = server_words(host, f"outside/{host.name}", host.ports)
                self._server = CommandChannel(self._words(*words, "--until-input-ends"))

    def address_towards(self, other: IPAddress) -> IPAddress:
        """The address from which the host speaks to ``other``; raises ClusterError."""
        command = self._words("address", str(other))
        began = time.monotonic()
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, timeout=LOCATE_TIMEOUT, check=True
            )
            found = ip_address(done.stdout.strip())
        except (OSError, subprocess.SubprocessError, ValueError) as error:
            said = getattr(error, "stderr", None) or ""
            raise ClusterError(
                f"the external client does not work: {shlex.join(command)}: {error} "
                f"{str(said).strip()}: is netpol-conformance installed for python3 there?"
            ) from error
        took = time.monotonic() - began
        _log.debug("the external client is %s towards %s, it said in %.1f s", found, other, took)
        return found

    def probe(self, probes: Sequence[Probe]) -> Sequence[Observation]:
        """Ask all at once from the host."""
        assert self._agents is not None, "start() comes first"
        return self._agents.ask(probes)

    def close(self) -> None:
        """End what runs there."""
        if self._agents is not None:
            self._agents.close()
        if self._server is not None:
            self._server.close()
        self._agents = self._server = None
        self._turn.give_back()

    def _connect(self, _source: Source) -> Channel:
        return CommandChannel(self._words())

    def _words(self, *arguments: str) -> list[str]:
        """The command that runs the agent there: ssh hands its words to a shell, as one."""
        return [*shlex.split(self._command), shlex.join(("python3", *AGENT[1:], *arguments))]


class ExternalCluster(KubernetesCluster):
    """As ``KubernetesCluster``, with the command's host in the place of the scenario's."""

    def __init__(self, setup: Setup, client: CommandClient) -> None:
        super().__init__(replace(setup, outside=client))
        self._host = client
        self._stand_ins: dict[IPAddress, IPAddress] = {}

    def start(self, spec: ClusterSpec) -> ClusterInfo:
        """Begin afresh, and learn the host's address for each that it stands for."""
        info = super().start(spec)
        node = next(node for node in self.state().nodes if node.ips)
        own = {ip.version: ip for ip in node.ips}
        self._stand_ins = {
            ip: self._host.address_towards(own[ip.version])
            for host in spec.outside
            for ip in host.ips
            if ip.version in own
        }
        return info

    def apply(self, manifests: str) -> tuple[KubernetesObject, ...]:
        """As everywhere, but policies must not distinguish the host from the one it stands for."""
        applied = super().apply(manifests)
        check_alike(applied, self._stand_ins)
        return applied

    def probe(self, probes: Sequence[Probe]) -> tuple[Observation, ...]:
        """Ask all at once, the host outside by its own address."""
        real = {str(named): str(own) for named, own in self._stand_ins.items()}
        own = {own: named for named, own in real.items()}
        asked = [replace(probe, host=real.get(probe.host, probe.host)) for probe in probes]
        return tuple(
            as_asked(seen, probe, own)
            for seen, probe in zip(super().probe(asked), probes, strict=True)
        )


def check_alike(
    objects: Sequence[KubernetesObject], stand_ins: Mapping[IPAddress, IPAddress]
) -> None:
    """Raise UnsupportedError if a policy distinguishes an address from its stand-in."""
    for policy in objects:
        for block in _blocks(policy) if isinstance(policy, NetworkPolicy) else ():
            for named, own in stand_ins.items():
                if _holds(block, named) != _holds(block, own):
                    raise UnsupportedError(
                        f"needs a client at {named}: policy {policy.name} tells it from the "
                        f"external client's own address {own}"
                    )


def _blocks(policy: NetworkPolicy) -> Iterator[IPBlock]:
    for rule in (*policy.ingress, *policy.egress):
        for peer in rule.peers:
            if peer.ip_block is not None:
                yield peer.ip_block


def _holds(block: IPBlock, ip: IPAddress) -> bool:
    return ip in block.cidr and not any(ip in network for network in block.excepted)
