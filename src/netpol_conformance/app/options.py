"""All that users say of a run: the one table behind ``netpol-conformance run`` and pytest.

Imports next to nothing: every pytest run of the environment loads it.
"""

from __future__ import annotations

from dataclasses import dataclass

from netpol_conformance.clusters.options import Options, option

PYTEST_PREFIX = "netpol-"
"""What pytest's options of ours begin with, lest they meet anybody else's."""


@dataclass(frozen=True)
class RunOptions(Options):
    """What a run is asked for, as given; ``app.request.prepare`` checks it."""

    scenario: tuple[str, ...] = option(
        (),
        "a pack, folder or scenario to run (again for more); default: all packs",
        metavar="PATH",
        reruns=False,
    )
    keyword: str = option(
        "",
        "only scenarios whose path, title or markers contain these words; with and, or, not, ( )",
        metavar="EXPRESSION",
        short="k",
        reruns=False,
        of_pytest=True,
    )
    marker: str = option(
        "",
        "only these packs, features, S-numbers; with and, or, not, ( )",
        metavar="EXPRESSION",
        short="m",
        reruns=False,
        of_pytest=True,
    )
    profile: str = option(
        "extended",
        "core: what every plugin is held to; extended (the default): all there is; "
        "history: what older versions meant",
        choices=("core", "extended", "history"),
        reruns=False,
    )
    kubernetes_version: str = option(
        "",
        "the version, from 1.5 to 1.34, of clusters whose scenario asks for none",
        metavar="1.N",
    )
    jobs: int = option(
        0,
        "scenarios at once (default: a good number for the cluster; they mostly wait)",
        metavar="N",
        reruns=False,
    )
    maxfail: int = option(
        0,
        "end the run after so many scenarios that failed or were inconclusive",
        metavar="N",
        reruns=False,
        of_pytest=True,
    )
    timeout: tuple[str, ...] = option(
        (),
        "set a named time-out: ready, enforce, poll, probe, confirm or hold",
        metavar="NAME=SECONDS",
        reruns=False,
    )
    plugin_profile: str = option(
        "",
        "what the implementation declares: a profile under plugins/, a file, or none "
        "(default: the implementation's own, if there is one)",
        metavar="NAME|FILE",
    )
    strict_features: bool = option(
        default=False,
        text="fail what passes though it needs a feature that is declared as unsupported",
    )
    verbose: bool = option(
        default=False,
        text="say what is waited for, and how long it took",
        short="v",
        reruns=False,
        of_pytest=True,
    )
    debug: bool = option(
        default=False,
        text="show each request, command and look, and the traceback of what goes wrong",
        reruns=False,
        of_pytest=True,
    )
    report: str = option(
        "", "write every kind of report into this folder", metavar="DIR", reruns=False
    )
    json: str = option("", "write the report as JSON", metavar="FILE", reruns=False)
    html: str = option("", "write the report as one HTML page", metavar="FILE", reruns=False)
    junit: str = option("", "write the report as JUnit XML", metavar="FILE", reruns=False)
    yaml: str = option("", "write a ConformanceReport, in short", metavar="FILE", reruns=False)
    markdown: str = option("", "write a summary as Markdown", metavar="FILE", reruns=False)
