"""``netpol-conformance fuzz``: generated cases on a cluster.

Here: words to a search, its progress and its end as text, files and exit codes.
Not here: drawing, asking and shrinking (``fuzz``).
"""

from __future__ import annotations

import random
import shlex
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from netpol_conformance.app import UsageError, usage_errors
from netpol_conformance.cli.options import options_of
from netpol_conformance.clusters.base import ClusterError, Driver
from netpol_conformance.clusters.drivers import make_driver
from netpol_conformance.clusters.options import (
    Options,
    as_arguments,
    check_driver_reads,
    from_values,
)
from netpol_conformance.judge.outcome import ExitCode
from netpol_conformance.model.version import LATEST, KubernetesVersion
from netpol_conformance.run.timeouts import UNPROMISED

if TYPE_CHECKING:
    from netpol_conformance.fuzz.asking import Target
    from netpol_conformance.fuzz.cases import Shape
    from netpol_conformance.fuzz.search import Budget, Found, Searched

_CASES = 200
_SEEDS = 1_000_000
_FAMILIES = {"ipv4": (4,), "ipv6": (6,), "dual": (4, 6)}
_EVERY = 5.0
"""Seconds between two lines of progress where there is no terminal."""


@options_of(Options)
def fuzz(  # noqa: PLR0913, PLR0917 - each is an option that users set
    seed: Annotated[
        int | None, typer.Option(min=0, metavar="N", help="draw the same cases as before")
    ] = None,
    cases: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help=f"how many; {_CASES} unless --seconds is given"),
    ] = None,
    seconds: Annotated[
        float | None, typer.Option(min=1, metavar="S", help="for how long, shrinking included")
    ] = None,
    jobs: Annotated[
        int, typer.Option(min=0, metavar="N", help="clusters at once (0: a good number)")
    ] = 0,
    shrink: Annotated[
        float, typer.Option(min=0, metavar="S", help="seconds to look for a smaller case")
    ] = 60.0,
    kubernetes_version: Annotated[
        str, typer.Option(metavar="1.N", help="whose policies and semantics")
    ] = str(LATEST),
    output: Annotated[
        Path, typer.Option(metavar="DIR", help="where a scenario of what disagrees goes")
    ] = Path("build/fuzz"),
    **of_cluster: Any,  # noqa: ANN401 - see options_of
) -> None:
    """Draw clusters, policies and changes, and hold a cluster to the oracle until it disagrees.

    A case is one state of a cluster, asked in full.
    """
    if find_spec("hypothesis") is None:
        raise UsageError(
            "fuzz needs the package hypothesis: pip install 'netpol-conformance[fuzz]'"
        )
    from netpol_conformance.fuzz.search import Budget  # noqa: PLC0415 - hypothesis is an extra

    options = from_values(Options, of_cluster)
    with usage_errors(ValueError):
        check_driver_reads(options, also=("ip_family",))
        driver = make_driver(options)
        shape = _shape(options, driver, KubernetesVersion.parse(kubernetes_version))
    if cases is None and seconds is None:
        cases = _CASES
    unbounded = float("inf")
    budget = Budget(cases or unbounded, seconds or unbounded)
    first = random.randrange(_SEEDS) if seed is None else seed  # noqa: S311
    words = [*as_arguments(options)]
    if shape.version != LATEST:
        words.append(f"--kubernetes-version={kubernetes_version}")
    fuzzing = _Fuzzing(
        Console(highlight=False), driver, budget, first, shrink, output, tuple(words)
    )
    raise typer.Exit(fuzzing.run(shape, jobs or driver.concurrency))


def _shape(options: Options, driver: Driver, version: KubernetesVersion) -> Shape:
    from netpol_conformance.fuzz.cases import Shape  # noqa: PLC0415

    if options.ip_family not in _FAMILIES:
        raise ValueError(f"--ip-family {options.ip_family}: choose from {', '.join(_FAMILIES)}")
    if version < LATEST and not version.annotation_isolates:
        raise ValueError(f"fuzz draws the policies of {LATEST} and of 1.6, not of {version}")
    return Shape(
        _FAMILIES[options.ip_family],
        version,
        outside=driver.makes_outside_hosts,
        controlled=driver.controlled,
    )


