"""No probe continues, in the eyes of connection tracking, what an earlier one began."""

from __future__ import annotations

import socket

import pytest

from netpol_conformance.model.objects import Protocol
from netpol_conformance.probe import sockets


def bound(family: int) -> socket.socket:
    opened = sockets.open_socket(Protocol.UDP, family)
    sockets.bind_afresh(opened, family)
    return opened


@pytest.mark.parametrize("family", [4, 6])
def test_no_source_port_comes_again_soon(family):
    ports = []
    for _ in range(2_000):
        with bound(family) as opened:
            ports.append(opened.getsockname()[1])
    assert len(set(ports)) == len(ports)


def test_a_port_that_a_server_of_the_pod_holds_is_passed_over(monkeypatch):
    with bound(4) as server:
        taken = server.getsockname()[1]
        ports = iter([taken, taken, taken + 1])
        monkeypatch.setattr(sockets, "_fresh_port", lambda: next(ports))
        with bound(4) as opened:
            assert opened.getsockname()[1] == taken + 1
