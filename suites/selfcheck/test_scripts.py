"""The scripts are sound bash; bootstrap is quick when ready and plain about what it lacks."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPTS = sorted(
    path
    for path in [*(ROOT / "script").iterdir(), ROOT / ".ci" / "run"]
    if path.is_file() and path.suffix in {"", ".sh"}
)


def _run(*command: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, check=False, capture_output=True, text=True, env={**os.environ, **environment}
    )


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """What bootstrap reads, in a folder where nothing has been set up."""
    shutil.copytree(ROOT / "script", tmp_path / "script")
    shutil.copytree(ROOT / "requirements", tmp_path / "requirements")
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_bash_reads_it(script: Path) -> None:
    result = _run("bash", "-n", script)
    assert not result.stderr


def test_bootstrap_refuses_an_unknown_argument(clone: Path) -> None:
    result = _run(clone / "script" / "bootstrap", "--what")
    assert result.returncode == 2
    assert "unknown argument: --what" in result.stderr


def test_a_check_changes_nothing_and_says_what_is_missing(clone: Path) -> None:
    before = sorted(clone.rglob("*"))
    result = _run(clone / "script" / "bootstrap", "--check")
    assert result.returncode == 3
    assert "missing" in result.stderr
    assert sorted(clone.rglob("*")) == before


@pytest.mark.parametrize(
    ("package", "program"),
    [("iproute2", "ip"), ("nftables", "nft"), ("shellcheck", "shellcheck")],
)
def test_development_needs_more_programs(clone: Path, package: str, program: str) -> None:
    # The script looks in /usr/sbin too, whatever PATH says, so bash's own look-up is replaced.
    hidden = {"BASH_FUNC_command%%": f'() {{ [[ $2 != {program} ]] && builtin command "$@"; }}'}
    result = _run(clone / "script" / "bootstrap", "--check", "--dev", **hidden)
    assert result.returncode == 3
    assert f"  {package}: " in result.stderr
    assert f"  {package}: " not in _run(clone / "script" / "bootstrap", "--check", **hidden).stderr


def test_a_python_that_does_not_start_is_refused_with_a_way_out(
    clone: Path, tmp_path: Path
) -> None:
    shim = tmp_path / "shim"
    shim.write_text("#!/bin/sh\necho 'version not installed' >&2\nexit 127\n")
    shim.chmod(0o755)
    tools = {name for name in ("nginx", "busybox") if shutil.which(name)}
    if tools != {"nginx", "busybox"}:
        pytest.skip("would install packages first")
    result = _run(clone / "script" / "bootstrap", PYTHON=str(shim))
    assert result.returncode == 3
    assert f"PYTHON={shim} doesn't start" in result.stderr
    assert not (clone / ".venv").exists()


def _finished_environment(clone: Path, profile: str) -> None:
    """An environment that looks as bootstrap leaves it, without the packages."""
    binaries = clone / ".venv" / "bin"
    binaries.mkdir(parents=True)
    (binaries / "python").symlink_to(sys.executable)
    (binaries / "netpol-conformance").write_text("#!/bin/sh\n")
    (binaries / "netpol-conformance").chmod(0o755)
    digest = subprocess.run(
        ["bash", "-c", '{ echo "$PWD" && cat pyproject.toml "$0"; } | sha256sum | cut -d" " -f1',
         f"requirements/{profile}.txt"],
        cwd=clone, check=True, capture_output=True, text=True,
    ).stdout.strip()  # fmt: skip
    (clone / ".venv" / ".bootstrapped").write_text(f"{profile} {digest}\n")


@pytest.mark.skipif(
    not (shutil.which("nginx", path="/usr/sbin:/sbin:/usr/bin") and shutil.which("busybox")),
    reason="packages are missing",
)
class TestReadiness:
    """What counts as ready: only an environment of today's lock, at this path, and finished."""

    def check(self, clone: Path, *arguments: str) -> int:
        return _run(clone / "script" / "bootstrap", "--check", *arguments).returncode

    def test_finished(self, clone: Path) -> None:
        _finished_environment(clone, "run")
        assert self.check(clone) == 0
        assert self.check(clone, "--dev") == 3

    def test_one_for_development_serves_a_run(self, clone: Path) -> None:
        _finished_environment(clone, "dev")
        assert self.check(clone) == 0
        assert self.check(clone, "--dev") == 0

    def test_interrupted(self, clone: Path) -> None:
        _finished_environment(clone, "run")
        (clone / ".venv" / ".unfinished").touch()
        assert self.check(clone) == 3

    def test_another_lock(self, clone: Path) -> None:
        _finished_environment(clone, "run")
        with (clone / "requirements" / "run.txt").open("a") as lock:
            lock.write("# changed\n")
        assert self.check(clone) == 3

    def test_moved(self, clone: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
        _finished_environment(clone, "run")
        elsewhere = tmp_path_factory.mktemp("elsewhere") / "clone"
        shutil.copytree(clone, elsewhere, symlinks=True)
        assert self.check(elsewhere) == 3
