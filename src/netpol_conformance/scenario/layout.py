"""The fields of a scenario file -> its text, laid out as a person would write it. Pure.

Here: the form. Not here: what the fields are (``schema``), nor what is in them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from textwrap import wrap
from typing import Any

import yaml

from netpol_conformance.model.yaml import load_all

Fields = Mapping[str, Any]
"""As YAML would be loaded: mappings, lists, strings, numbers and booleans only."""

_SCHEMA = "# yaml-language-server: $schema=../../schemas/scenario.schema.json"
_APART = ("namespaces", "pods", "outside", "steps", "cases")
"""What a blank line is before, where it is of the whole file."""
_TABLES = ("namespaces", "pods", "outside", "expect", "meanwhile")
"""What has an entry a line."""
_WIDTH = 100
_WORD = re.compile(r"[\w.+-]+")


def lay_out(fields: Fields, comment: str = "") -> str:
    """The text of a file that holds ``fields``, in their order; ``comment`` is one line."""
    comments = [f"# {comment}"] if comment else []
    return "\n".join([_SCHEMA, *comments, *_block(fields, 0)]) + "\n"


def documents(manifests: Iterable[Fields]) -> str:
    """Manifests as ``kubectl apply -f -`` would take them: one document each."""
    return "---\n".join(_dumped(manifest) for manifest in manifests)


def _block(fields: Fields, depth: int) -> Iterator[str]:
    """Fields, each in lines of its own, ``depth`` blanks deep."""
    for key, value in fields.items():
        if not depth and key in _APART:
            yield ""
        yield from _field(key, value, depth)


def _field(key: str, value: Any, depth: int) -> Iterator[str]:  # noqa: ANN401 - of any type
    head, inner = f"{' ' * depth}{key}:", depth + 2
    if isinstance(value, str):
        yield from _text(head, value, inner)
    elif key in _TABLES:
        yield from (head, *_table(value, inner))
    elif key == "documented":
        yield from (head, *_block(value, inner))
    elif key == "cases":
        yield head
        yield from _parted([f"  {name}:", *_block(case, 4)] for name, case in value.items())
    elif key == "steps":
        yield head
        steps = [_item(step, inner) for step in value]
        yield from (line for step in steps for line in step) if depth else _parted(steps)
    else:
        yield from _wrapped(f"{head} ", value)


def _parted(blocks: Iterable[list[str]]) -> Iterator[str]:
    """The lines of blocks, with a blank one between two."""
    for number, block in enumerate(blocks):
        yield from ([""] if number else [])
        yield from block


def _item(fields: Fields, depth: int) -> list[str]:
    first, *rest = _block(fields, depth + 2)
    return [f"{' ' * depth}- {first.lstrip()}", *rest]


def _table(entries: Mapping[str, Fields], depth: int) -> Iterator[str]:
    """An entry a line, values in a column."""
    keys = {key: f"{_scalar(key)}:" for key in entries}
    column = max(map(len, keys.values())) + 2
    for key, value in entries.items():
        yield from _wrapped(f"{' ' * depth}{keys[key]:<{column}}", value)


def _wrapped(start: str, value: Fields | list[Any]) -> Iterator[str]:
    """The value behind ``start``, in brackets, and in as many lines as it takes."""
    whole = _flow(value)
    parts, line = _parts(value), start + whole[0]
    for number, part in enumerate(parts):
        end = whole[-1] if number == len(parts) - 1 else ","
        blank = " " if number else ""
        if number and len(line + blank + part + end) > _WIDTH:
            yield line
            line, blank = " " * (len(start) + 1), ""
        line += f"{blank}{part}{end}"
    yield line if parts else start + whole


def _text(head: str, text: str, depth: int) -> Iterator[str]:
    """A string: on the line of its key, folded where that is too long, or as it is."""
    line, indent = f"{head} {_scalar(text)}", " " * depth
    if "\n" in text:
        yield f"{head} |"
        yield from (f"{indent}{one}".rstrip() for one in text.rstrip("\n").split("\n"))
    elif len(line) <= _WIDTH or text != " ".join(text.split()):
        yield line
    else:
        yield f"{head} >-"
        yield from wrap(
            text,
            _WIDTH,
            initial_indent=indent,
            subsequent_indent=indent,
            break_long_words=False,
            break_on_hyphens=False,
        )


def _flow(value: Any) -> str:  # noqa: ANN401 - of any type
    """The value on one line."""
    if isinstance(value, Mapping):
        return f"{{{', '.join(_parts(value))}}}"
    if isinstance(value, list):
        return f"[{', '.join(_parts(value))}]"
    return _inside(value) if isinstance(value, str) else _scalar(value)


def _parts(value: Fields | list[Any]) -> list[str]:
    if isinstance(value, Mapping):
        return [f"{_flow(key)}: {_flow(part)}" for key, part in value.items()]
    return [_flow(part) for part in value]


@cache
def _inside(text: str) -> str:
    """A string within brackets."""
    return _dumped([text]).rstrip("\n")[1:-1]


def _scalar(value: str | float | bool) -> str:  # noqa: FBT001 - a value, not a switch
    """A string, number or boolean outside of brackets."""
    return _dumped(value).removesuffix("...\n").rstrip("\n")


def _dumped(value: Any) -> str:  # noqa: ANN401 - of any type
    return yaml.dump(value, Dumper=_Dumper, sort_keys=False, width=float("inf"), allow_unicode=True)


class _Dumper(yaml.SafeDumper):
    """PyYAML's: small collections on one line, and in quotes what is no string to our reader."""

    def represent_mapping(
        self,
        tag: str,
        mapping: Any,  # noqa: ANN401 - as PyYAML has it
        flow_style: bool | None = None,  # noqa: ARG002, FBT001
    ) -> yaml.MappingNode:
        """In braces if nothing in it has fields of its own, or braces around a template."""
        inline = all(_is_plain(part) and "${" not in str(part) for part in mapping.values())
        return super().represent_mapping(tag, mapping, flow_style=inline)

    def represent_sequence(
        self,
        tag: str,
        sequence: Any,  # noqa: ANN401 - as PyYAML has it
        flow_style: bool | None = None,  # noqa: ARG002, FBT001
    ) -> yaml.SequenceNode:
        """In brackets if nothing in it has fields of its own."""
        return super().represent_sequence(tag, sequence, flow_style=_is_plain(sequence))

    def choose_scalar_style(self) -> str:
        """Double quotes, unless there are some inside."""
        style, said = super().choose_scalar_style(), getattr(self.event, "value", "")
        return '"' if style == "'" and '"' not in said else style

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002
        """Say everything where it is meant."""
        return True


def _is_plain(part: object) -> bool:
    """Whether it is a scalar, or a list of such."""
    if isinstance(part, list):
        return all(_is_plain(one) for one in part)
    return not isinstance(part, Mapping)


def _string(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    style = '"' if _WORD.fullmatch(value) and not _is_string(value) else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style)


_Dumper.add_representer(str, _string)


@cache
def _is_string(word: str) -> bool:
    (document,) = load_all(word)
    return document.data == word
