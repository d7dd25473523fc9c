"""The process of a cluster: its life cycle, and the requests it answers.

It is the first process of its own pid namespace, so that the kernel kills with it all that it
started; and it goes when its guardian (the process outside that namespace that waits for it), the
zygote, the driver or the driver's connection goes.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import os
import queue
import resource
import select
import sys
import traceback
from logging import LogRecord
from logging.handlers import QueueHandler
from multiprocessing.connection import Connection
from typing import NoReturn

from netpol_conformance.clusters.base import ClusterError, ClusterSpec, RefusedError
from netpol_conformance.clusters.embedded import namespaces
from netpol_conformance.clusters.embedded.control import ControlPlane
from netpol_conformance.clusters.embedded.doctor import advice, forbidden
from netpol_conformance.clusters.embedded.process import LOGGER, Surroundings

_DESCRIPTORS = 65_536


def launch(descriptor: int, zygote: int) -> NoReturn:
    """Be a cluster for the driver at the other end of ``descriptor``; ``zygote`` is the parent.

    The guardian keeps that connection open until the last process is gone, which signals that to
    the driver.
    """
    namespaces.die_with_parent()
    if os.getppid() != zygote:
        os._exit(1)
    connection = Connection(descriptor)
    try:
        namespaces.enter_new_world()
    except OSError as error:
        with contextlib.suppress(OSError):
            connection.send((True, ClusterError(advice(forbidden(str(error)))), []))
        os._exit(1)
    guardian, guarding = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(guarding)
        _live(connection, guardian)
    os.waitpid(child, 0)
    os._exit(0)


def _live(connection: Connection, guardian: int) -> NoReturn:
    try:
        namespaces.die_with_parent()
        if not select.select([guardian], [], [], 0)[0]:
            # Where that is forbidden, machines.py finds another way to set what it must.
            with contextlib.suppress(OSError):
                namespaces.mount_proc()
            _raise_descriptor_limit()
            asyncio.run(_Requests(connection, guardian).serve())
    except BaseException:  # noqa: BLE001 -- nothing may return into the zygote's code
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(0)


def _raise_descriptor_limit() -> None:
    """Every pod and every server's port holds a descriptor; 1024 are soon used up."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    enough = _DESCRIPTORS if most == resource.RLIM_INFINITY else min(_DESCRIPTORS, most)
    resource.setrlimit(resource.RLIMIT_NOFILE, (enough, most))


class _Requests:
    """One request at a time: (method, arguments) -> (failed, result or exception, log records)."""

    def __init__(self, connection: Connection, guardian: int) -> None:
        self._connection = connection
        self._guardian = guardian
        self._cluster: ControlPlane | None = None
        self._answering: asyncio.Task[None] | None = None
        self._records: queue.SimpleQueue[LogRecord] = queue.SimpleQueue()
        LOGGER.addHandler(QueueHandler(self._records))

    async def serve(self) -> None:
        """Answer requests; the process ends when either side is gone."""
        loop = asyncio.get_running_loop()
        loop.add_reader(self._guardian, os._exit, 0)
        loop.add_reader(self._connection.fileno(), self._receive)
        await asyncio.Event().wait()

    def _receive(self) -> None:
        try:
            method, arguments = self._connection.recv()
        except (EOFError, OSError):
            os._exit(0)
        self._answering = asyncio.ensure_future(self._answer(method, arguments))

    async def _answer(self, method: str, arguments: tuple[object, ...]) -> None:
        try:
            result: object = await self._do(method, arguments)
        except (ClusterError, RefusedError) as error:
            self._reply(failed=True, answer=error)
        except Exception as error:  # noqa: BLE001 -- the driver must hear of any failure
            trace = "".join(traceback.format_exception(error))
            message = f"the embedded cluster failed in {method}: {error}\n{trace}"
            self._reply(failed=True, answer=ClusterError(message))
        else:
            self._reply(failed=False, answer=result)

    async def _do(self, method: str, arguments: tuple[object, ...]) -> object:
        if method == "start":
            self._cluster, arguments = _new_cluster(*arguments), ()
        if self._cluster is None:
            raise ClusterError("the cluster is not started")
        result = getattr(self._cluster, method)(*arguments)
        return await result if inspect.isawaitable(result) else result

    def _reply(self, *, failed: bool, answer: object) -> None:
        records = [self._records.get_nowait() for _ in range(self._records.qsize())]
        with contextlib.suppress(OSError):
            self._connection.send((failed, answer, records))


def _new_cluster(*arguments: object) -> ControlPlane:
    spec, implementation, busybox, surroundings, lacking = arguments
    assert isinstance(spec, ClusterSpec)
    assert isinstance(implementation, str)
    assert isinstance(surroundings, Surroundings)
    assert isinstance(lacking, frozenset)
    surroundings.adopt()
    program = busybox if isinstance(busybox, str) else None
    return ControlPlane(spec, implementation, program, lacking)
