"""The JSON Schemas of what reports are written as, generated from their types. Pure."""

from __future__ import annotations

import json
from typing import Any

from pydantic import BaseModel

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schema_of(model: type[BaseModel], title: str) -> dict[str, Any]:
    """The schema of a model's JSON.

    It allows fields that it does not know: they may be added without a new version.
    """
    return {"$schema": DIALECT, **_open(model.model_json_schema(by_alias=True)), "title": title}


def schema_text(model: type[BaseModel], title: str) -> str:
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
