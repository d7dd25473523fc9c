"""Text -> a document that its strict schema takes, or problems that a person can act on."""

from __future__ import annotations

from typing import TypeVar, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from netpol_conformance.model.yaml import Document, YAMLError, load_all
from netpol_conformance.scenario.errors import (
    Complaints,
    FieldPath,
    Problem,
    ScenarioError,
    did_you_mean,
)

M = TypeVar("M", bound=BaseModel)

_REASONS = {
    "missing": "is missing",
    "model_type": "must be a mapping of keys to values",
    "dict_type": "must be a mapping of keys to values",
    "list_type": "must be a list",
    "string_type": "must be a string",
    "int_type": "must be a whole number",
    "bool_type": "must be true or false",
    "string_too_short": "must not be empty",
    "too_short": "must not be empty",
}


def read_document(text: str, file: str, noun: str) -> Document:
    """The only YAML document of ``text``, which is of a ``noun``; raises ScenarioError."""
    try:
        documents = load_all(text, source=file)
    except YAMLError as error:
        raise ScenarioError([Problem(file, error.line, "", error.reason)]) from error
    if len(documents) != 1:
        reason = f"holds {len(documents)} YAML documents; a {noun} is one"
        raise ScenarioError([Problem(file, 1, "", reason)])
    return documents[0]


def validate(model: type[M], document: Document, complaints: Complaints) -> M:
    """The document as a ``model``; raises ScenarioError with all that is wrong with it."""
    try:
        return model.model_validate(document.data)
    except ValidationError as error:
        for detail in error.errors(include_url=False):
            where = tuple(part for part in detail["loc"] if part != "[key]")
            complaints.add(where, _reason(detail), _suggestion(detail, where, model))
        complaints.raise_if_any()
        raise


def _reason(detail: ErrorDetails) -> str:
    kind, value = detail["type"], detail["input"]
    if kind == "extra_forbidden":
        return f'unknown key "{detail["loc"][-1]}"'
    if kind == "literal_error":
        return f'"{value}" is not one of the words {detail["ctx"]["expected"]}'
    if kind == "string_pattern_mismatch":
        return f'"{value}" does not look right; it must match {detail["ctx"]["pattern"]}'
    if kind in _REASONS:
        return _REASONS[kind]
    return detail["msg"].removeprefix("Value error, ")


def _suggestion(detail: ErrorDetails, where: FieldPath, model: type[BaseModel]) -> str:
    kind, value = detail["type"], detail["input"]
    if kind == "extra_forbidden":
        return did_you_mean(str(where[-1]), _keys(where[:-1], model))
    if kind == "literal_error":
        expected = str(detail["ctx"]["expected"])
        words = [word.strip(" '") for word in expected.replace(" or ", ",").split(",")]
        return did_you_mean(str(value), words)
    if kind == "string_type" and isinstance(value, bool | int | float):
        return f'write it in quotes: "{str(value).lower()}"'
    return ""


def _keys(where: FieldPath, model: type[BaseModel]) -> list[str]:
    """The keys that the mapping at ``where`` in a ``model`` may have."""
    parts = iter(where)
    for part in parts:
        annotation = _fields(model)[str(part)].annotation
        if get_origin(annotation) in (dict, list):
            next(parts, None)  # a name or an index, not a field
        model = _model_in(annotation) or model
    return list(_fields(model))


def _fields(model: type[BaseModel]) -> dict[str, FieldInfo]:
    return {field.alias or name: field for name, field in model.model_fields.items()}


def _model_in(annotation: object) -> type[BaseModel] | None:
    """The model inside ``dict[str, Model]``, ``list[Model]`` or ``Model | None``."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    inner = (_model_in(argument) for argument in get_args(annotation))
    return next((model for model in inner if model is not None), None)
