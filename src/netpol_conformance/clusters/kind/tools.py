"""Running docker, kind and kubectl: found or missed in one place, failures in their own words."""

from __future__ import annotations

import logging
import shlex
import shutil
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from netpol_conformance.clusters.base import ClusterError

_log = logging.getLogger(__name__)

_WORDS = 2000
"""How much of a program's complaint, in characters, an error repeats: the end says most."""


class ToolError(ClusterError):
    """A program failed; ``output`` is what it said, standard error first."""

    def __init__(self, words: Sequence[str], code: int, output: str) -> None:
        shown = " ".join(words[:6]) + (" ..." if len(words) > 6 else "")
        super().__init__(f"{shown} failed (exit {code}): {last_words(output) or 'without a word'}")
        self.output = output


@dataclass(frozen=True, slots=True)
class Tools:
    """The paths of the programs that the kind driver runs."""

    docker: Path
    kind: Path
    kubectl: Path


def find_tools(*, kind: str = "", kubectl: str = "") -> Tools:
    """The programs, those not given looked for on PATH; raises ClusterError that names the lack."""
    return Tools(
        docker=find_docker(),
        kind=_find("kind", kind, "install kind, or name the program by --kind-bin"),
        kubectl=_find("kubectl", kubectl, "install kubectl, or name it by --kind-kubectl-bin"),
    )


def find_docker() -> Path:
    """The program docker; raises ClusterError where there is none."""
    return _find("docker", "", "install Docker and see that its engine runs")


def run(words: Sequence[str | Path], *, given: str = "", timeout: float | None = None) -> str:
    """What the command prints; raises ToolError if it fails or takes over ``timeout`` seconds.

    It is no part of our process group: Ctrl-C ends us, and what we clean up with must not die.
    """
    command, began = [str(word) for word in words], time.monotonic()
    try:
        done = subprocess.run(
            command,
            input=given,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
            start_new_session=True,
        )
    except subprocess.TimeoutExpired as error:
        raise ToolError(command, -1, f"no end after {timeout:g} s") from error
    except OSError as error:
        raise ToolError(command, -1, str(error)) from error
    took = time.monotonic() - began
    _log.debug("%s: exit %d after %.2f s", shlex.join(command), done.returncode, took)
    if done.returncode:
        raise ToolError(command, done.returncode, f"{done.stderr}\n{done.stdout}")
    return done.stdout


def last_words(output: str) -> str:
    """The end of what a program said, without the blank around it."""
    text = output.strip()
    return text if len(text) <= _WORDS else f"... {text[-_WORDS:]}"


def _find(name: str, path: str, mend: str) -> Path:
    found = shutil.which(path or name)
    if found is None:
        raise ClusterError(f"{path or name} is not there; --cluster kind needs it: {mend}")
    return Path(found).absolute()
