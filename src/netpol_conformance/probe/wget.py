"""The documented check, ``busybox wget --spider --timeout=1``: its command and its reading."""

from __future__ import annotations

import math
import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from ipaddress import ip_address
from pathlib import Path
from signal import SIGTERM

from netpol_conformance.probe.reading import Reading, http
from netpol_conformance.probe.verdict import Probe, Verdict

ENVIRONMENT_VARIABLE = "NETPOL_BUSYBOX"
"""Names the busybox to probe with, where it is not the one on PATH."""

_BY_TIMEOUT = {-SIGTERM, 128 + SIGTERM}
_SLACK = 0.5
"""Seconds that wget gets beyond its own time-out before it is killed from outside."""
_LEARN_TIMEOUT = 5.0
"""Seconds that busybox has to say what it can do."""


class BusyboxError(Exception):
    """There is no busybox to probe with, or not one whose wget can do what is needed."""


@dataclass(frozen=True, slots=True)
class Wget:
    """A busybox, and whether its wget has ``--timeout``, as official images' has.

    Debian's lacks it and would answer with a usage error, whose exit code looks like a block; it
    is run under ``busybox timeout`` instead.
    """

    busybox: str
    has_timeout: bool

    def argv(self, probe: Probe) -> list[str]:
        """The command for ``probe``; its first item is an absolute path."""
        seconds = str(max(1, math.ceil(probe.timeout)))
        wget = [self.busybox, "wget", "-S", "--spider"]
        if self.has_timeout:
            return [*wget, f"--timeout={seconds}", target(probe)]
        return [self.busybox, "timeout", seconds, *wget, target(probe)]

    def command(self, probe: Probe) -> str:
        """The same as a person types it in the pod."""
        words = self.argv(probe)
        return shlex.join("busybox" if word == self.busybox else word for word in words)

    def deadline(self, probe: Probe) -> float:
        """Seconds after which the command is killed: a look-up heeds no time-out of wget's."""
        return max(1, math.ceil(probe.timeout)) + _SLACK

    @property
    def environment(self) -> dict[str, str]:
        """The command's environment: without a proxy, which wget would use, and in English."""
        return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"}


def target(probe: Probe) -> str:
    """What is asked for: ``nginx``, ``nginx:8080``, ``[fd00::1]:8080``."""
    return probe.url_host if probe.port == 80 else f"{probe.url_host}:{probe.port}"


def find(busybox: str | None = None) -> Wget:
    """The busybox named, or by the environment variable NETPOL_BUSYBOX, or on PATH.

    What it can do is learnt at the first call. Raises BusyboxError, saying what to do.
    """
    wanted = busybox or os.environ.get(ENVIRONMENT_VARIABLE) or "busybox"
    path = shutil.which(wanted)
    if path is None:
        raise BusyboxError(
            f"cannot find {wanted}: install the package busybox, "
            f"or name one in {ENVIRONMENT_VARIABLE}"
        )
    # Found by its name, not by what a link points to: busybox goes by the name it is called.
    if not Path(path).name.startswith("busybox"):
        raise BusyboxError(f"{path} must have a name that starts with busybox: rename it")
    return _learn(str(Path(path).absolute()))


@cache
def _learn(busybox: str) -> Wget:
    usage = _say(busybox, "wget", "--spider", "-S", "--timeout=1")
    if "Usage: wget" not in usage:
        raise BusyboxError(
            f"{busybox} has no working wget (it says {usage[:200].strip()!r}): "
            f"name another busybox in {ENVIRONMENT_VARIABLE}"
        )
    if not _complains(usage):
        return Wget(busybox, has_timeout=True)
    plain = _say(busybox, "wget", "--spider", "-S")
    if _complains(plain) or "SECS PROG" not in _say(busybox, "timeout", "--help"):
        raise BusyboxError(
            f"{busybox} lacks wget --timeout and has no timeout to make up for it, or no "
            f"wget --spider: name another busybox in {ENVIRONMENT_VARIABLE}"
        )
    return Wget(busybox, has_timeout=False)


def _complains(usage: str) -> bool:
    return re.search(r"(unrecognized|invalid) option", usage) is not None


