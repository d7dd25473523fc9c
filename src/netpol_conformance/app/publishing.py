"""The folder of committed reports: adding one, reading all, and whether they are in order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import yaml
from pydantic import ValidationError

from netpol_conformance import __version__
from netpol_conformance.report.document import short
from netpol_conformance.report.document.report import Report
from netpol_conformance.report.formats import json_report, yaml_report
from netpol_conformance.report.formats.files import write_text
from netpol_conformance.report.formats.json_report import ReportError
from netpol_conformance.report.formats.yaml_report import ConformanceReport, Implementation
from netpol_conformance.report.published import page as published_page
from netpol_conformance.report.published.entries import (
    Published,
    changed,
    index,
    readme,
    reproduce,
    usable,
)

INDEX = "README.md"
_FILES = ("README.md", "report.json", "report.yaml")
_MOST = 2 * 1024 * 1024
"""Bytes of a committed report; a whole one belongs elsewhere."""


class PublishingError(ValueError):
    """A report cannot be added; the message says why and what to do."""


class Finding(NamedTuple):
    """Something about the committed reports. ``wrong`` unless it is only worth knowing."""

    place: str
    what: str
    wrong: bool = True

    def __str__(self) -> str:
        return f"{self.place}: {self.what}"


def add(
    root: Path, report: Report, name: str, version: str, implementation: Implementation
) -> Path:
    """Put a report into its folder below ``root`` and return that; raises PublishingError."""
    if not usable(name) or not usable(version):
        raise PublishingError(
            f'"{name}" and "{version}" become folders: use letters, digits, ".", "_" and "-"'
        )
    if report.partial or report.self_test is None:
        raise PublishingError(f"the report is partial: {report.reason} Make a whole one")
    conformance = yaml_report.conformance_report(report, implementation)
    item = Published(name, version, report, conformance)
    folder = root / item.folder
    text = short.dumps(report)
    if len(text) > _MOST:
        raise PublishingError(f"even in short the report has {len(text):,} bytes")
    before = folder / "README.md"
    known = before.read_text(encoding="utf-8") if before.is_file() else ""
    write_text(folder / "report.json", text)
    write_text(folder / "report.yaml", yaml_report.dumps(report, implementation))
    write_text(folder / "README.md", readme(item, known))
    return folder


def write_index(root: Path) -> Path:
    """Write the index page anew; raises PublishingError if a report cannot be read."""
    write_text(root / INDEX, index(_readable(root)))
    return root / INDEX


def write_page(root: Path, path: Path) -> Path:
    """Write the index as an HTML page; raises PublishingError if a report cannot be read."""
    write_text(path, published_page.render(_readable(root)))
    return path


def read(root: Path) -> tuple[list[Published], list[Finding]]:
    """Every committed report that can be read, and what keeps the others from it."""
    items, findings = [], []
    for folder in sorted(path for path in root.glob("*/*") if path.is_dir()):
        name = folder.relative_to(root).as_posix()
        missing = [file for file in _FILES if not (folder / file).is_file()]
        if missing:
            findings.append(Finding(name, f"lacks {', '.join(missing)}"))
            continue
        try:
            items.append(_read(folder))
        except (ReportError, ValidationError, yaml.YAMLError, OSError, UnicodeError) as error:
            findings.append(Finding(name, f"cannot be read: {error}"))
    return items, findings


def check(root: Path, corpus: Mapping[str, str]) -> list[Finding]:
    """Whether all committed reports are in order, and the index page is theirs."""
    items, findings = read(root)
    for item in items:
        findings += _findings(root / item.folder, item, corpus)
    page = root / INDEX
    current = page.is_file() and page.read_text(encoding="utf-8") == index(items)
    if not current and not any(finding.wrong for finding in findings):
        what = "is not up to date; run: netpol-conformance reports index"
        findings.append(Finding(INDEX, what))
    return findings


def _readable(root: Path) -> list[Published]:
    """Every committed report; raises PublishingError if one cannot be read."""
    items, findings = read(root)
    if findings:
        raise PublishingError("\n".join(map(str, findings)))
    return items


def _read(folder: Path) -> Published:
    report = json_report.read(folder / "report.json")
    data = yaml.safe_load((folder / "report.yaml").read_text(encoding="utf-8"))
    conformance = ConformanceReport.model_validate(data, extra="ignore")
    return Published(folder.parent.name, folder.name, report, conformance)


def _findings(folder: Path, item: Published, corpus: Mapping[str, str]) -> Iterator[Finding]:
    report, conformance = item.report, item.conformance
    text = (folder / "report.yaml").read_text(encoding="utf-8")
    if text != yaml_report.dumps(report, conformance.implementation):
        yield Finding(item.folder, "report.yaml is not what report.json comes to; add it again")
    if report.partial or not report.probes_work:
        yield Finding(item.folder, "the run was partial, or its probes were not seen to work")
    if (folder / "report.json").stat().st_size > _MOST:
        yield Finding(item.folder, "report.json is larger than 2 MiB; add it again, in short")
    if any(not scenario.digest for scenario in report.scenarios):
        yield Finding(item.folder, "names no text of some scenarios; run it with this suite")
    if _number(report.suite_version) > _number(__version__):
        made = f"was made by suite {report.suite_version}, but this is {__version__}"
        yield Finding(item.folder, made)
    text = (folder / "README.md").read_text(encoding="utf-8")
    if reproduce(report) not in text:
        yield Finding(item.folder, "README.md does not say how to reproduce it; add it again")
    other, new = changed(report, corpus)
    if (other or new) and report.suite_version == __version__:
        since = f"{other:,} of its scenarios have changed since, {new:,} are new"
        yield Finding(item.folder, since, wrong=False)


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdigit())
