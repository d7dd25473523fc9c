"""rtnetlink, as little as links, addresses and routes need: requests are packed here and many go
to the kernel in one message, which is what makes a cluster quick to start.

Indexes of links are chosen by the caller, so that no request waits for the answer to another.
Attributes bear the names of linux/if_link.h, linux/if_addr.h, linux/rtnetlink.h and linux/veth.h;
see rtnetlink(7) and veth(4).
"""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Sequence
from ipaddress import ip_network

from netpol_conformance.model.objects import IPAddress, IPNetwork

LOOPBACK = 1
"""The index of ``lo`` in every namespace."""

_NEWLINK, _SETLINK, _NEWADDR, _NEWROUTE, _DELROUTE = 16, 19, 20, 24, 25
_NLMSG_ERROR = 2
_REQUEST, _ACK, _EXCL, _CREATE, _REPLACE = 0x1, 0x4, 0x200, 0x400, 0x100
_UP, _NOARP = 0x1, 0x80
_NODAD = 0x2
_ONLINK = 0x4
_TABLE_MAIN, _STATIC = 254, 4
_UNIVERSE, _LINK, _HOST, _ANY = 0, 253, 254, 255
_UNICAST = 1
_IPV4_DEVCONF_FORWARDING = 1
_IFLA_ADDRESS, _IFLA_IFNAME, _IFLA_LINKINFO = 1, 3, 18
_IFLA_AF_SPEC, _IFLA_NET_NS_FD = 26, 28
_IFLA_NUM_TX_QUEUES, _IFLA_NUM_RX_QUEUES = 31, 32
_IFLA_INFO_KIND, _IFLA_INFO_DATA = 1, 2
_IFLA_INET_CONF = 1
_VETH_INFO_PEER = 1
_IFA_ADDRESS, _IFA_LOCAL = 1, 2
_RTA_DST, _RTA_OIF, _RTA_GATEWAY = 1, 4, 5
_BATCH_BYTES = 32 * 1024
# Both ends of every pair have one and the same address and ask for none: a packet to "the
# neighbour" then is a packet to the other end, whatever the neighbour's IP address, with no ARP,
# no neighbour discovery, and none of the packets that are lost while those are under way.
_MAC = bytes.fromhex("020000000001")


