"""Reading YAML and JSON text into plain values that remember their lines.

Scalars are resolved as ``kubectl`` resolves them (YAML 1.1: ``yes`` and ``y`` are booleans,
``0777`` is octal, ``80.0`` is 80), because a manifest must mean here what it means there. Keys
differ on purpose: they are always the text as written, so that a mapping may have a key ``y``.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml
from yaml import CSafeLoader
from yaml.events import (
    AliasEvent,
    CollectionStartEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
    SequenceEndEvent,
    StreamEndEvent,
)
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from yaml.reader import ReaderError

Value = dict[str, "Value"] | list["Value"] | str | int | float | bool | None
Path = tuple[str | int, ...]

# A document that aliases expand beyond this many values is an attack, not a manifest.
_MAX_VALUES = 5_000_000
_MAX_DEPTH = 200
_MAX_DIGITS = 300  # longer than any number that kubectl's parser can hold

_WORDS: dict[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("y", "Y", "yes", "Yes", "YES", "on", "On", "ON"), True),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("n", "N", "no", "No", "NO", "off", "Off", "OFF"), False),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_INTEGER = re.compile(r"[-+]?(?:0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO][0-7]+|0[0-7]*|[1-9][0-9]*)")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"([-+]?)\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_TAG = "tag:yaml.org,2002:"
_TYPES = {"int": (int,), "float": (int, float), "bool": (bool,), "null": (type(None),)}


class YAMLError(ValueError):
    """Text that is no YAML: ``line`` (1-based) and ``reason``; ``source`` names the text."""

    def __init__(self, line: int, reason: str, source: str = "") -> None:
        super().__init__(line, reason, source)
        self.line = line
        self.reason = reason
        self.source = source

    def __str__(self) -> str:
        """``deny.yaml:3: did not find expected key``, or ``line 3: ...`` without a source."""
        place = f"{self.source}:{self.line}" if self.source else f"line {self.line}"
        return f"{place}: {self.reason}"


@dataclass(frozen=True, slots=True)
class Document:
    """One document of a text: its ``data``, and where each part of it stands."""

    data: Value
    _nodes: _LazyNodes = field(repr=False, compare=False)

    def line(self, path: Path = ()) -> int:
        """The line (1-based) of the key or item at ``path``, or of its nearest known parent."""
        return self._nodes.find(path)[0] + 1

    def line_range(self, path: Path = ()) -> tuple[int, int]:
        """Its first and last line (1-based)."""
        line, node = self._nodes.find(path)
        return line + 1, max(line, _last_line(node)) + 1


def load_all(text: str, *, source: str = "") -> list[Document]:
    """Every document of ``text``, YAML or JSON; ``source`` names it in errors.

    Raises YAMLError for a syntax error, a key given twice or an alias that can't be followed.
    """
    return list(iter_load(text, source=source))


def iter_load(text: str, *, source: str = "") -> Iterator[Document]:
    """Like load_all, one document at a time: those before an error are still yielded."""
    documents = _load_json(text) if text.lstrip()[:1] in ("{", "[") else None
    try:
        yield from _load_yaml(text) if documents is None else documents
    except YAMLError as error:
        raise YAMLError(error.line, error.reason, source) from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise YAMLError(mark.line + 1 if mark else 1, error.problem or "", source) from None
    except ReaderError as error:
        line = text.encode()[: error.position].count(b"\n") + 1
        raise YAMLError(line, str(error.reason), source) from None
    except UnicodeEncodeError as error:
        line = text.count("\n", 0, error.start) + 1
        raise YAMLError(line, "not valid Unicode", source) from None


def _load_yaml(text: str) -> Iterator[Document]:
    # The parser's events are typed by what they are, which the stubs don't know.
    next_event: Callable[[], Any] = CSafeLoader(text.encode()).get_event
    while not isinstance(event := next_event(), StreamEndEvent):
        if isinstance(event, DocumentStartEvent):
            data = _Builder(next_event).build(next_event())
            start: Any = event.start_mark
            end: int = next_event().end_mark.index
            yield Document(data, _LazyNodes(text, start.index, end, start.line))


class _Builder:
    """Turns the events of one document into its value."""

    def __init__(self, next_event: Callable[[], Any]) -> None:
        self._next = next_event
        self._anchors: dict[str, tuple[Value, int] | None] = {}
        self._count = 0
        self._depth = 0

    def build(self, event: NodeEvent) -> Value:
        """The value that starts with ``event``; an alias gives the very object of its anchor."""
        self._count += 1
        if isinstance(event, ScalarEvent):
            value = _scalar(event)
            if event.anchor:
                self._anchors[event.anchor] = (value, 1)
            return value
        if isinstance(event, AliasEvent):
            return self._alias(event)
        assert isinstance(event, CollectionStartEvent)
        return self._collection(event)

    def _collection(self, event: CollectionStartEvent) -> Value:
        anchor: str | None = event.anchor
        before = self._count
        if anchor:
            self._anchors[anchor] = None
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise YAMLError(_line(event), f"nested more than {_MAX_DEPTH} levels deep")
        value: Value
        value = self._mapping(event) if isinstance(event, MappingStartEvent) else self._list(event)
        self._depth -= 1
        if anchor:
            self._anchors[anchor] = (value, self._count - before)
        return value

    def _alias(self, event: AliasEvent) -> Value:
        anchor = str(event.anchor)
        if anchor not in self._anchors:
            raise YAMLError(_line(event), f"unknown anchor '{anchor}' referenced")
        known = self._anchors[anchor]
        if known is None:
            raise YAMLError(_line(event), f"anchor '{anchor}' value contains itself")
        value, size = known
        self._count += size
        if self._count > _MAX_VALUES:
            raise YAMLError(_line(event), "document contains excessive aliasing")
        return value

    def _list(self, start: CollectionStartEvent) -> list[Value]:
        _expect_tag(start, "seq")
        result = []
        while not isinstance(event := self._next(), SequenceEndEvent):
            result.append(self.build(event))
        return result

    def _mapping(self, start: CollectionStartEvent) -> dict[str, Value]:
        _expect_tag(start, "map")
        result: dict[str, Value] = {}
        merged: dict[str, Value] = {}
        while not isinstance(event := self._next(), MappingEndEvent):
            if not isinstance(event, ScalarEvent):
                raise YAMLError(_line(event), "a key must be a string")
            key: str = event.value
            if key == "<<" and event.implicit[0]:
                merged = {**_merged(self.build(self._next()), event), **merged}
                continue
            if key in result:
                raise YAMLError(_line(event), f'key "{key}" already set in map')
            result[key] = self.build(self._next())
        return {**merged, **result} if merged else result


def _merged(value: Value, event: Event) -> dict[str, Value]:
    """What ``<<:`` brings in: a mapping, or several of which earlier ones win."""
    merged: dict[str, Value] = {}
    for item in value if isinstance(value, list) else [value]:
        if not isinstance(item, dict):
            raise YAMLError(_line(event), "map merge requires map or sequence of maps as value")
        merged = {**item, **merged}
    return merged


def _scalar(event: ScalarEvent) -> Value:
    text: str = event.value
    if event.implicit[0]:
        return _plain(text)
    if event.tag in (None, "!", f"{_TAG}str"):
        return text
    value = _plain(text)
    if type(value) in _TYPES.get(event.tag.removeprefix(_TAG), ()):
        return value
    raise YAMLError(_line(event), f'"{text}" can\'t be read as {event.tag}')


def _plain(text: str) -> Value:
    """An unquoted scalar's value, by the rules that kubectl's YAML parser has."""
    if not text or text[0] not in "0123456789+-.":
        return _WORDS.get(text, text)
    digits = text.replace("_", "")
    if _INTEGER.fullmatch(digits):
        unsigned = digits.lstrip("+-")
        base = 8 if unsigned.startswith("0") and unsigned.isdigit() else 0
        return int(digits, base) if len(digits) < _MAX_DIGITS else text
    if _FLOAT.fullmatch(digits):
        number = float(digits)
        if math.isinf(number):
            return text
        return int(number) if number.is_integer() and abs(number) < 1e21 else number
    special = _NOT_FINITE.fullmatch(text)
    return float(text.lower().replace(".", "")) if special else text


def _load_json(text: str) -> list[Document] | None:
    """The values of a stream of JSON; None if it isn't JSON, or has a key twice."""
    decoder = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_not_json)
    documents = []
    position = _skip_space(text, 0)
    try:
        while position < len(text):
            value, end = decoder.raw_decode(text, position)
            nodes = _LazyNodes(text, position, end, text.count("\n", 0, position))
            documents.append(Document(value, nodes))
            position = _skip_space(text, end)
    except (ValueError, RecursionError):
        return None
    return documents


