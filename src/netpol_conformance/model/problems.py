"""What is wrong with a manifest, in the API server's own words and paths."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with one object.

    ``line`` is 1-based in the text that was handed in, 0 where there was none. ``object`` names
    it as ObjectKey does (``NetworkPolicy default/deny``). ``field`` is a path as the API server
    writes it, empty if the whole object is meant. ``suggestion`` is ours, and may be empty.
    """

    line: int
    object: str
    field: str
    cause: str
    suggestion: str = ""

    def __str__(self) -> str:
        """``spec.ingress[0].ports[0].port: Invalid value: 0: must be between ...``."""
        return f"{self.field}: {self.cause}" if self.field else self.cause


class ManifestError(ValueError):
    """A manifest that the API server, or kubectl on the way there, refuses.

    ``str()`` is the message that kubectl shows; ``problems`` are its parts, at least one.
    """

    def __init__(self, message: str, problems: Sequence[Problem]) -> None:
        super().__init__(message, tuple(problems))
        self.message = message
        self.problems = tuple(problems)

    def __str__(self) -> str:
        """The whole message; several lines if the object has several problems."""
        return self.message


@dataclass(frozen=True, slots=True)
class Fault:
    """A problem before it is known which object and line it belongs to.

    ``key`` is an item of the map at ``path``: the API server's path leaves it out, the line is
    that of the item all the same.
    """

    path: Path
    cause: str
    suggestion: str = ""
    key: str | None = None

    @property
    def field(self) -> str:
        """The path as the API server writes it: ``spec.ingress[0].from``."""
        parts = [f"[{step}]" if isinstance(step, int) else f".{step}" for step in self.path]
        return "".join(parts).removeprefix(".")

    @property
    def place(self) -> Path:
        """The path to where it stands in the text."""
        return self.path if self.key is None else (*self.path, self.key)


class Faults(list[Fault]):
    """The faults of one object, in the order found; a method for each kind the API knows."""

    def invalid(self, path: Path, value: object, detail: str, suggestion: str = "") -> None:
        """A malformed value."""
        self.append(Fault(path, f"Invalid value: {quote(value)}: {detail}", suggestion))

    def each_invalid(
        self, path: Path, value: object, details: Iterable[str], key: str | None = None
    ) -> None:
        """A malformed value, once for each reason; ``key`` as in Fault."""
        for detail in details:
            self.append(Fault(path, f"Invalid value: {quote(value)}: {detail}", key=key))

    def required(self, path: Path, detail: str = "") -> None:
        """A value that is missing or empty."""
        self.append(Fault(path, f"Required value: {detail}" if detail else "Required value"))

    def forbidden(self, path: Path, detail: str) -> None:
        """A value that may not be there."""
        self.append(Fault(path, f"Forbidden: {detail}"))

    def too_long(self, path: Path, limit: int) -> None:
        """A value of too many bytes."""
        self.append(Fault(path, f"Too long: may not be more than {limit} bytes"))

    def duplicate(self, path: Path, value: object) -> None:
        """A value that has to be unique."""
        self.append(Fault(path, f"Duplicate value: {quote(value)}"))

    def unsupported(self, path: Path, value: str, supported: Sequence[str]) -> None:
        """A value that isn't one of an enumeration."""
        options = ", ".join(quote(option) for option in supported)
        same = [option for option in supported if option.casefold() == value.casefold()]
        suggestion = f"write {same[0]}" if same else did_you_mean(value, supported)
        cause = f"Unsupported value: {quote(value)}: supported values: {options}"
        self.append(Fault(path, cause, suggestion))


def quote(value: object) -> str:
    """A value as the API server prints it."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def did_you_mean(word: str, options: Iterable[str]) -> str:
    """A suggestion for a misspelt word, or nothing."""
    close = get_close_matches(word, list(options), n=1)
    return f'did you mean "{close[0]}"?' if close else ""