@dataclass(frozen=True)
class _Fuzzing:
    """One run of the command. ``words`` are the options that a rerun needs."""

    console: Console
    driver: Driver
    budget: Budget
    first: int
    shrink: float
    output: Path
    words: tuple[str, ...]

    def run(self, shape: Shape, jobs: int) -> ExitCode:
        """Search, shrink, write and tell; returns the exit code."""
        from netpol_conformance.fuzz import search  # noqa: PLC0415
        from netpol_conformance.fuzz.asking import (  # noqa: PLC0415
            IN_FORCE_AT_ONCE,
            Target,
            UnclearError,
            check_probes,
        )

        timeouts = IN_FORCE_AT_ONCE if self.driver.synchronous else UNPROMISED
        target = Target(self.driver.cluster, shape, timeouts)
        began = time.monotonic()
        try:
            with closing(self.driver):
                self.driver.open(self.say)
                with closing(target.cluster()) as cluster:
                    check_probes(cluster)
                with self.showing_progress() as show:
                    done = search.Search(target, self.first, self.budget, jobs).run(
                        lambda so_far: show(_progress(so_far))
                    )
                return self.end(done, target, began + self.budget.seconds)
        except KeyboardInterrupt:
            self.say("Interrupted before anything was asked.")
            return ExitCode.NO_ANSWER
        except (ClusterError, UnclearError) as error:
            self.say(str(error))
            return ExitCode.NO_ANSWER

    def end(self, done: Searched, target: Target, deadline: float) -> ExitCode:
        """What the search came to, told; returns the exit code."""
        if done.found:
            self.show_found(done.found[0], target, deadline, interrupted=done.interrupted)
        for seed, fault in done.faults[:1]:
            self.say(f"Inconclusive at seed {seed}: {fault}")
        if done.interrupted:
            self.say("Interrupted.")
        self.say(
            f"{_progress(done)}, {len(done.found[:1]) or 'no'} disagreement"
            f"{'' if done.found else 's'}; seeds {self.first} to {self.first + done.seeds - 1}"
        )
        self.say(f"again: {self.command(self.first, done.cases)}")
        if done.found:
            return ExitCode.NO
        unclear = done.faults or done.interrupted or not done.cases
        return ExitCode.NO_ANSWER if unclear else ExitCode.YES

    def show_found(
        self, found: Found, target: Target, deadline: float, *, interrupted: bool
    ) -> None:
        """Shrink the case as far as time allows, explain it, and write it as a scenario."""
        from netpol_conformance.fuzz.finding import as_text, can_be_stated  # noqa: PLC0415
        from netpol_conformance.fuzz.shrinking import smallest  # noqa: PLC0415

        self.say(f"Seed {found.seed} disagrees: {found.wrong[0].cell}")
        again = self.command(found.seed, len(found.case.changes))
        until = min(time.monotonic() + self.shrink, deadline)
        if not interrupted and until > time.monotonic():
            with self.showing_progress() as show:
                found = smallest(
                    target,
                    found,
                    until,
                    lambda tried, kept: show(f"shrinking: {tried} smaller cases, {kept} disagree"),
                )
        self.say(f"\n{found.wrong[0]}\n")
        if can_be_stated(found.case, found.wrong):
            self.write(
                as_text(found.case, found.wrong, found.seed, self.driver.implementation),
                self.output / f"fuzz-{found.seed}.yaml",
            )
        else:
            self.say("No scenario can be written of it: at some step nobody is left to ask.")
        self.say(f"  {again}  # this case alone")

    def write(self, text: str, path: Path) -> None:
        """Write a scenario, and tell what to do with it."""
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        except OSError as error:
            self.say(f"{text}\n{path} cannot be written: {error}")
        else:
            self.say(f"written: {path}")
            self.say(f"  {shlex.join(['netpol-conformance', 'lint', str(path)])}")
            run = ["netpol-conformance", "run", str(path), *self.words]
            self.say(f"  {shlex.join(run)}")

    def command(self, seed: int, cases: int) -> str:
        """The command that asks the same again."""
        words = ["netpol-conformance", "fuzz", "--seed", str(seed), "--cases", str(max(1, cases))]
        return shlex.join([*words, *self.words])

    def say(self, words: str) -> None:
        """Print plain text."""
        self.console.print(words, markup=False, soft_wrap=True)

    @contextmanager
    def showing_progress(self) -> Iterator[Callable[[str], None]]:
        """What shows progress: in place on a terminal, else a line now and then."""
        if self.console.is_terminal:
            with self.console.status("") as status:
                yield status.update
            return
        last = time.monotonic()

        def show(words: str) -> None:
            nonlocal last
            if time.monotonic() - last >= _EVERY:
                last = time.monotonic()
                self.say(words)

        yield show


def _progress(so_far: Searched) -> str:
    return f"{so_far.cases} cases in {so_far.seconds:.0f} s, {so_far.rate:.0f} a minute"
