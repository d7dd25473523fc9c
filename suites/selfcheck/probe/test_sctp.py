"""SCTP packets: the checksum, the round trip, and whatever else arrives."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netpol_conformance.probe.sctp import Chunk, Packet, crc32c, decode, payload

_PORTS = st.integers(0, 65_535)
_TAGS = st.integers(0, 2**32 - 1)


@st.composite
def packets(draw) -> Packet:
    chunk = draw(st.sampled_from(Chunk))
    return Packet(
        draw(_PORTS),
        draw(_PORTS),
        draw(_TAGS),
        chunk,
        initiate_tag=0 if chunk is Chunk.ABORT else draw(_TAGS),
        cookie=draw(st.binary(max_size=130)) if chunk is Chunk.INIT_ACK else b"",
    )


def test_the_checksum_is_crc32c() -> None:
    # The check value of the CRC catalogue, and the 32 zeros of RFC 3720, B.4.
    assert crc32c(b"123456789") == 0xE3069283
    assert crc32c(bytes(32)) == 0x8A9136AA


@given(packets())
@settings(deadline=None, max_examples=50)
def test_a_packet_survives_the_wire(packet: Packet) -> None:
    encoded = packet.encode()
    assert len(encoded) % 4 == 0
    assert decode(encoded) == packet


@given(packets(), st.data())
@settings(deadline=None, max_examples=50)
def test_a_damaged_packet_is_none(packet: Packet, data) -> None:
    encoded = bytearray(packet.encode())
    at = data.draw(st.integers(0, len(encoded) - 1))
    encoded[at] ^= data.draw(st.integers(1, 255))
    assert decode(bytes(encoded)) is None


@given(st.binary(max_size=200))
@settings(deadline=None, max_examples=50)
def test_noise_is_none(noise: bytes) -> None:
    assert decode(noise) is None
    assert decode(payload(noise, 4)) is None


@pytest.mark.parametrize("words", [5, 15])
def test_the_header_that_ipv4_delivers_is_taken_off(words: int) -> None:
    packet = Packet(16_500, 80, 0, Chunk.INIT, initiate_tag=7).encode()
    header = bytes([0x40 | words]) + bytes(words * 4 - 1)
    assert payload(header + packet, 4) == packet
    assert payload(packet, 6) == packet
