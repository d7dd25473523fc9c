"""The rules by which the reports' schemas may change within a version (docs/reports.md).

``python suites/selfcheck/report/compatibility.py`` lists what breaks them; it prints nothing if
all is well. ``--freeze`` makes the present schemas the ones to keep to: for a new version, and
after each release, so that what was added is promised too.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

FROZEN = Path(__file__).parent / "frozen"
CURRENT = Path(__file__).parents[3] / "schemas"
SCHEMAS = ("report", "comparison", "conformance-report")
GROWING = {"phase", "tool", "enforcer", "fate"}
"""Fields whose readers must expect words that they do not know."""

Schema = dict[str, Any]


def breaches(old: Schema, new: Schema) -> list[str]:
    """What ``new`` does to a reader or a writer of ``old``, each in a sentence."""
    return sorted(set(_breaches(old, new, (old, new), "report")))


def _breaches(old: Any, new: Any, roots: tuple[Schema, Schema], at: str) -> Iterator[str]:
    old, new = _resolved(old, roots[0]), _resolved(new, roots[1])
    for key in ("type", "const", "pattern"):
        if old.get(key) != new.get(key):
            yield f"{at} is another {key}"
            return
    yield from _words(old, new, at)
    yield from _needed(old, new, at)
    for field, part in old.get("properties", {}).items():
        there = new.get("properties", {})
        if field not in there:
            yield f"{at}.{field} is gone"
        else:
            yield from _breaches(part, there[field], roots, f"{at}.{field}")
    for key in ("items", "additionalProperties", "propertyNames"):
        if isinstance(old.get(key), dict):
            yield from _breaches(old[key], new.get(key, {}), roots, f"{at}[]")
    choices, others = old.get("anyOf", []), new.get("anyOf", [])
    if len(choices) != len(others):
        yield f"{at} may be something else"
    for one, other in zip(choices, others, strict=False):
        yield from _breaches(one, other, roots, at)


def _words(old: Schema, new: Schema, at: str) -> Iterator[str]:
    before, after = set(old.get("enum", ())), set(new.get("enum", ()))
    if before - after:
        yield f"{at} can no longer be {', '.join(sorted(before - after))}"
    if before and after - before and at.rpartition(".")[2] not in GROWING:
        yield f"{at} can be {', '.join(sorted(after - before))}, which no reader expects"


def _needed(old: Schema, new: Schema, at: str) -> Iterator[str]:
    before, after = set(old.get("required", ())), set(new.get("required", ()))
    for field in sorted(before - after):
        yield f"{at}.{field} may be missing"
    for field in sorted(after - before):
        yield f"{at}.{field} is required, which older reports lack"


def _resolved(part: Schema, root: Schema) -> Schema:
    name = part.get("$ref", "").removeprefix("#/$defs/")
    return root["$defs"][name] if name else part


def frozen(name: str) -> Schema:
    """A schema as version 1 began with it, without its descriptions."""
    return json.loads((FROZEN / f"{name}.schema-1.json").read_text(encoding="utf-8"))


def current(name: str) -> Schema:
    """A schema as it is committed."""
    return json.loads((CURRENT / f"{name}.schema.json").read_text(encoding="utf-8"))


def bare(value: Any) -> Any:
    """A schema without what promises nothing: descriptions, defaults and titles."""
    if isinstance(value, list):
        return [bare(item) for item in value]
    if not isinstance(value, dict):
        return value
    words = {"description", "default", "title"}
    return {
        key: bare(item)
        for key, item in value.items()
        if key not in words or isinstance(item, dict)  # a property may have such a name
    }


def freeze() -> None:
    """Keep to the present schemas from now on."""
    for name in SCHEMAS:
        text = json.dumps(bare(current(name)), indent=1) + "\n"
        (FROZEN / f"{name}.schema-1.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    if sys.argv[1:] == ["--freeze"]:
        freeze()
    for schema in SCHEMAS:
        for breach in breaches(frozen(schema), current(schema)):
            print(f"{schema}: {breach}")
