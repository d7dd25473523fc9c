"""No probe continues, in the eyes of connection tracking, what an earlier one began."""

from __future__ import annotations

import os
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


def test_the_copy_of_a_process_does_not_use_its_ports():
    begun = []
    for _ in range(3):  # the same port by chance: once in 64 * 10**12
        here, there = os.pipe()
        if os.fork() == 0:
            os.write(there, sockets._fresh_port().to_bytes(2, "big"))
            os._exit(0)
        os.wait()
        begun.append(int.from_bytes(os.read(here, 2), "big"))
        os.close(here)
        os.close(there)
    assert len(set(begun)) > 1
    assert sockets._fresh_port() not in begun


def test_a_port_that_a_server_of_the_pod_holds_is_passed_over(monkeypatch):
    with bound(4) as server:
        taken = server.getsockname()[1]
        ports = iter([taken, taken, taken + 1])
        monkeypatch.setattr(sockets, "_fresh_port", lambda: next(ports))
        with bound(4) as opened:
            assert opened.getsockname()[1] == taken + 1