class Netlink:
    """An rtnetlink socket of the network namespace in which it is constructed.

    Requests gather until ``commit``. Raises OSError.
    """

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
        self._requests: list[tuple[str, bytes]] = []
        self._sequence = 0

    def close(self) -> None:
        """Close the socket; what was not committed is forgotten."""
        self._socket.close()

    def up(self, index: int) -> None:
        """Set a link up; ``lo`` too is down in a new namespace."""
        body = struct.pack("=BxHiII", 0, 0, index, _UP, _UP)
        self._add(f"set link {index} up", _NEWLINK, 0, body)

    def forward(self, index: int) -> None:
        """Let IPv4 that comes in by link ``index`` be forwarded: the sysctl without /proc/sys."""
        forwarding = _attribute(_IPV4_DEVCONF_FORWARDING, struct.pack("=I", 1))
        settings = _attribute(socket.AF_INET, _attribute(_IFLA_INET_CONF, forwarding))
        body = struct.pack("=BxHiII", 0, 0, index, 0, 0) + _attribute(_IFLA_AF_SPEC, settings)
        self._add(f"let link {index} forward", _SETLINK, 0, body)

    def veth(self, name: str, index: int, peer: str, peer_index: int, namespace: int) -> None:
        """A pair of links: ``name`` here, up; ``peer`` in the namespace of that descriptor, where
        it is still to be set up (the kernel refuses that while the pair is being made).
        """
        there = _link_body(peer_index, peer, 0) + _attribute(
            _IFLA_NET_NS_FD, struct.pack("=i", namespace)
        )
        information = _attribute(_IFLA_INFO_KIND, b"veth")
        information += _attribute(_IFLA_INFO_DATA, _attribute(_VETH_INFO_PEER, there))
        body = _link_body(index, name, _UP) + _attribute(_IFLA_LINKINFO, information)
        self._add(f"create link {name}", _NEWLINK, _CREATE | _EXCL, body)

    def address(self, ip: IPAddress, index: int) -> None:
        """Give link ``index`` an address that is its own network (/32, /128)."""
        scope = _HOST if ip.is_loopback else _UNIVERSE
        body = struct.pack("=BBBBI", _family(ip), ip.max_prefixlen, _NODAD, scope, index)
        body += _attribute(_IFA_LOCAL, ip.packed) + _attribute(_IFA_ADDRESS, ip.packed)
        self._add(f"add address {ip}", _NEWADDR, _CREATE | _EXCL, body)

    def route(
        self, to: IPAddress | IPNetwork, index: int, gateway: IPAddress | None = None
    ) -> None:
        """Route ``to`` through link ``index``, replacing the route there may be.

        ``gateway`` need not exist: all that leaves a link reaches its other end. It keeps the
        kernel's table of neighbours (one for the whole machine) small.
        """
        scope = _UNIVERSE if gateway or to.version == 6 else _LINK
        body = _route_body(to, index, scope, gateway)
        self._add(f"route {to}", _NEWROUTE, _CREATE | _REPLACE, body)

    def unroute(self, to: IPAddress | IPNetwork, index: int) -> None:
        """Remove the route of ``to`` through link ``index``."""
        self._add(f"remove route {to}", _DELROUTE, 0, _route_body(to, index, _ANY, None))

    def commit(self) -> None:
        """Let the kernel do all requests, in order; raises OSError naming the first that failed."""
        requests, self._requests = self._requests, []
        while requests:
            batch, size = 0, 0
            while batch < len(requests) and size < _BATCH_BYTES:
                size += len(requests[batch][1])
                batch += 1
            self._send(requests[:batch])
            requests = requests[batch:]

    def _add(self, what: str, kind: int, flags: int, body: bytes) -> None:
        header = struct.pack("=IHHII", 16 + len(body), kind, _REQUEST | flags, 0, 0)
        self._requests.append((what, header + body))

    def _send(self, batch: Sequence[tuple[str, bytes]]) -> None:
        first = self._sequence + 1
        messages = bytearray()
        for what, message in batch:
            self._sequence += 1
            numbered = bytearray(message)
            struct.pack_into("=I", numbered, 8, self._sequence)
            if what is batch[-1][0]:
                # Failures are always told; one success is asked for, to know the end.
                (flags,) = struct.unpack_from("=H", numbered, 6)
                struct.pack_into("=H", numbered, 6, flags | _ACK)
            messages += numbered
        self._socket.send(messages)
        failure: OSError | None = None
        for sequence, error in self._answers():
            if error and failure is None:
                what = batch[sequence - first][0]
                failure = OSError(error, f"cannot {what}: {os.strerror(error)}")
            if sequence == self._sequence:
                break
        if failure is not None:
            raise failure

    def _answers(self) -> Sequence[tuple[int, int]]:
        answers: list[tuple[int, int]] = []
        while not answers or answers[-1][0] != self._sequence:
            data = self._socket.recv(65536)
            while data:
                length, kind, _flags, sequence, _port = struct.unpack_from("=IHHII", data)
                if kind == _NLMSG_ERROR:
                    (error,) = struct.unpack_from("=i", data, 16)
                    answers.append((sequence, -error))
                data = data[(length + 3) & ~3 :]
        return answers


def _family(ip: IPAddress | IPNetwork) -> int:
    return socket.AF_INET if ip.version == 4 else socket.AF_INET6


def _attribute(kind: int, value: bytes) -> bytes:
    return struct.pack("=HH", 4 + len(value), kind) + value + b"\0" * (-len(value) % 4)


def _link_body(index: int, name: str, state: int) -> bytes:
    flags = _NOARP | state
    body = struct.pack("=BxHiII", 0, 0, index, flags, flags)
    one_queue = struct.pack("=I", 1)
    return (
        body
        + _attribute(_IFLA_IFNAME, name.encode() + b"\0")
        + _attribute(_IFLA_ADDRESS, _MAC)
        + _attribute(_IFLA_NUM_TX_QUEUES, one_queue)
        + _attribute(_IFLA_NUM_RX_QUEUES, one_queue)
    )


def _route_body(
    to: IPAddress | IPNetwork, index: int, scope: int, gateway: IPAddress | None
) -> bytes:
    network = ip_network(to)
    body = struct.pack(
        "=BBBBBBBBI",
        _family(to),
        network.prefixlen,
        0,
        0,
        _TABLE_MAIN,
        _STATIC,
        scope,
        _UNICAST,
        _ONLINK if gateway else 0,
    )
    if network.prefixlen:
        body += _attribute(_RTA_DST, network.network_address.packed)
    body += _attribute(_RTA_OIF, struct.pack("=I", index))
    if gateway:
        body += _attribute(_RTA_GATEWAY, gateway.packed)
    return body
