"""Making the suite's own image: wheels from a package index, then ``docker build`` without one."""

from __future__ import annotations

import hashlib
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import as_file, files
from importlib.util import find_spec
from pathlib import Path

from netpol_conformance import __version__

BASE = "python:3.11-slim-bookworm"
BUSYBOX = "busybox:1.36"
_MANYLINUX = ("manylinux_2_28", "manylinux_2_17", "manylinux2014")
_ROOT = Path(__file__).parents[3]


class ImageError(Exception):
    """The image cannot be made; the message names the command and what it said."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """What an image is made of. ``python`` is the version of Python that ``base`` has."""

    tag: str
    base: str = BASE
    busybox: str = BUSYBOX
    python: str = "3.11"


def build(recipe: Recipe, wheels: Path) -> None:
    """Make the image with Docker; ``wheels`` keeps the wheels for the next time.

    Needs a package index for wheels that are not in ``wheels`` yet. Raises ImageError.
    """
    gather(wheels, recipe.python)
    with tempfile.TemporaryDirectory(prefix="netpol-image-") as folder:
        context = Path(folder)
        shutil.copytree(wheels, context / "wheels")
        with as_file(files("netpol_conformance.enforcer") / "image" / "Dockerfile") as dockerfile:
            shutil.copy(dockerfile, context / "Dockerfile")
        arguments = (f"BASE={recipe.base}", f"BUSYBOX={recipe.busybox}")
        options = [word for argument in arguments for word in ("--build-arg", argument)]
        _run("docker", "build", "--tag", recipe.tag, *options, folder)


def gather(wheels: Path, python: str) -> None:
    """Fill ``wheels`` with the suite's wheel and all it needs at run time, for Linux containers.

    What is needed is fetched once; a source tree's own wheel is built every time.
    """
    wheels.mkdir(parents=True, exist_ok=True)
    requirements = _requirements()
    stamp, wanted = wheels / "gathered.txt", _digest(requirements, python)
    if not stamp.exists() or stamp.read_text(encoding="utf-8") != wanted:
        for old in wheels.glob("*.whl"):
            old.unlink()
        _pip("download", "--dest", str(wheels), *_target(python), *requirements)
        stamp.write_text(wanted, encoding="utf-8")
    if _from_source():
        for old in wheels.glob("netpol_conformance-*.whl"):
            old.unlink()
        isolation = ["--no-build-isolation"] if find_spec("hatchling") else []
        _pip("wheel", "--no-deps", *isolation, "--wheel-dir", str(wheels), str(_ROOT))


def load(image: str, cluster: str) -> None:
    """Put an image that Docker has on every node of a kind cluster; raises ImageError."""
    _run("kind", "load", "docker-image", image, "--name", cluster)


def _from_source() -> bool:
    return (_ROOT / "pyproject.toml").is_file() and (_ROOT / "requirements" / "run.txt").is_file()


def _requirements() -> list[str]:
    if _from_source():
        return ["--no-deps", "--require-hashes", "-r", str(_ROOT / "requirements" / "run.txt")]
    return [f"netpol-conformance=={__version__}"]


def _digest(requirements: Sequence[str], python: str) -> str:
    digest = hashlib.sha256(" ".join([python, platform.machine(), *requirements]).encode())
    if _from_source():
        digest.update((_ROOT / "requirements" / "run.txt").read_bytes())
    return digest.hexdigest()


def _target(python: str) -> list[str]:
    """What pip is words of the container's Python, which need not be the one that runs this."""
    machine = {"AMD64": "x86_64", "arm64": "aarch64"}.get(platform.machine(), platform.machine())
    platforms = [f"--platform={name}_{machine}" for name in _MANYLINUX]
    return ["--only-binary=:all:", f"--python-version={python}", *platforms]


def _pip(*arguments: str) -> None:
    _run(sys.executable, "-m", "pip", "--disable-pip-version-check", *arguments)


def _run(*command: str) -> None:
    """Run a command whose output nobody needs unless it fails; it is then the error's text."""
    words = " ".join([Path(command[0]).name, *command[1:]])
    try:
        done = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
        )
    except OSError as error:
        raise ImageError(f"{words}: {error.strerror}; is {command[0]} installed?") from error
    if done.returncode:
        raise ImageError(f"{words}: exit {done.returncode}\n{done.stdout.strip()}")
