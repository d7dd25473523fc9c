"""Servers that say who they are: ours, nginx and busybox httpd."""

from __future__ import annotations

import asyncio
import shutil
import socket
from pathlib import Path

import pytest

from netpol_conformance.model.objects import Protocol
from netpol_conformance.probe import webservers
from netpol_conformance.probe.servers import OwnServers
from netpol_conformance.probe.webservers import Httpd, Nginx

from .helping import LOOPBACK, ME, free_ports, script

BUSYBOX = shutil.which("busybox") or ""
NGINX = webservers.find_nginx() or ""
needs_busybox = pytest.mark.skipif(not BUSYBOX, reason="needs busybox")
needs_nginx = pytest.mark.skipif(not NGINX, reason="needs nginx")


async def say(port: int, text: str) -> str:
    reader, writer = await asyncio.open_connection(LOOPBACK, port)
    for piece in text:  # in pieces, as a network may deliver it
        writer.write(piece.encode())
        await writer.drain()
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answer.decode()


async def served(server, *questions) -> list[str]:
    await server.start()
    try:
        return [await say(*question) for question in questions]
    finally:
        await server.stop()


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
def test_http(method: str) -> None:
    (port,) = free_ports(1)
    server = OwnServers(ME, [(port, Protocol.TCP)])
    question = (port, f"{method} /any HTTP/1.1\r\nHost: x\r\n\r\n")
    (answer,) = asyncio.run(served(server, question))
    head, _, body = answer.partition("\r\n\r\n")
    assert head.startswith("HTTP/1.1 200 OK\r\n")
    assert f"X-Served-By: {ME}" in head.split("\r\n")
    assert body == ("" if method == "HEAD" else f"{ME}\n")


def test_udp_answers_from_the_address_it_was_asked_at() -> None:
    (port,) = free_ports(1)

    async def echo() -> list[tuple[bytes, tuple[str, int]]]:
        server = OwnServers(ME, [(port, Protocol.UDP)])
        await server.start()
        loop, answers = asyncio.get_running_loop(), []
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
            asking.setblocking(False)
            for host in (LOOPBACK, "127.0.0.77"):
                await loop.sock_sendto(asking, b"hello", (host, port))
                answers.append(await loop.sock_recvfrom(asking, 100))
        await server.stop()
        return answers

    expected = f"{ME}\nhello".encode()
    assert asyncio.run(echo()) == [
        (expected, (LOOPBACK, port)),
        (expected, ("127.0.0.77", port)),
    ]


def test_a_port_in_use_is_named_and_nothing_is_served() -> None:
    free, _ = free_ports(2)
    with socket.create_server(("", 0)) as taken:
        used = taken.getsockname()[1]
        server = OwnServers(ME, [(free, Protocol.TCP), (used, Protocol.TCP)])
        with pytest.raises(OSError, match=f"port {used}: Address already in use"):
            asyncio.run(served(server))
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((LOOPBACK, free))


def test_stopping_is_safe_at_any_time() -> None:
    (port,) = free_ports(1)

    async def twice(server) -> None:
        await server.stop()
        await server.start()
        await server.stop()
        await server.stop()

    asyncio.run(twice(OwnServers(ME, [(port, Protocol.TCP), (port, Protocol.UDP)])))
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((LOOPBACK, port))


def page(port: int) -> tuple[int, str]:
    return port, "GET / HTTP/1.0\r\n\r\n"


@needs_nginx
def test_nginx(tmp_path: Path) -> None:
    ports = free_ports(2)
    server = Nginx(ME, ports, tmp_path, NGINX)
    for answer in asyncio.run(served(server, *map(page, ports))):
        assert f"X-Served-By: {ME}\r\n" in answer
        assert "Server: nginx\r\n" in answer
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((LOOPBACK, ports[0]))


@needs_nginx
def test_nginx_that_cannot_serve_says_why(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    with pytest.raises(OSError, match="does not serve port") as failed:
        asyncio.run(served(Nginx(ME, (port, port), tmp_path, NGINX)))
    assert "duplicate listen" in str(failed.value)


@needs_busybox
def test_httpd(tmp_path: Path) -> None:
    ports = free_ports(2)
    server = Httpd(ME, ports, tmp_path, BUSYBOX)
    for answer in asyncio.run(served(server, *map(page, ports))):
        assert answer.endswith(f"\r\n\r\n{ME}\n")
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((LOOPBACK, ports[0]))


@pytest.mark.parametrize("body", ["echo it is broken; exit 1", "exec sleep 60"])
def test_a_server_that_does_not_come_up_is_an_error(
    body: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webservers, "START_TIMEOUT", 0.1 if "sleep" in body else 10)
    broken = script(tmp_path, body)
    with pytest.raises(OSError, match=f"the server of {ME} does not serve port") as failed:
        asyncio.run(served(Httpd(ME, free_ports(1), tmp_path, broken)))
    assert ("it is broken" in str(failed.value)) == ("echo" in body)


def test_a_server_that_is_another_is_not_ready(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webservers, "START_TIMEOUT", 0.1)
    (port,) = free_ports(1)
    idle = script(tmp_path, "exec sleep 60")

    async def start() -> None:
        other = OwnServers("default/other", [(port, Protocol.TCP)])
        await other.start()
        try:
            await Httpd(ME, (port,), tmp_path, idle).start()
        finally:
            await other.stop()

    with pytest.raises(OSError, match="answered by default/other"):
        asyncio.run(start())
