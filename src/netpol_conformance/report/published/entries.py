"""Committed reports: what one is called, its README, and the index over all of them. Pure."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from netpol_conformance.judge.outcome import Outcome
from netpol_conformance.report.document.report import Report, corpus_digest
from netpol_conformance.report.document.summary import headline, sentence
from netpol_conformance.report.formats.markdown import code, escaped
from netpol_conformance.report.formats.yaml_report import ConformanceReport
from netpol_conformance.report.text import one_line, plural

BEGIN, END = "<!-- generated -->", "<!-- /generated -->"
"""What stands between these is written by the suite; the rest of a README is its author's."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_NOT_PASSED = (Outcome.FAIL, Outcome.INCONCLUSIVE, Outcome.XFAIL, Outcome.UNSUPPORTED)
_OF_ONE_RUN = {"--report": True, "--reuse-cluster": True, "--keep-cluster": False}
"""Options that say nothing to who runs it again, and whether each has a value."""
RESULTS = {"success": "conforms", "failure": "does not conform", "partial": "no verdict"}


@dataclass(frozen=True)
class Published:
    """A committed report: ``reports/<implementation>/<version>/``."""

    implementation: str
    version: str
    report: Report
    conformance: ConformanceReport

    @property
    def folder(self) -> str:
        """Where it is, below the folder of reports."""
        return f"{self.implementation}/{self.version}"

    @property
    def name(self) -> str:
        """What the implementation is called."""
        return self.conformance.implementation.project or self.implementation


def usable(name: str) -> bool:
    """Whether an implementation or version can be the name of a folder."""
    return bool(_NAME.fullmatch(name))


def readme(item: Published, before: str = "") -> str:
    """The README of a report; of ``before``, what its author wrote stays."""
    generated = f"{BEGIN}\n{_about(item)}\n{END}"
    head, begin, rest = before.partition(BEGIN)
    if begin:
        _, _, tail = rest.partition(END)
        return f"{head}{generated}{tail}"
    return f"# {escaped(f'{item.name} {item.version}')}\n\n{generated}\n"


def index(items: Iterable[Published]) -> str:
    """The index page, a row for each implementation, version and profile."""
    rows = [row for item in newest_first(items) for row in _rows(item)]
    head = (
        "# Conformance reports\n\n"
        "One folder for each implementation and version, with the report, its short form and how "
        "to reproduce it. `netpol-conformance reports add` puts a report here, `netpol-conformance "
        "reports check` holds all of them to their schema, their short forms and this page.\n"
    )
    if not rows:
        return f"{head}\nThere is none yet.\n"
    table = [
        "| implementation | version | profile | result | passed | Kubernetes | suite | date |",
        "| --- | --- | --- | --- | ---: | --- | --- | --- |",
        *rows,
    ]
    return head + "\n" + "\n".join(table) + "\n"


def changed(report: Report, corpus: Mapping[str, str]) -> tuple[int, int]:
    """How many of the report's scenarios have another text today or are gone, and are new.

    ``corpus`` has the digest of each scenario there is today.
    """
    held = {item.path: item.digest for item in report.scenarios}
    other = sum(corpus.get(path) != digest for path, digest in held.items())
    return other, len(corpus.keys() - held.keys())


def newest_first(items: Iterable[Published]) -> Sequence[Published]:
    """By implementation, the newest version first."""
    newest_first = sorted(items, key=lambda item: _parts(item.version), reverse=True)
    return sorted(newest_first, key=lambda item: item.implementation)


def _parts(version: str) -> list[tuple[int, str]]:
    """A version in pieces that sort as people expect: 1.10 after 1.9."""
    return [
        (int(part) if part.isdigit() else -1, part) for part in re.split(r"[.\-]|(?<=v)", version)
    ]


def _rows(item: Published) -> Iterable[str]:
    conformance = item.conformance
    for profile in conformance.profiles:
        cells = [
            escaped(item.name),
            f"[{escaped(item.version)}]({item.folder}/README.md)",
            escaped(profile.name),
            f"{RESULTS[profile.result]}: {escaped(profile.summary)}",
            f"{profile.statistics.passed:,} of {profile.statistics.total:,}",
            escaped(conformance.cluster.kubernetes_version),
            escaped(conformance.suite.version),
            conformance.date[:10],
        ]
        yield f"| {' | '.join(cells)} |"


def _about(item: Published) -> str:
    report, conformance = item.report, item.conformance
    day = datetime.fromtimestamp(report.started, UTC).strftime("%Y-%m-%d")
    machine = ", ".join(f"{name} {value}" for name, value in report.machine.items())
    implementation = conformance.implementation
    facts = {
        "made": day,
        "with": f"netpol-conformance {report.suite_version}, corpus {corpus_digest(report)}",
        "on": _cluster(conformance),
        "machine": machine,
        "implementation": one_line(f"{implementation.organization} {implementation.url}"),
        "contact": ", ".join(implementation.contact),
    }
    kept = (
        f"`report.json` tells every cell of {plural(len(report.scenarios), 'scenario')}, with the "
        "evidence of those that did not pass; `report.yaml` is the short form."
    )
    parts = [
        f"{escaped(headline(report))}. {escaped(sentence(report))}",
        "\n".join(f"- {name}: {escaped(value)}" for name, value in facts.items() if value.strip()),
        "Reproduce it with that version of the suite:",
        f"```sh\n{reproduce(report)}\n```",
        kept,
        _not_passed(report),
    ]
    return "\n\n".join(part for part in parts if part)


def reproduce(report: Report) -> str:
    """The command of the run, less what is of that run alone: where its reports went, and the name
    of the cluster that it used.
    """
    try:
        words = shlex.split(one_line(report.command))
    except ValueError:
        return one_line(report.command)
    kept: list[str] = []
    rest = iter(words)
    for word in rest:
        option, equals, _ = word.partition("=")
        if option not in _OF_ONE_RUN:
            kept.append(word)
        elif _OF_ONE_RUN[option] and not equals:
            next(rest, None)
    return shlex.join(kept)


def _cluster(conformance: ConformanceReport) -> str:
    cluster = conformance.cluster
    parts = [
        cluster.driver,
        plural(cluster.nodes, "node") if cluster.nodes else "",
        f"Kubernetes {cluster.kubernetes_version}" if cluster.kubernetes_version else "",
    ]
    return ", ".join(part for part in parts if part)


def _not_passed(report: Report) -> str:
    """What did not pass, by name and with its reason."""
    wrong = [item for item in report.scenarios if item.outcome in _NOT_PASSED]
    rows = [f"- {item.outcome.value} {code(item.path)}: {escaped(item.reason)}" for item in wrong]
    return "\n".join(["What did not pass:", "", *rows]) if rows else ""