def _say(*argv: str) -> str:
    try:
        done = subprocess.run(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=_LEARN_TIMEOUT,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BusyboxError(
            f"cannot run {shlex.join(argv)} ({error}): "
            f"name a working busybox in {ENVIRONMENT_VARIABLE}"
        ) from error
    return done.stdout.decode("utf-8", "replace")


@dataclass(frozen=True, slots=True)
class Ended:
    """How a wget ended. ``exit_code`` is negative for a signal, and says nothing where the
    command was ``killed`` at its outer deadline.
    """

    exit_code: int
    output: str
    killed: bool = False


_CONNECTING = re.compile(r"Connecting to (\S+) \((\S+):(\d+)\)")
_CANNOT_CONNECT = re.compile(r"wget: can't connect to remote host(?: \(\S+\))?: (.+)")
_INDENT = "  "


def read(wget: Wget, probe: Probe, ended: Ended) -> Reading:
    """What ``ended`` says of ``probe``. Pure; whatever is not recognised is an error."""
    lines = ended.output.splitlines()
    if not ended.killed and ended.exit_code not in {0, 1, *_BY_TIMEOUT}:
        return Reading(Verdict.ERROR, remark=f"wget ended with exit code {ended.exit_code}")
    connecting = ((at, _connecting(line, probe)) for at, line in enumerate(lines))
    at, address = next(((at, address) for at, address in connecting if address), (0, ""))
    if not address:
        return _unresolved(wget, probe, ended, lines)
    said = lines[at + 1 :]
    head = [line.removeprefix(_INDENT) for line in said if line.startswith(_INDENT)]
    if head:
        return _answered(probe, ended, head)
    return _unanswered(wget, ended, said, family=6 if ":" in address else 4)


def _connecting(line: str, probe: Probe) -> str:
    """The address that wget says it connects to for ``probe``; empty if it says something else."""
    match = _CONNECTING.fullmatch(line)
    # wget names the port beside the host only where it is not 80 or the host is an address.
    hosts = {target(probe), f"{target(probe)}:{probe.port}"}
    meant = match is not None and match[1] in hosts and int(match[3]) == probe.port
    return match[2] if match is not None and meant else ""


def _unresolved(wget: Wget, probe: Probe, ended: Ended, lines: Iterable[str]) -> Reading:
    """No connection was begun: the look-up failed, took all the time, or wget did not work."""
    if is_address(probe.host):
        return Reading(Verdict.ERROR, remark="wget did not begin to connect")
    # Some versions name the port with the host, some do not.
    unknown = {f"wget: bad address '{name}'" for name in (probe.host, target(probe))}
    if ended.exit_code == 1 and unknown.intersection(lines):
        return Reading(Verdict.NAME_NOT_RESOLVED)
    if ended.killed or _timed_out(wget, ended, lines):
        return Reading(Verdict.NAME_NOT_RESOLVED, remark="the look-up did not end in time")
    return Reading(Verdict.ERROR, remark="wget did not begin to connect")


def _answered(probe: Probe, ended: Ended, head: list[str]) -> Reading:
    reading = http(head, probe.identities)
    if reading.verdict is Verdict.CONNECTED and (ended.killed or ended.exit_code not in {0, 1}):
        return Reading(Verdict.ERROR, reading.identity, "wget did not end after the answer")
    return reading


def _unanswered(wget: Wget, ended: Ended, said: list[str], *, family: int) -> Reading:
    if ended.killed or _timed_out(wget, ended, said):
        return Reading(Verdict.TIMED_OUT)
    reasons = [match[1] for line in said if (match := _CANNOT_CONNECT.fullmatch(line))]
    refusals = {"Connection refused", "No route to host"}
    if family == 6:
        refusals.add("Permission denied")  # ICMPv6, administratively prohibited
    if ended.exit_code == 1 and len(reasons) == 1 and reasons[0] in refusals:
        return Reading(Verdict.REFUSED)
    return Reading(Verdict.ERROR, remark="not what a block looks like: nothing is known")


def _timed_out(wget: Wget, ended: Ended, lines: Iterable[str]) -> bool:
    if wget.has_timeout:
        return ended.exit_code == 1 and "wget: download timed out" in lines
    return ended.exit_code in _BY_TIMEOUT


def is_address(host: str) -> bool:
    """Whether ``host`` is an IP address, not a name."""
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
