"""Testing the probes themselves, on machines of their own beside the cluster: for each tool and
protocol one server that answers, and one that would, were its packets not dropped.
"""

from __future__ import annotations

from contextlib import closing
from functools import partial
from ipaddress import ip_address

from netpol_conformance.clusters.base import OutsideHost
from netpol_conformance.clusters.embedded.machines import Machines
from netpol_conformance.enforcer.apply import Nft
from netpol_conformance.model.objects import IPAddress, Protocol, SourceKind
from netpol_conformance.probe.ask import Ask
from netpol_conformance.probe.netns import Enter
from netpol_conformance.probe.selftest import checked
from netpol_conformance.probe.servers import OwnServers
from netpol_conformance.probe.verdict import Probe, SelfCheck, Source, Tool

_OPEN, _DROPPED = 80, 81
# Of the networks set aside for measuring (RFC 2544, RFC 5180): no scenario's hosts are there.
_CLIENT: dict[int, IPAddress] = {4: ip_address("198.18.0.1"), 6: ip_address("2001:2::1")}
_SERVER: dict[int, IPAddress] = {4: ip_address("198.18.0.2"), 6: ip_address("2001:2::2")}
_NAMES = ("self-test-client", "self-test-server")
_DROP = f"""\
table inet selftest {{
  chain input {{
    type filter hook input priority 0; policy accept;
    th dport {_DROPPED} drop
  }}
}}
"""
_ASKED = (
    (Tool.WGET, Protocol.TCP),
    (Tool.SOCKET, Protocol.TCP),
    (Tool.SOCKET, Protocol.UDP),
    (Tool.SOCKET, Protocol.SCTP),
)


async def run(machines: Machines, enter: Enter, ask: Ask) -> tuple[SelfCheck, ...]:
    """Ask all at once, and remove the machines again. Raises OSError, NftError."""
    client, server = _NAMES
    ports = [(port, kind) for port in (_OPEN, _DROPPED) for kind in Protocol]
    there = Source(SourceKind.OUTSIDE, server)
    serving = OwnServers(
        str(there), ports, families=machines.families, inside=partial(enter, there)
    )
    machines.add_outside(OutsideHost(client, _ips(machines, _CLIENT)))
    machines.add_outside(OutsideHost(server, _ips(machines, _SERVER)))
    try:
        with enter(there):
            firewall = Nft()
        with closing(firewall):
            firewall.run(_DROP)
        await serving.start()
        host = str(_ips(machines, _SERVER)[0])
        asked = Probe(Source(SourceKind.OUTSIDE, client), host, _OPEN, frozenset({str(there)}))
        return await checked(asked, _DROPPED, _ASKED, ask)
    finally:
        await serving.stop()
        for name in _NAMES:
            machines.remove_outside(name)


def _ips(machines: Machines, of: dict[int, IPAddress]) -> tuple[IPAddress, ...]:
    return tuple(of[family] for family in machines.families)
