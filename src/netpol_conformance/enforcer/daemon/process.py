"""The process: its threads, from the API to the kernel, and how it ends."""

from __future__ import annotations

import logging
import signal
import sys
import threading
import time
from typing import NoReturn
from urllib.parse import quote

from netpol_conformance.enforcer.apply import Nft
from netpol_conformance.enforcer.daemon.api import Api, ApiError
from netpol_conformance.enforcer.daemon.health import HealthServer
from netpol_conformance.enforcer.daemon.informer import Informer
from netpol_conformance.enforcer.daemon.logs import log_as_json
from netpol_conformance.enforcer.daemon.reading import NODES, read
from netpol_conformance.enforcer.daemon.reconciler import (
    DeltaQueue,
    Reconciler,
    close_until_synced,
    open_up,
    resources,
)
from netpol_conformance.enforcer.daemon.settings import Settings
from netpol_conformance.enforcer.daemon.wiring import Network
from netpol_conformance.model.objects import KubernetesObject
from netpol_conformance.model.version import LATEST

_log = logging.getLogger(__name__)

_PAUSE = 0.5


def run(settings: Settings) -> NoReturn:
    """Enforce until SIGTERM or SIGINT end the process; the rules stay in force.

    Raises NftError where nftables cannot be used, OSError where the port is taken, and whatever
    unexpected a thread died of: the process is then to be started anew.
    """
    log_as_json(sys.stderr)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _stop)
    api, queue, nft = Api(settings.access), DeltaQueue(), Nft()
    controller = settings.enforcer and settings.enforcer(settings.node, nft.run, LATEST)
    network = Network(settings.node, nft.run, settings.folders) if settings.network else None
    reconciler = Reconciler(settings.node, controller, network)
    server = HealthServer(lambda: reconciler.status, settings.host, settings.port)
    server.start()
    facts = {"node": settings.node, "api": settings.access.url, "port": server.port}
    _log.info("started", extra={"facts": facts})
    if controller is None:
        open_up(nft.run)
    elif close_until_synced(controller, lambda: _own_node(api, settings.node)):
        _log.info("closed until the first sync")
    for resource in resources(policy=controller is not None):
        _run_informer(Informer(api, resource, queue.put), queue, resource.plural)
    reconciler.run(queue)


def _run_informer(informer: Informer, queue: DeltaQueue, name: str) -> None:
    def work() -> None:
        try:
            informer.run()
        except Exception as error:  # noqa: BLE001 - no thread may end unnoticed
            queue.fail(error)

    threading.Thread(target=work, name=name, daemon=True).start()


def _own_node(api: Api, name: str) -> KubernetesObject | None:
    """This node as the API knows it, however long the API takes; None if it can't be read."""
    reason = ""
    while True:
        try:
            return read(NODES, api.get(f"{NODES.path}/{quote(name)}")).object
        except ApiError as error:
            if str(error) != reason:
                reason = str(error)
                _log.error("waiting for the own node", extra={"facts": {"reason": reason}})
        time.sleep(_PAUSE)


def _stop(number: int, _frame: object) -> NoReturn:
    raise SystemExit(0 if number == signal.SIGTERM else 128 + number)
