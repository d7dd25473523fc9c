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


needs_packages = pytest.mark.skipif(
    not (shutil.which("nginx", path="/usr/sbin:/sbin:/usr/bin") and shutil.which("busybox")),
    reason="packages are missing",
)


@needs_packages
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


def _program(path: Path, *lines: str) -> None:
    """A shell script in a program's place."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(["#!/bin/bash", *lines, ""]))
    path.chmod(0o755)


@pytest.fixture
def ready(clone: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Variables for a clone that is ready to run on a machine with kind: programs that only say
    what they are asked. A run ends with the exit code in RUN_ENDS.
    """
    shutil.copytree(ROOT / "plugins", clone / "plugins")
    _finished_environment(clone, "dev")
    said = 'echo "netpol-conformance $*"'
    _program(
        clone / ".venv" / "bin" / "netpol-conformance",
        said, '[[ $1 != run ]] || exit "${RUN_ENDS:-0}"',
    )  # fmt: skip
    programs = tmp_path_factory.mktemp("programs")
    for name in ("docker", "kind", "kubectl"):
        _program(programs / name, f'exit "${{{name.upper()}_ENDS:-0}}"')
    _program(programs / "there", 'echo "there: $*" && exec "$@"')
    given = dict.fromkeys(("NETPOL_KIND_EXEC", "NETPOL_IMAGE_BASE", "NETPOL_PLUGIN"), "")
    return given | {"PATH": f"{programs}:{os.environ['PATH']}"}


SELECTION = [
    line
    for line in (ROOT / "plugins" / "selection.txt").read_text().splitlines()
    if not line.startswith("#")
]
MADE = ("--plugin-manifests", "calico.yaml", "--plugin-image", "calico/node:1")


