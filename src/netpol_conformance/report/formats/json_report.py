"""The report as a JSON file: writing it, reading it back, and the JSON Schemas of all reports.

``python -m netpol_conformance.report.formats.json_report > schemas/report.schema.json`` regenerates
the committed schema after a change of the document.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import PydanticSerializationError

from netpol_conformance.report.document.report import Report
from netpol_conformance.report.document.short import expanded

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schema_of(model: type[BaseModel], title: str) -> dict[str, Any]:
    """The schema of a model's JSON.

    It allows fields that it does not know: they may be added without a new version.
    """
    return {"$schema": DIALECT, **_open(model.model_json_schema(by_alias=True)), "title": title}


def schema_text_of(model: type[BaseModel], title: str) -> str:
    """The schema as it is committed."""
    return json.dumps(schema_of(model, title), indent=2, ensure_ascii=False) + "\n"


def _open(value: Any) -> Any:  # noqa: ANN401 - any part of a schema
    """A schema whose objects may have more fields."""
    if isinstance(value, list):
        return [_open(item) for item in value]
    if not isinstance(value, dict):
        return value
    closed = value.get("additionalProperties") is False
    return {
        key: _open(item)
        for key, item in value.items()
        if not (closed and key == "additionalProperties")
    }


_TITLE = "netpol-conformance report, version 1"


class ReportError(ValueError):
    """A file is not a report that can be read; the message says which, where and why."""


def dumps(report: Report) -> str:
    """The report's JSON text: one value a line, so that two reports can be compared."""
    try:
        return report.model_dump_json(indent=1) + "\n"
    except PydanticSerializationError:
        # Some output holds a lone surrogate: not UTF-8, but no reason to lose the report.
        return json.dumps(report.model_dump(), indent=1, ensure_ascii=True) + "\n"


def loads(text: str, *, source: str = "report") -> Report:
    """Read a report back, a short one expanded; raises ReportError, naming ``source``.

    What a later suite of the same ``schema_version`` has added is passed over.
    """
    try:
        data = json.loads(text)
    except json.JSONDecodeError as error:
        raise ReportError(
            f"{source}:{error.lineno}: not JSON ({error.msg}); give a report.json that a run wrote"
        ) from None
    except RecursionError:
        raise ReportError(f"{source}: nested too deeply to be a report that a run wrote") from None
    version = data.get("schema_version") if isinstance(data, dict) else None
    if version != "1":
        raise ReportError(
            f'{source}: schema_version is {json.dumps(version)}, not "1"; '
            "give a report.json that this version of the suite wrote"
        )
    try:
        report = Report.model_validate(data, extra="ignore")
        return expanded(report) if report.short else report
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise ReportError(
            f"{source}: {place}: {first['msg']}; give a report.json unchanged since it was written"
        ) from None


def read(path: Path) -> Report:
    """Read the report at ``path``; raises ReportError, or OSError if there is no such file."""
    return loads(path.read_text(encoding="utf-8"), source=str(path))


def schema() -> dict[str, Any]:
    """The JSON Schema of a written report."""
    return schema_of(Report, _TITLE)


def schema_text() -> str:
    """The schema as it is committed."""
    return schema_text_of(Report, _TITLE)


if __name__ == "__main__":
    print(schema_text(), end="")
