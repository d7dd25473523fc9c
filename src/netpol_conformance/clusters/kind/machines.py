"""The machines outside a kind cluster: containers on its network, with addresses as asked for.

All scenarios of a run share them, from several processes too. So a machine is named by its
addresses, is made by whoever needs it first, stays until the run's end, and every change is one
that may be made twice.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Collection, Sequence
from functools import cached_property, partial
from ipaddress import ip_address, ip_network
from pathlib import Path

from netpol_conformance.clusters.base import OutsideHost
from netpol_conformance.clusters.kind import wiring
from netpol_conformance.clusters.kind.leftovers import CONTAINER_LABEL
from netpol_conformance.clusters.kind.tools import ToolError, run
from netpol_conformance.clusters.kind.wiring import End
from netpol_conformance.clusters.kubernetes.public import AGENT, require
from netpol_conformance.clusters.serving import server_words
from netpol_conformance.model.objects import IPAddress, IPNetwork, Node

_DOCKER = 60.0
"""Seconds that any docker command may take."""
_START = 20.0
"""Seconds until a machine runs, and a server on it answers."""
_LOOK_AGAIN = 0.1
_FOREVER = str(2**31 - 1)
_SETTINGS = {4: "net.ipv4.conf.all.rp_filter=0", 6: "net.ipv6.conf.all.disable_ipv6=0"}


class Machines:
    """The machines outside the cluster ``cluster``, of the suite's ``image``.

    Every method raises ClusterError.
    """

    def __init__(self, cluster: str, docker: Path, image: str, nodes: Sequence[Node]) -> None:
        self._cluster = cluster
        self._docker = docker
        self._image = image
        self._nodes = tuple(nodes)
        self._ready: set[str] = set()
        self._served: set[tuple[str, int]] = set()

    def identity(self, host: OutsideHost) -> str:
        """What the servers on this host call themselves: others may be this host too."""
        return f"outside/{_slug(host)}"

    def container(self, host: OutsideHost) -> str:
        """The container that is this host."""
        return f"{self._cluster}-outside-{_slug(host)}"

    def node(self, names: Collection[str]) -> Node | None:
        """The first node among those named."""
        return next((node for node in self._nodes if node.name in names), None)

    def agent(self, host: OutsideHost) -> list[str]:
        """The command whose standard input and output lead to the agent on this host."""
        return [str(self._docker), "exec", "--interactive", self.container(host), *AGENT]

    def start(self, host: OutsideHost) -> None:
        """See that the host is there, routed both ways, with servers on its ports."""
        container = self.container(host)
        if container not in self._ready:
            self._make(container, host.ips)
            self._connect(container, host.ips)
            self._ready.add(container)
        for port in host.ports:
            if (container, port) not in self._served:
                self._serve(host, port)
                self._served.add((container, port))

    def route(self, host: OutsideHost, target: IPAddress, entry: Node) -> None:
        """Have the host reach ``target``, a LoadBalancer's address, by the node ``entry``."""
        container = self.container(host)
        machine = self._end(container, host.ips)
        self._shell(container, wiring.of_entry(machine, self._ends[entry.name], target))

    def remove(self) -> None:
        """Remove all machines of the cluster, and what leads to them from the nodes."""
        label = f"label={CONTAINER_LABEL}={self._cluster}"
        machines = self._run("ps", "--all", "--quiet", "--filter", label).split()
        if not machines:
            return
        self._run("rm", "--force", "--volumes", *machines)
        for node in self._nodes:
            with contextlib.suppress(ToolError):  # a node that is gone knows none
                self._shell(node.name, wiring.without_link())

    def networks(self) -> tuple[IPNetwork, ...]:
        """The subnets of Docker's network that the nodes are on, one for each of their families."""
        text = self._run("network", "inspect", "--format", "{{json .IPAM.Config}}", self._network)
        subnets = [ip_network(entry["Subnet"]) for entry in json.loads(text)]
        families = {ip.version for ip in self._nodes[0].ips}
        return tuple({net.version: net for net in subnets if net.version in families}.values())

    # -- making one ------------------------------------------------------------------------------

    def _make(self, container: str, ips: Sequence[IPAddress]) -> None:
        words = ["run", "--detach", "--init", "--name", container, "--network", self._network]
        words += ["--label", f"{CONTAINER_LABEL}={self._cluster}"]
        words += ["--cap-add", "NET_ADMIN"]
        families = sorted({ip.version for ip in ips})
        words += [word for family in families for word in ("--sysctl", _SETTINGS[family])]
        words += ["--entrypoint", "/bin/busybox", self._image, "sleep", _FOREVER]
        try:
            self._run(*words)
        except ToolError as error:
            if "already in use" not in error.output:
                raise
            running = partial(self._is_running, container)
            require(running, f"{container} to start", _START, _LOOK_AGAIN)

    def _connect(self, container: str, ips: Sequence[IPAddress]) -> None:
        """Give it its addresses, and tunnels between it and every node."""
        machine = self._end(container, ips)
        for node in self._nodes:
            self._shell(node.name, wiring.of_node(self._ends[node.name], machine))
        self._shell(container, wiring.of_machine(machine, list(self._ends.values())))

    def _serve(self, host: OutsideHost, port: int) -> None:
        """Answer on a port, unless somebody does already; wait until the answer is right."""
        container, identity = self.container(host), self.identity(host)
        words = server_words(host, identity, [port])
        self._run("exec", "--detach", container, *AGENT, *words)
        answers = partial(self._answers, container, host.ips[0], port, identity)
        require(answers, f"{container} to answer on port {port}", _START, _LOOK_AGAIN)

    def _answers(self, container: str, address: IPAddress, port: int, identity: str) -> bool:
        host = f"[{address}]" if address.version == 6 else str(address)
        ask = f"/bin/busybox wget -S --spider -T 1 http://{host}:{port}/ 2>&1"
        try:
            return f": {identity}\n" in self._run(
                "exec", container, "/bin/busybox", "sh", "-c", ask
            )
        except ToolError:
            return False

    def _is_running(self, container: str) -> bool:
        return self._run("inspect", "--format", "{{.State.Running}}", container).strip() == "true"

    # -- asking docker ---------------------------------------------------------------------------

    @cached_property
    def _network(self) -> str:
        """Docker's network that the nodes are on."""
        return next(iter(self._networks(self._nodes[0].name)))

    @cached_property
    def _ends(self) -> dict[str, End]:
        """The nodes as ends of tunnels, by their containers."""
        return {node.name: self._end(node.name, node.ips, node.pod_cidrs) for node in self._nodes}

    def _end(
        self, container: str, ips: Sequence[IPAddress], networks: Sequence[IPNetwork] = ()
    ) -> End:
        found = self._networks(container)[self._network]
        transport = ip_address(found["IPAddress"] or found["GlobalIPv6Address"])
        return End(transport, tuple(ips), tuple(networks))

    def _networks(self, container: str) -> dict[str, dict[str, str]]:
        text = self._run("inspect", "--format", "{{json .NetworkSettings.Networks}}", container)
        networks: dict[str, dict[str, str]] = json.loads(text)
        return networks

    def _shell(self, container: str, script: str) -> None:
        self._run("exec", "--interactive", container, "sh", given=script)

    def _run(self, *words: str, given: str = "") -> str:
        return run([self._docker, *words], given=given, timeout=_DOCKER)


def _slug(host: OutsideHost) -> str:
    """The host's addresses as a part of a name."""
    return "-".join(str(ip).replace(":", "-").replace(".", "-") for ip in host.ips)
