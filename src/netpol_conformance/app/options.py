"""All that users say of a run: the one table behind ``netpol-conformance run`` and pytest.

Imports next to nothing: every pytest run of the environment loads it.
"""

from __future__ import annotations

from dataclasses import dataclass

from netpol_conformance.clusters.options import Options, flag, option

PYTEST_PREFIX = "netpol-"
"""What pytest's options of ours begin with, lest they meet anybody else's."""


@dataclass(frozen=True)
class RunOptions(Options):
    """What a run is asked for, as given; ``app.request.prepare`` checks it."""

    scenario: tuple[str, ...] = option(
        (),
        "PATH",
        "a pack, folder or scenario to run (again for more); default: all packs",
        reruns=False,
    )
    keyword: str = option(
        "",
        "EXPRESSION",
        "only scenarios whose path, title or markers contain these words; with and, or, not, ( )",
        short="k",
        reruns=False,
        of_pytest=True,
    )
    marker: str = option(
        "",
        "EXPRESSION",
        "only these packs, features, S-numbers; with and, or, not, ( )",
        short="m",
        reruns=False,
        of_pytest=True,
    )
    profile: str = option(
        "extended",
        "",
        "core: what every plugin is held to; extended (the default): all there is; "
        "history: what older versions meant",
        choices=("core", "extended", "history"),
        reruns=False,
    )
    kubernetes_version: str = option(
        "", "1.N", "the version, from 1.5 to 1.34, of clusters whose scenario asks for none"
    )
    jobs: int = option(
        0,
        "N",
        "scenarios at once (default: a good number for the cluster; they mostly wait)",
        reruns=False,
    )
    maxfail: int = option(
        0,
        "N",
        "end the run after so many scenarios that failed or were inconclusive",
        reruns=False,
        of_pytest=True,
    )
    timeout: tuple[str, ...] = option(
        (),
        "NAME=SECONDS",
        "set a named time-out: ready, enforce, labels, brief, poll, probe, confirm or hold",
        reruns=False,
    )
    enforce_within: float = option(
        0.0,
        "SECONDS",
        "fail each step that is in force later than this (default: no time is promised)",
    )
    declaration: str = option(
        "",
        "NAME|FILE",
        "what the implementation declares: the name of a file in plugins/, a file, or none "
        "(default: the implementation's own, if there is one)",
    )
    strict_features: bool = flag(
        "fail what passes though it needs a feature that is declared as unsupported"
    )
    verbose: bool = flag(
        "say what is waited for, and how long it took", short="v", reruns=False, of_pytest=True
    )
    debug: bool = flag(
        "show each request, command and look, and the traceback of what goes wrong",
        reruns=False,
        of_pytest=True,
    )
    report: str = option("", "DIR", "write every kind of report into this folder", reruns=False)
    json: str = option("", "FILE", "write the report as JSON", reruns=False)
    html: str = option("", "FILE", "write the report as one HTML page", reruns=False)
    junit: str = option("", "FILE", "write the report as JUnit XML", reruns=False)
    yaml: str = option("", "FILE", "write a ConformanceReport, in short", reruns=False)
    markdown: str = option("", "FILE", "write a summary as Markdown", reruns=False)
