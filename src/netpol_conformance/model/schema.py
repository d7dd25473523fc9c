"""The shape of manifests: which fields there are and of which type (S63).

This is the first of the API server's two passes over an object: decoding JSON into typed fields,
which finds unknown fields and wrong types. The second pass, validation of the values, is in the
module of each kind.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from netpol_conformance.model.problems import Fault, Path, did_you_mean, quote

Fields = dict[str, Any]
"""What remains of a mapping once it was read: known fields of the right types, no nulls."""

FieldTypes = dict[str, "Type | None"]
"""The types of a struct's fields; None for one whose value isn't looked at."""

_INT32 = range(-(2**31), 2**31)


@dataclass(slots=True)
class Reading:
    """What was found while reading one object: fields nobody knows, and values of wrong types."""

    unknown: list[Fault] = field(default_factory=list)
    mistyped: list[Fault] = field(default_factory=list)

    def mistake(self, value: object, path: Path, struct: str, type_: Type, *key: str) -> None:
        """Note that ``value`` isn't of ``type_``.

        ``struct`` is the API's type that has the field; ``key`` is for an item of a map, which
        the API server's message leaves out.
        """
        names = ".".join(step for step in path if isinstance(step, str))
        where = f"Go struct field {struct}.{names}" if struct else "Go value"
        cause = f"json: cannot unmarshal {_shown(value, type_)} into {where} of type {type_}"
        self.mistyped.append(Fault((*path, *key), cause, _mend(value, type_)))


class Type(ABC):
    """The type of a field. ``str()`` is its name in the API server's messages."""

    @abstractmethod
    def read(self, value: object, path: Path, struct: str, reading: Reading) -> object:
        """``value`` as this type; notes in ``reading`` what is wrong and then gives zero()."""

    @abstractmethod
    def zero(self) -> object:
        """What a null in a list or a map means."""


@dataclass(frozen=True)
class Scalar(Type):
    """A string, a bool or an integer; ``name`` is what the API server calls its type."""

    kind: str
    name: str

    def read(self, value: object, path: Path, struct: str, reading: Reading) -> object:
        """The value itself."""
        if _FITS[self.kind](value):
            return value
        reading.mistake(value, path, struct, self)
        return self.zero()

    def zero(self) -> object:
        """Empty, false or 0."""
        return {"string": "", "bool": False}.get(self.kind, 0)

    def __str__(self) -> str:
        return self.name


class StringMap(Type):
    """A mapping with any keys to strings, as labels are."""

    def read(self, value: object, path: Path, struct: str, reading: Reading) -> object:
        """A dict of strings."""
        if not isinstance(value, Mapping):
            reading.mistake(value, path, struct, self)
            return {}
        result = {}
        for key, item in value.items():
            if item is None or isinstance(item, str):
                result[key] = item or ""
            else:
                reading.mistake(item, path, struct, STRING, key)
        return result

    def zero(self) -> object:
        """An empty mapping."""
        return {}

    def __str__(self) -> str:
        return "map[string]string"


@dataclass(frozen=True)
class ListOf(Type):
    """A list."""

    item: Type

    def read(self, value: object, path: Path, struct: str, reading: Reading) -> object:
        """A list of what the items are."""
        if not isinstance(value, list):
            reading.mistake(value, path, struct, self)
            return []
        item = self.item
        return [
            item.zero() if part is None else item.read(part, (*path, index), struct, reading)
            for index, part in enumerate(value)
        ]

    def zero(self) -> object:
        """An empty list."""
        return []

    def __str__(self) -> str:
        return f"[]{self.item}"


@dataclass(frozen=True)
class Struct(Type):
    """A mapping with a fixed set of fields; ``name`` is the API's name of the type."""

    name: str
    fields: FieldTypes

    def read(self, value: object, path: Path, struct: str, reading: Reading) -> Fields:
        """The fields that matter and have a value: a null is as good as no field."""
        if not isinstance(value, Mapping):
            reading.mistake(value, path, struct, self)
            return {}
        result: Fields = {}
        for key, item in value.items():
            known = self.fields.get(key)
            if known is not None:
                if item is not None:
                    result[key] = known.read(item, (*path, key), self.name, reading)
            elif key not in self.fields:
                fault = Fault((*path, key), "unknown field", did_you_mean(key, self.fields))
                reading.unknown.append(fault)
        return result

    def zero(self) -> Fields:
        """No field is set."""
        return {}

    def __str__(self) -> str:
        return f"v1.{self.name}"


def _is_int(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


_FITS = {
    "string": lambda value: isinstance(value, str),
    "bool": lambda value: isinstance(value, bool),
    "int32": lambda value: _is_int(value) and value in _INT32,
    "int32 or string": lambda value: isinstance(value, str) or (_is_int(value) and value in _INT32),
}

STRING = Scalar("string", "string")
BOOL = Scalar("bool", "bool")
INT32 = Scalar("int32", "int32")
INT_OR_STRING = Scalar("int32 or string", "int32")
_NUMBERS = (INT32, INT_OR_STRING)
_JSON_KINDS: dict[str, type | tuple[type, ...]] = {
    "bool": bool,
    "number": (int, float),
    "string": str,
    "array": list,
}
STRINGS = ListOf(STRING)
LABELS = StringMap()


def enumeration(name: str) -> Scalar:
    """A string that is an enumeration to the API, which calls it ``name``."""
    return Scalar("string", name)


def ignored(*names: str) -> FieldTypes:
    """Fields that exist and mean nothing to the suite: their values aren't looked at."""
    return dict.fromkeys(names)


def json_kind(value: object) -> str:
    """What JSON calls the type of a value."""
    for name, types in _JSON_KINDS.items():
        if isinstance(value, types):
            return name
    return "object"


def _shown(value: object, type_: Type) -> str:
    """The type of a value, and the number itself where only its size or fraction is wrong."""
    kind = json_kind(value)
    return f"number {quote(value)}" if kind == "number" and type_ in _NUMBERS else kind


def _mend(value: object, type_: Type) -> str:
    if type_ is STRING and isinstance(value, bool):
        return "put it in quotes"
    if type_ is STRING and isinstance(value, int | float):
        return f'put it in quotes: "{value}"'
    if type_ is INT32 and isinstance(value, str) and value.isdecimal():
        return f"write it without quotes: {value}"
    if isinstance(type_, ListOf) and value != "":
        return 'make it a list: put "- " before it'
    return ""
