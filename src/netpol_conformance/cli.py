"""The command line: ``netpol-conformance run | list | show | lint | explain | doctor``.

Here: words to calls, and results to text and exit codes. Not here: any work.
Exit codes: 0 conformant, 1 not, 2 usage, 3 inconclusive or the machine's fault.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from enum import IntEnum
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from netpol_conformance import (
    __version__,
    cli_compare,
    cli_coverage,
    cli_enforcer,
    cli_fuzz,
    cli_images,
    cli_reports,
)
from netpol_conformance.cli_options import cluster_options
from netpol_conformance.cli_text import echo
from netpol_conformance.clusters.options import as_arguments, from_values
from netpol_conformance.corpus import load_corpus, suite_root
from netpol_conformance.model.problems import ManifestError
from netpol_conformance.model.version import LATEST, KubernetesVersion
from netpol_conformance.scenario.errors import ScenarioError
from netpol_conformance.scenario.features import Profile
from netpol_conformance.scenario.types import Scenario

app = typer.Typer(
    name="netpol-conformance",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(cli_enforcer.app, name="enforcer")
app.add_typer(cli_images.app, name="images")
app.add_typer(cli_reports.app, name="reports")
app.command(epilog="Example: `netpol-conformance compare old.json new.json --html diff.html`")(
    cli_compare.compare
)
app.command(epilog="Example: `netpol-conformance coverage --output build/coverage`")(
    cli_coverage.coverage
)
app.command(
    epilog="Examples:\n\n"
    "`netpol-conformance fuzz --seconds 60`\n\n"
    "`netpol-conformance fuzz --seed 7 --cases 2000 --ip-family dual`"
)(cli_fuzz.fuzz)


_DIVIDER = "\n---\n"
"""Makes one multi-document text of several files."""


class Exit(IntEnum):
    """The exit codes of every command."""

    CONFORMANT = 0
    NOT = 1
    USAGE = 2
    INCONCLUSIVE = 3


Paths = Annotated[
    list[str] | None,
    typer.Argument(metavar="[PATH]...", help="packs, folders or scenario files; default: all"),
]


@app.callback(invoke_without_command=True)
def root(
    version: Annotated[bool, typer.Option("--version", help="Show the version and exit.")] = False,
) -> None:
    """Test whether a Kubernetes network plugin enforces NetworkPolicy as the API says."""
    if version:
        typer.echo(f"netpol-conformance {__version__}")
        raise typer.Exit


@app.command(
    epilog="Examples:\n\n"
    "`netpol-conformance run handbook`\n\n"
    "`netpol-conformance run handbook/simple-example.yaml --implementation none`\n\n"
    "`netpol-conformance run -k egress -- --maxfail=1`",
)
@cluster_options
def run(  # noqa: PLR0913, PLR0917 - each is an option that users set
    paths: Paths = None,
    kubernetes_version: Annotated[
        str | None,
        typer.Option(metavar="1.N", help="version of clusters whose scenario asks for none"),
    ] = None,
    jobs: Annotated[
        int,
        typer.Option(
            min=0, metavar="N", help="scenarios at once (0: a good number for the machine)"
        ),
    ] = 0,
    keyword: Annotated[
        str, typer.Option("-k", metavar="EXPRESSION", help="only scenarios whose path matches")
    ] = "",
    marker: Annotated[
        str, typer.Option("-m", metavar="EXPRESSION", help="only these packs, features, S-numbers")
    ] = "",
    profile: Annotated[
        Profile,
        typer.Option(help="core: what every plugin is held to; extended: all there is"),
    ] = Profile.EXTENDED,
    plugin_profile: Annotated[
        str,
        typer.Option(
            metavar="NAME|FILE",
            help="what the implementation declares: a profile under plugins/, a file, or none",
        ),
    ] = "",
    strict_features: Annotated[
        bool,
        typer.Option(
            "--strict-features", help="fail what passes though it is declared as unsupported"
        ),
    ] = False,
    timeout: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=SECONDS", help="set ready, enforce, poll, probe, confirm or hold"
        ),
    ] = None,
    report: Annotated[
        Path, typer.Option("--report", metavar="DIR", help="where the reports go")
    ] = Path("build/conformance"),
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="show the matrices of failures only")
    ] = False,
    **of_cluster: Any,  # noqa: ANN401 - see cluster_options
) -> None:
    """Run scenarios and show their matrices. What follows `--` goes to pytest as it is."""
    import pytest  # noqa: PLC0415 - the other commands start faster without

    words = paths or []
    arguments = [
        str(suite_root() / "test_packs.py"),
        f"--config-file={suite_root() / 'pytest.ini'}",
        "-pno:cacheprovider",
        f"--jobs={jobs}",
        f"--matrices={'failures' if quiet else 'all'}",
        f"--conformance-report={report}",
        *as_arguments(from_values(of_cluster)),
        *([f"--kubernetes-version={kubernetes_version}"] if kubernetes_version else []),
        f"--conformance-profile={profile.value}",
        *([f"--plugin-profile={plugin_profile}"] if plugin_profile else []),
        *(["--strict-features"] if strict_features else []),
        *(f"--timeout-setting={setting}" for setting in timeout or []),
        *(f"--scenario={path}" for path in words if not path.startswith("-")),
        *(["-k", keyword] if keyword else []),
        *(["-m", marker] if marker else []),
        *(word for word in words if word.startswith("-")),
    ]
    code = pytest.main(arguments)
    if code == pytest.ExitCode.NO_TESTS_COLLECTED:
        _refuse("no scenario matches; list them with: netpol-conformance list")
    raise typer.Exit(_exit_code(code))


@app.command(name="list", epilog="Example: `netpol-conformance list handbook`")
def list_scenarios(paths: Paths = None) -> None:
    """List scenarios: path, the rules they rest on, what they cover, title."""
    for scenario in _corpus(paths):
        covers = f"; {' '.join(scenario.covers)}" if scenario.covers else ""
        typer.echo(f"{scenario.path}  {' '.join(scenario.rules)}{covers}\n  {scenario.title}")


@app.command(epilog="Example: `netpol-conformance show handbook/simple-example.yaml`")
def show(paths: Paths = None) -> None:
    """Show scenarios: each step, and who must and must not connect, and why. Nothing runs."""
    from netpol_conformance.expectation.showing import show_scenario  # noqa: PLC0415

    for scenario in _corpus(paths):
        echo(show_scenario(scenario))


@app.command(epilog="Example: `netpol-conformance lint handbook`")
def lint(paths: Paths = None) -> None:
    """Check scenario files, each and as a corpus, against the format and the oracle."""
    # Here, for the other commands start faster without them.
    from netpol_conformance.expectation.matrix import expectation  # noqa: PLC0415
    from netpol_conformance.expectation.needs import needed_features  # noqa: PLC0415
    from netpol_conformance.scenario.lint import lint as check  # noqa: PLC0415
    from netpol_conformance.scenario.lint import uncovered  # noqa: PLC0415
    from netpol_conformance.scenario.neighbours import lost_neighbours  # noqa: PLC0415

    corpus = _corpus(paths)
    problems = check(corpus, expectation, needed_features)
    if not paths:
        problems += lost_neighbours(corpus)
    for problem in problems:
        typer.echo(str(problem))
    if not paths:
        for line, title in uncovered(corpus).items():
            typer.echo(f"nothing covers {line}: {title}")
    packs = Counter(scenario.pack for scenario in corpus)
    told = ", ".join(f"{pack} {number}" for pack, number in packs.items())
    typer.echo(f"{len(corpus)} scenarios ({told}), {len(problems)} problems")
    raise typer.Exit(Exit.NOT if problems else Exit.CONFORMANT)


@app.command(
    epilog="Examples:\n\n"
    "`netpol-conformance explain busybox service/nginx:80 "
    "--scenario handbook/simple-example.yaml --step 2`\n\n"
    "`netpol-conformance explain shop/web shop/db:6379 -f pods.yaml -f policies.yaml`"
)
def explain(  # noqa: PLR0913, PLR0917 - each is an option that users set
    source: Annotated[str, typer.Argument(help="who asks: POD, NAMESPACE/POD, outside/NAME, IP")],
    destination: Annotated[
        str,
        typer.Argument(help="whom: POD:PORT, NAMESPACE/POD:PORT/UDP, service/NAME:PORT, IP:PORT"),
    ],
    scenario: Annotated[
        str,
        typer.Option("--scenario", "-s", metavar="PATH", help="a scenario, at one of its steps"),
    ] = "",
    step: Annotated[
        int, typer.Option(min=0, help="after which step, from 1 (0: before the first)")
    ] = 1,
    file: Annotated[
        list[Path] | None,
        typer.Option("--file", "-f", help="plain manifests instead of a scenario; - is stdin"),
    ] = None,
    namespace: Annotated[
        str, typer.Option("--namespace", "-n", help="for manifests and names without one")
    ] = "default",
    kubernetes_version: Annotated[
        str, typer.Option(metavar="1.N", help="whose semantics and API hold for manifests")
    ] = str(LATEST),
) -> None:
    """Say whether one pod can reach another, by which policy, rule and sentence of the API."""
    from netpol_conformance.expectation.explaining import (  # noqa: PLC0415
        explain_manifests,
        explain_step,
    )

    if bool(scenario) == bool(file):
        _refuse("explain needs either --scenario PATH or --file MANIFESTS")
    try:
        if scenario:
            echo(explain_step(_one(scenario), step, source, destination))
            return
        texts = {str(path): _read(path) for path in file or []}
        version = KubernetesVersion.parse(kubernetes_version)
        told = explain_manifests(
            _DIVIDER.join(texts.values()), source, destination, version=version, namespace=namespace
        )
        echo(told)
    except ManifestError as error:
        _refuse("\n".join([str(error), *_placed(error, texts)]))
    except (LookupError, ValueError, OSError) as error:
        _refuse(str(error))


@app.command(epilog="Example: `netpol-conformance rights | kubectl apply -f -`")
def rights() -> None:
    """Print the ClusterRole with all that a run with `--cluster kubeconfig` needs."""
    from netpol_conformance.clusters.kubernetes.rights import cluster_role  # noqa: PLC0415

    typer.echo(cluster_role(), nl=False)


@app.command(epilog="Example: `netpol-conformance doctor`")
def doctor() -> None:
    """Check what this machine lacks for the embedded cluster, and say how to mend it."""
    from netpol_conformance.clusters.embedded.doctor import check  # noqa: PLC0415

    findings = check()
    for finding in findings:
        typer.echo(f"{'ok     ' if finding.ok else 'MISSING'} {finding.name}: {finding.what}")
        if not finding.ok:
            typer.echo(f"        mend it: {finding.mend}")
    raise typer.Exit(
        Exit.CONFORMANT if all(finding.ok for finding in findings) else Exit.INCONCLUSIVE
    )


def main() -> None:
    """The entry point of the command ``netpol-conformance``."""
    app()


def _corpus(paths: list[str] | None) -> tuple[Scenario, ...]:
    try:
        return load_corpus(paths or [])
    except ScenarioError as error:
        _refuse(str(error))


def _one(path: str) -> Scenario:
    corpus = _corpus([path])
    if len(corpus) != 1:
        _refuse(f"{path} holds {len(corpus)} scenarios; name one of them: {corpus[0].path}, say")
    return corpus[0]


def _read(path: Path) -> str:
    return sys.stdin.read() if str(path) == "-" else path.read_text(encoding="utf-8")


def _placed(error: ManifestError, texts: Mapping[str, str]) -> Iterator[str]:
    """Each problem of manifests that were read as one text, with its file and line in it."""
    lengths = {name: (text + _DIVIDER).count("\n") for name, text in texts.items()}
    for problem in error.problems:
        line = problem.line
        for name, length in lengths.items():
            if line <= length:
                hint = f"; {problem.suggestion}" if problem.suggestion else ""
                yield f"{name}:{line}: {problem}{hint}"
                break
            line -= length


def _refuse(reason: str) -> NoReturn:
    typer.echo(reason, err=True)
    raise typer.Exit(Exit.USAGE)


def _exit_code(code: int) -> Exit:
    """The exit code of pytest as ours: interrupted is inconclusive, wrong usage ours."""
    return {2: Exit.INCONCLUSIVE, 4: Exit.USAGE}.get(code) or Exit(code)