@dataclass(slots=True)
class _LazyNodes:
    """The nodes of a document, composed only when somebody asks for a line.

    ``start`` and ``end`` are indices into ``text``, ``first_line`` counts from 0.
    """

    text: str
    start: int
    end: int
    first_line: int
    _root: Node | None = None

    def root(self) -> Node | None:
        """The topmost node; None where the nodes can't be told, as for an exotic JSON string."""
        if self._root is None:
            # Line feeds in front keep the line numbers those of the whole text.
            text = "\n" * self.first_line + self.text[self.start : self.end]
            try:
                self._root = yaml.compose(text, CSafeLoader)
            except yaml.YAMLError:
                return None
        return self._root

    def find(self, path: Path) -> tuple[int, Node | None]:
        """The line (0-based) and node at ``path``, or of its nearest known parent."""
        node = self.root()
        line = node.start_mark.line if node is not None else self.first_line
        for step in path:
            found = _child(node, step)
            if found is None:
                break
            line, node = found
        return line, node


def _unique(pairs: list[tuple[str, Value]]) -> dict[str, Value]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError("a key is given twice")
    return result


def _not_json(text: str) -> Value:
    raise ValueError(f"{text} is not JSON")


def _skip_space(text: str, position: int) -> int:
    while position < len(text) and text[position].isspace():
        position += 1
    return position


def _child(node: Node | None, step: str | int) -> tuple[int, Node] | None:
    """The line (0-based) and node of a mapping's key or a sequence's item."""
    if isinstance(node, SequenceNode) and isinstance(step, int) and step < len(node.value):
        item = node.value[step]
        return item.start_mark.line, item
    if isinstance(node, MappingNode):
        for key, value in node.value:
            if isinstance(key, ScalarNode) and key.value == step:
                return key.start_mark.line, value
    return None


def _last_line(node: Node | None) -> int:
    """The last line (0-based) of a node; a block's own end mark is where the next thing begins."""
    while isinstance(node, MappingNode | SequenceNode) and not node.flow_style and node.value:
        last = node.value[-1]
        node = last[1] if isinstance(node, MappingNode) else last
    if node is None:
        return 0
    start, end = node.start_mark, node.end_mark
    return int(end.line) - (1 if end.column == 0 and end.line > start.line else 0)


def _expect_tag(event: CollectionStartEvent, kind: str) -> None:
    if event.tag not in (None, "!", f"{_TAG}{kind}"):
        raise YAMLError(_line(event), f"tag {event.tag} is not supported here")


def _line(event: Event) -> int:
    mark: Any = event.start_mark
    return int(mark.line) + 1