@needs_packages
class TestPlugin:
    """A plugin's run is the driver's, with the name as its plugin and a selection as its paths."""

    def runs(self, clone: Path, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
        return _run(clone / "script" / "plugin", *words, **variables)

    def test_a_selection_is_chosen(self, clone: Path, ready: dict[str, str]) -> None:
        result = self.runs(clone, "calico", *MADE, **ready)
        assert result.returncode == 0, result.stderr
        *_, built, run = result.stdout.splitlines()
        assert built == "netpol-conformance images build"
        assert run == (
            f"netpol-conformance run {' '.join(SELECTION)} --cluster kind --plugin calico "
            f"--report {clone}/build/plugin {' '.join(MADE)}"
        )

    def test_what_a_user_names_is_run_instead(self, clone: Path, ready: dict[str, str]) -> None:
        run = self.runs(clone, "calico", "upstream", "paths/node-port.yaml", *MADE, **ready).stdout
        assert "run upstream paths/node-port.yaml --cluster kind --plugin calico" in run

    @pytest.mark.parametrize("code", [0, 1, 2, 3])
    def test_its_exit_code_is_the_runs(self, clone: Path, ready: dict[str, str], code: int) -> None:
        result = self.runs(clone, "calico", *MADE, **ready, RUN_ENDS=str(code))
        assert result.returncode == code

    def test_it_goes_where_kind_is(self, clone: Path, ready: dict[str, str]) -> None:
        elsewhere = ready | {"NETPOL_KIND_EXEC": "there", "NETPOL_IMAGE_BASE": "base:1"}
        told = self.runs(clone, "calico", *MADE, **elsewhere).stdout
        venv = clone / ".venv" / "bin" / "netpol-conformance"
        assert f"there: {venv} images build --base base:1" in told
        assert f"there: {venv} run {SELECTION[0]}" in told
        assert f"there: {venv} images wheels" not in told

    def test_without_a_name_nothing_is_made(self, clone: Path, ready: dict[str, str]) -> None:
        for words in ((), MADE, ("../x",)):
            result = self.runs(clone, *words, **ready)
            assert (result.returncode, result.stdout) == (2, "")
            assert "the plugin's name comes first" in result.stderr

    def test_without_kind_it_is_the_machines_fault(
        self, clone: Path, ready: dict[str, str]
    ) -> None:
        result = self.runs(clone, "calico", *MADE, **ready, DOCKER_ENDS="1")
        assert (result.returncode, result.stdout) == (3, "")
        assert "there can be no kind cluster: no Docker engine answers" in result.stderr

    def test_a_plugin_that_declares_nothing_is_told_of(
        self, clone: Path, ready: dict[str, str]
    ) -> None:
        assert "no plugins/mine.yaml" in self.runs(clone, "mine", *MADE, **ready).stderr
        assert "no plugins" not in self.runs(clone, "calico", *MADE, **ready).stderr

    def test_the_selection_is_of_the_packs(self) -> None:
        assert all((ROOT / "scenarios" / path).is_file() for path in SELECTION)
        assert len(set(SELECTION)) == len(SELECTION)


@needs_packages
class TestStages:
    """The plugin is a stage of script/test: in its summary, its totals and its exit code."""

    JUNIT = (
        "for word; do if [[ $before == --junit* ]]; then",
        '  echo "<testsuite tests=\\"2\\" failures=\\"$1\\" time=\\"1\\"/>" >"$word"',
        "fi; before=$word; done",
    )

    @pytest.fixture(autouse=True)
    def stages(self, clone: Path, ready: dict[str, str]) -> None:
        """A clone in which every stage passes at once."""
        binaries = clone / ".venv" / "bin"
        _program(binaries / "pytest", "set -- 0 $*", *self.JUNIT)
        _program(
            binaries / "netpol-conformance",
            'if [[ $1 == run ]]; then set -- "${RUN_ENDS:-0}" "$@"', *self.JUNIT,
            'exit "$1"; fi',
        )  # fmt: skip
        missing = _run(clone / "script" / "bootstrap", "--check", "--dev", **ready).returncode
        if missing:
            pytest.skip("packages of development are missing")

    def run(self, clone: Path, ready: dict[str, str], *words: str, **more: str) -> list[str]:
        done = _run(clone / "script" / "test", *(words or ("--no-lint",)), **(ready | more))
        lines = done.stdout[done.stdout.index("== summary") :].splitlines()
        return [f"exit code {done.returncode}", *lines]

    def line(self, lines: list[str], stage: str) -> str:
        (found,) = (line for line in lines if line.startswith(f"{stage} "))
        return found

    def test_it_is_run_and_counted(self, clone: Path, ready: dict[str, str]) -> None:
        named = {"NETPOL_PLUGIN": "calico", "NETPOL_PLUGIN_OPTIONS": " ".join(MADE)}
        lines = self.run(clone, ready, **named)
        assert lines[0] == "exit code 0"
        assert self.line(lines, "plugin").endswith(" s  ok")
        assert "8 passed" in lines[-1]

    def test_its_failure_is_that_of_all(self, clone: Path, ready: dict[str, str]) -> None:
        lines = self.run(clone, ready, NETPOL_PLUGIN="calico", RUN_ENDS="1")
        assert lines[0] == "exit code 1"
        assert "FAILED (exit 1)" in self.line(lines, "plugin")
        assert "1 failed, 7 passed" in lines[-1]

    @pytest.mark.parametrize(
        ("words", "variables", "why"),
        [
            ((), {}, "NETPOL_PLUGIN names none"),
            (("-k", "oracle"), {"NETPOL_PLUGIN": "calico"}, "none is selected"),
            ((), {"NETPOL_PLUGIN": "calico", "DOCKER_ENDS": "1"}, "no Docker engine answers"),
        ],
    )
    def test_why_it_is_skipped(
        self, clone: Path, ready: dict[str, str],
        words: tuple[str, ...], variables: dict[str, str], why: str,
    ) -> None:  # fmt: skip
        lines = self.run(clone, ready, *words, **variables)
        assert lines[0] == "exit code 0"
        skipped = self.line(lines, "plugin")
        assert "skipped: " in skipped
        assert why in skipped


class TestServer:
    """What CI runs tries one of its own machine's plugins, a different one each day."""

    @pytest.fixture
    def server(self, tmp_path: Path) -> Path:
        """A clone beside a lab, in which script/test only says what it is given."""
        clone = tmp_path / "clone"
        (clone / ".ci").mkdir(parents=True)
        shutil.copy(ROOT / ".ci" / "run", clone / ".ci")
        _program(
            clone / "script" / "test", 'echo "tests: $NETPOL_PLUGIN: ${NETPOL_PLUGIN_OPTIONS-}"'
        )
        lab = tmp_path / "shared" / "lab"
        _program(lab / "up", "true")
        _program(
            lab / "plugin",
            "if (($# == 0)); then printf '%s\\n' alpha beta gamma; exit; fi",
            '[[ $1 != beta ]] && echo "--plugin $1 --plugin-image $1:1"',
        )
        _program(tmp_path / "bin" / "date", "echo 009")
        return clone

    WAITS = "--timeout enforce=10 --timeout labels=40"

    def says(self, server: Path, **variables: str) -> list[str]:
        path = f"{server.parent / 'bin'}:{os.environ['PATH']}"
        unset = {"NETPOL_PLUGIN": "", "NETPOL_PLUGIN_OPTIONS": ""}
        done = _run(server / ".ci" / "run", **(unset | variables | {"PATH": path}))
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    def test_the_day_chooses(self, server: Path) -> None:
        first, *_, last = self.says(server)
        assert first.startswith("Network plugin: alpha (of day 009: alpha; ")
        assert last == f"tests: alpha: --plugin alpha --plugin-image alpha:1 {self.WAITS}"

    def test_a_user_may_choose_another(self, server: Path) -> None:
        first, *_, last = self.says(server, NETPOL_PLUGIN="gamma")
        assert first.startswith("Network plugin: gamma (of day 009: alpha; ")
        assert last == f"tests: gamma: --plugin gamma --plugin-image gamma:1 {self.WAITS}"

    def test_it_says_how_to_repeat_it(self, server: Path) -> None:
        _, *command, _ = self.says(server)
        _program(
            server / "script" / "plugin", 'echo "$NETPOL_KIND_EXEC ${NETPOL_IMAGE_BASE%%:*} $*"'
        )
        again = _run("bash", "-c", "\n".join(command)).stdout
        lab = server.parent / "shared" / "lab"
        made = f"--plugin alpha --plugin-image alpha:1 {self.WAITS}"
        assert again == f"{lab}/exec lab/python-nettools alpha {made}\n"

    def test_one_that_cannot_be_made_leaves_its_stage_to_fail(self, server: Path) -> None:
        assert self.says(server, NETPOL_PLUGIN="beta")[-1] == "tests: beta: "

    def test_without_a_lab_there_is_none(self, server: Path) -> None:
        shutil.rmtree(server.parent / "shared")
        assert self.says(server) == ["tests: : "]
