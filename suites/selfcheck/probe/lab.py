"""Two hosts on a cable, in network namespaces of their own, and everything asked between them.

Run as the first process of new user, mount, pid and network namespaces; prints JSON: the verdict,
identity and output of each question by its name, and how many children were left unreaped.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import subprocess
import sys
from contextlib import AbstractContextManager
from pathlib import Path

from dnslib import QTYPE, RCODE, RR, A, DNSRecord

from netpol_conformance.model.objects import Protocol, SourceKind
from netpol_conformance.probe.ask import ask_all
from netpol_conformance.probe.child import Child, reap_orphans
from netpol_conformance.probe.netns import CLONE_NEWNET, Enter, current, inside, setns, unshare
from netpol_conformance.probe.servers import OwnServers
from netpol_conformance.probe.verdict import Observation, Probe, Source, Tool, Verdict

IDENTITY = "default/server"
OPEN, CLOSED, DROPPED, UNREACHABLE, PROHIBITED, RESET = 8080, 8081, 9001, 9002, 9003, 9004
LATE = 8082
CLIENT = {4: "10.0.0.1", 6: "fd00::1"}
ADDRESSES = {4: "10.0.0.2", 6: "fd00::2"}
SECOND = {4: "10.0.0.3", 6: "fd00::3"}
RULES = f"""
table inet lab {{
  set seen {{ type inet_service; flags dynamic; size 1000; }}
  chain input {{
    type filter hook input priority filter
    meta l4proto {{ tcp, udp, sctp }} th dport {DROPPED} drop
    meta l4proto {{ tcp, udp, sctp }} th dport {UNREACHABLE} reject with icmpx port-unreachable
    meta l4proto {{ tcp, udp, sctp }} th dport {PROHIBITED} reject with icmpx admin-prohibited
    tcp dport {RESET} reject with tcp reset
    tcp dport {LATE} tcp sport != @seen add @seen {{ tcp sport }} drop
  }}
}}
"""


def run(command: str, text: str = "") -> None:
    subprocess.run(command.split(), input=text, text=True, check=True)


def lay_cable() -> dict[str, int]:
    """The two hosts' network namespaces, by name; this thread stays with the client."""
    client = current(CLONE_NEWNET)
    unshare(CLONE_NEWNET)
    server = current(CLONE_NEWNET)
    holder = Child(["/bin/sleep", "infinity"], environment={})
    setns(client, CLONE_NEWNET)
    run(f"ip link add cable type veth peer name cable netns {holder.pid}")
    for fd, last in ((client, ("1",)), (server, ("2", "3"))):
        with inside(fd):
            for digit in last:
                run(f"ip addr add 10.0.0.{digit}/24 dev cable")
                run(f"ip addr add fd00::{digit}/64 dev cable nodad")
            run("ip link set lo up")
            run("ip link set cable up")
    with inside(server):
        run("nft -f -", RULES)
        for name in ("ipv4/icmp_ratelimit", "ipv6/icmp/ratelimit"):
            with contextlib.suppress(OSError):
                Path("/proc/sys/net", name).write_text("0")
    holder.close()
    return {"client": client, "server": server}


def questions() -> dict[str, Probe]:
    asked = {}
    client = Source(SourceKind.POD, "client", "default")
    ports = {"open": OPEN, "closed": CLOSED, "dropped": DROPPED}
    ports |= {"unreachable": UNREACHABLE, "prohibited": PROHIBITED, "reset": RESET}
    me = frozenset({IDENTITY})
    for family, address in ADDRESSES.items():
        for protocol in Protocol:
            for name, port in ports.items():
                asked[f"{protocol} {family} {name}"] = Probe(client, address, port, me, protocol)
            asked[f"{protocol} {family} second"] = Probe(client, SECOND[family], OPEN, me, protocol)
        asked[f"TCP {family} late"] = Probe(client, address, LATE, me, timeout=10)
    for tool in Tool:
        for host in ("10.9.9.9", "server", "nosuch", "silent"):
            asked[f"{tool} {host}"] = Probe(client, host, OPEN, me, tool=tool)
        asked[f"{tool} dropped"] = Probe(client, ADDRESSES[4], DROPPED, me, tool=tool)
    return asked


def questions_to_nobody() -> dict[str, Probe]:
    """Of a host without SCTP: asked alone, as a raw socket that is open there hides that."""
    server = Source(SourceKind.POD, "server", "default")
    return {
        f"SCTP {family} nobody": Probe(server, address, OPEN, frozenset(), Protocol.SCTP)
        for family, address in CLIENT.items()
    }


class NameServer(asyncio.DatagramProtocol):
    """Knows one name, keeps silent on another, denies all else."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, sender: tuple[str, int]) -> None:
        question = DNSRecord.parse(data)
        name, answer = str(question.q.qname), question.reply()
        if name.startswith("silent"):
            return
        if name != "server.default.svc.cluster.local.":
            answer.header.rcode = RCODE.NXDOMAIN
        elif question.q.qtype == QTYPE.A:
            answer.add_answer(RR(name, QTYPE.A, rdata=A(ADDRESSES[4])))
        self.transport.sendto(answer.pack(), sender)


async def ask(namespaces: dict[str, int]) -> dict[str, list[str | None]]:
    def enter(source: Source) -> AbstractContextManager[None]:
        return inside(namespaces[source.name])

    server = OwnServers(
        IDENTITY,
        [(LATE, Protocol.TCP), *((OPEN, protocol) for protocol in Protocol)],
        families=(4, 6),
        inside=lambda: inside(namespaces["server"]),
    )
    await server.start()
    with inside(namespaces["server"]):
        name_server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    name_server.bind((ADDRESSES[4], 53))
    await asyncio.get_running_loop().create_datagram_endpoint(NameServer, sock=name_server)
    seen: list[Observation] = []
    await until_connected(enter)
    for asked in (questions(), questions_to_nobody()):
        seen += await ask_all(list(asked.values()), enter)
    await server.stop()
    names = [*questions(), *questions_to_nobody()]
    return {
        name: [each.verdict, each.identity, each.output, each.resent]
        for name, each in zip(names, seen, strict=True)
    }


async def until_connected(enter: Enter) -> None:
    """A new cable may lose its first packets, and IPv6 asks again only 1 s later."""
    ways = [probe for name, probe in questions().items() if name.endswith(("open", "second"))]
    for _ in range(10):
        seen = await ask_all(ways, enter)
        if all(each.verdict is Verdict.CONNECTED for each in seen):
            return
    raise AssertionError([(each.probe.host, each.verdict, each.output) for each in seen])


def unreaped() -> int:
    """The zombies left when all that was left behind has ended."""
    while True:
        try:
            ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOWAIT)
        except ChildProcessError:
            return 0
        reap_orphans()
        with contextlib.suppress(ChildProcessError):
            if ended and os.waitid(os.P_PID, ended.si_pid, os.WEXITED | os.WNOWAIT | os.WNOHANG):
                return 1


def main() -> None:
    resolv = Path(sys.argv[1])
    resolv.write_text(
        f"nameserver {ADDRESSES[4]}\n"
        "search default.svc.cluster.local svc.cluster.local\noptions ndots:5\n"
    )
    run(f"mount --bind {resolv} /etc/resolv.conf")
    answers = asyncio.run(ask(lay_cable()))
    print(json.dumps({"answers": answers, "unreaped": unreaped()}))


if __name__ == "__main__":
    main()
