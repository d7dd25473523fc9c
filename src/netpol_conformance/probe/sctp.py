"""SCTP packets of one chunk, as bytes: enough to ask for an association, and to answer.

No association is ever made: an INIT and its answer tell what policy does with SCTP, and need no
SCTP in the kernel. RFC 9260 section 3 gives the formats, its appendix A the checksum.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum


class Chunk(IntEnum):
    """The chunk types used here (RFC 9260, 3.2)."""

    INIT = 1
    INIT_ACK = 2
    ABORT = 6


_STATE_COOKIE = 7
_HEADER = struct.Struct("!HHII")
_CHUNK = struct.Struct("!BBH")
_INIT = struct.Struct("!IIHHI")
_WINDOW = 65_536
_STREAMS = 1
_TAG_REFLECTED = 1
_CASTAGNOLI = 0x82F63B78


def _crc_table() -> tuple[int, ...]:
    table = []
    for byte in range(256):
        crc = byte
        for _ in range(8):
            crc = (crc >> 1) ^ (_CASTAGNOLI if crc & 1 else 0)
        table.append(crc)
    return tuple(table)


_TABLE = _crc_table()


def crc32c(data: bytes) -> int:
    """The CRC-32C of ``data``."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = (crc >> 8) ^ _TABLE[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class Packet:
    """One packet with its first chunk.

    ``tag`` is the verification tag of the header, ``initiate_tag`` the one that an INIT or
    INIT ACK asks its receiver to use, ``cookie`` an INIT ACK's state cookie.
    """

    source_port: int
    destination_port: int
    tag: int
    chunk: Chunk
    initiate_tag: int = 0
    cookie: bytes = b""

    def encode(self) -> bytes:
        """The packet as sent on the wire, checksum included."""
        body = self._body()
        flags = _TAG_REFLECTED if self.chunk is Chunk.ABORT else 0
        chunk = _CHUNK.pack(self.chunk, flags, _CHUNK.size + len(body)) + _padded(body)
        ports = (self.source_port, self.destination_port, self.tag)
        # The checksum alone of all fields is sent least significant byte first.
        checksum = struct.unpack(">I", struct.pack("<I", crc32c(_HEADER.pack(*ports, 0) + chunk)))
        return _HEADER.pack(*ports, *checksum) + chunk

    def _body(self) -> bytes:
        if self.chunk is Chunk.ABORT:
            return b""
        body = _INIT.pack(self.initiate_tag, _WINDOW, _STREAMS, _STREAMS, self.initiate_tag)
        if self.chunk is Chunk.INIT_ACK:
            header = struct.pack("!HH", _STATE_COOKIE, 4 + len(self.cookie))
            body += header + self.cookie
        return body


def decode(data: bytes) -> Packet | None:
    """The packet that ``data`` is; None for a damaged one or one of no use here."""
    if len(data) < _HEADER.size + _CHUNK.size:
        return None
    source_port, destination_port, tag, _ = _HEADER.unpack_from(data)
    blank = data[: _HEADER.size - 4] + bytes(4) + data[_HEADER.size :]
    if data[_HEADER.size - 4 : _HEADER.size] != struct.pack("<I", crc32c(blank)):
        return None
    kind, _, length = _CHUNK.unpack_from(data, _HEADER.size)
    body = data[_HEADER.size + _CHUNK.size : _HEADER.size + length]
    if kind == Chunk.ABORT:
        return Packet(source_port, destination_port, tag, Chunk.ABORT)
    if kind not in {Chunk.INIT, Chunk.INIT_ACK} or len(body) < _INIT.size:
        return None
    initiate_tag = _INIT.unpack_from(body)[0]
    cookie = _cookie(body[_INIT.size :])
    return Packet(source_port, destination_port, tag, Chunk(kind), initiate_tag, cookie)


def payload(datagram: bytes, family: int) -> bytes:
    """What follows the IP header, which a raw IPv4 socket delivers and an IPv6 one does not."""
    return datagram[(datagram[0] & 0xF) * 4 :] if family == 4 and datagram else datagram


def _cookie(parameters: bytes) -> bytes:
    while len(parameters) >= 4:
        kind, length = struct.unpack_from("!HH", parameters)
        if kind == _STATE_COOKIE:
            return parameters[4:length]
        parameters = parameters[max(4, length + -length % 4) :]
    return b""


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)
