"""Image names, and the making of the image as far as it needs neither Docker nor an index."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from typer.testing import CliRunner

from netpol_conformance.cli.images import app
from netpol_conformance.image import build as image_build
from netpol_conformance.image.build import ImageError, Recipe
from netpol_conformance.image.names import OWN_IMAGE, at_registry, own_image

from ..commands import ROOT


@pytest.mark.parametrize(
    ("image", "path"),
    [
        ("nginx", "nginx"),
        ("nginx:1.27", "nginx:1.27"),
        ("library/nginx", "library/nginx"),
        ("docker.io/library/nginx:1.27", "library/nginx:1.27"),
        ("localhost/mine", "mine"),
        ("registry:5000/team/mine@sha256:00", "team/mine@sha256:00"),
    ],
)
def test_an_image_at_a_registry_keeps_its_path(image, path):
    assert at_registry(image, "mirror.example:5000/all/") == f"mirror.example:5000/all/{path}"
    assert at_registry(image) == image


def test_the_own_image_is_the_given_one_or_the_usual_one_at_the_registry():
    assert own_image() == OWN_IMAGE
    assert own_image("mine:1", "mirror.example") == "mine:1"
    assert own_image(registry="mirror.example") == f"mirror.example/{OWN_IMAGE}"


def test_every_image_of_a_run_is_listed_once():
    result = CliRunner().invoke(app, ["list", "handbook", "--image-registry", "mirror.example"])
    lines = result.output.splitlines()
    assert lines[0] == f"mirror.example/{OWN_IMAGE}"
    assert len(lines) == len(set(lines)) > 1
    assert all(line.startswith("mirror.example/") for line in lines)


class Commands:
    """What would have been run; a wheel comes of ``pip wheel``, the context of a build is kept."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.context: list[str] = []
        self.fails = False

    def __call__(self, command, **_) -> subprocess.CompletedProcess[str]:
        self.lines.append(" ".join(map(str, command)))
        if "--wheel-dir" in command:
            wheels = Path(command[command.index("--wheel-dir") + 1])
            (wheels / "netpol_conformance-1-py3-none-any.whl").touch()
        if command[0] == "docker":
            context = Path(command[-1])
            self.context = sorted(str(p.relative_to(context)) for p in context.rglob("*"))
        return subprocess.CompletedProcess(command, int(self.fails), "its own words\n")


@pytest.fixture
def commands(monkeypatch) -> Commands:
    fake = Commands()
    monkeypatch.setattr(subprocess, "run", fake)
    return fake


def test_wheels_are_fetched_once_and_the_own_one_is_built_every_time(commands, tmp_path):
    (tmp_path / "netpol_conformance-0-py3-none-any.whl").touch()
    for _ in range(2):
        image_build.gather(tmp_path, "3.11")
    assert [line.split(" pip ")[1].split()[1] for line in commands.lines] == [
        "download",
        "wheel",
        "wheel",
    ]
    assert "--only-binary=:all: --python-version=3.11" in commands.lines[0]
    assert [path.name for path in tmp_path.glob("*.whl")] == [
        "netpol_conformance-1-py3-none-any.whl"
    ]
    image_build.gather(tmp_path, "3.12")
    assert "--python-version=3.12" in commands.lines[3]


def test_docker_is_given_wheels_and_dockerfile_and_nothing_else(commands, tmp_path):
    image_build.build(Recipe("mine:1", base="base:1", busybox="box:1"), tmp_path / "kept")
    assert (
        "docker build --tag mine:1 --build-arg BASE=base:1 --build-arg BUSYBOX=box:1"
        in (commands.lines[-1])
    )
    assert {path.split("/")[0] for path in commands.context} == {"Dockerfile", "wheels"}


def test_what_the_dockerfile_imports_is_there():
    dockerfile = ROOT / "src" / "netpol_conformance" / "enforcer" / "image" / "Dockerfile"
    programs = re.findall(r'python -c "(.*)"', dockerfile.read_text(encoding="utf-8"))
    assert programs
    for program in programs:
        exec(program)


def test_a_command_that_fails_is_quoted_with_its_words(commands, tmp_path):
    commands.fails = True
    with pytest.raises(ImageError, match=r"pip .*download(.|\n)*exit 1\nits own words"):
        image_build.gather(tmp_path, "3.11")
    with pytest.raises(ImageError, match=r"^kind load docker-image mine:1 --name k: exit 1"):
        image_build.load("mine:1", "k")


def test_a_program_that_is_missing_is_named(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ImageError, match="is kind installed"):
        image_build.load("mine:1", "k")
