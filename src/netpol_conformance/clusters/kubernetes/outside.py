"""What a cluster needs from beyond it: clients outside, and addresses for load balancers."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import Protocol

from netpol_conformance.clusters.base import OutsideHost, UnsupportedError
from netpol_conformance.clusters.kubernetes.pods import AGENT
from netpol_conformance.clusters.kubernetes.streams import Agents, Channel, CommandChannel
from netpol_conformance.model.objects import IPAddress
from netpol_conformance.probe.verdict import Observation, Probe, Source


class OutsideClients(Protocol):
    """Hosts outside the cluster, for one scenario at a time."""

    def start(self, hosts: Sequence[OutsideHost]) -> None:
        """Have these hosts and no others, serving on their ports.

        Raises UnsupportedError for what cannot be had, ClusterError for what fails.
        """

    def probe(self, probes: Sequence[Probe]) -> Sequence[Observation]:
        """Ask all at once, each from its source; one observation a probe, in order."""

    def close(self) -> None:
        """Remove all that was made. Safe to call twice, and without a start."""


class LoadBalancer(Protocol):
    """Gives Services of type LoadBalancer an address, where the cluster itself does not."""

    def addresses(self, service: str) -> Sequence[IPAddress]:
        """The addresses of a Service, always the same for the same one.

        ``service`` is its namespace and name in the cluster. Raises ClusterError if none is left.
        """

    def release(self, service: str) -> None:
        """Take the Service's addresses back."""


class CommandClient:
    """One host that a command reaches, ``ssh host`` say, with the suite installed there.

    It stands for any host of a scenario's that needs no address and no server of its own.
    """

    def __init__(self, command: str) -> None:
        self._command = [*shlex.split(command), shlex.join(("python3", *AGENT[1:]))]
        self._agents: Agents | None = None

    def start(self, hosts: Sequence[OutsideHost]) -> None:
        """See to it that the host can stand for those asked for."""
        self.close()
        if any(host.ports for host in hosts):
            raise UnsupportedError("needs a server outside the cluster, and has but a client")
        if len(hosts) > 1:
            raise UnsupportedError("needs several hosts outside the cluster, and has but one")
        self._agents = Agents(self._connect)

    def probe(self, probes: Sequence[Probe]) -> Sequence[Observation]:
        """Ask all at once from the host."""
        assert self._agents is not None, "start() comes first"
        return self._agents.ask(probes)

    def close(self) -> None:
        """End the agent there."""
        if self._agents is not None:
            self._agents.close()
            self._agents = None

    def _connect(self, _source: Source) -> Channel:
        return CommandChannel(self._command)
