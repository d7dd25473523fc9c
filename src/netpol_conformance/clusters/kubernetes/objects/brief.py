"""What a message tells of many things: a few by name, and why. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable

MOST_CHARACTERS = 600
"""Of a message that names pods or namespaces, about: one that is longer is not read."""
_MOST_NAMED = 5
_LEAST = 60
"""Characters that a reason is not shortened beyond."""
_IDENTIFIER = re.compile(r"\b[0-9a-f]{12,}\b|\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b")


def brief(noun: str, reasons: Iterable[tuple[str, str]], room: int = MOST_CHARACTERS) -> str:
    """``pods a, b (why); pod c (why else) and 12 more``, in about ``room`` characters.

    ``reasons`` are each thing's name and why it is told of; those with one reason stand together.
    ``noun`` may be empty.
    """
    listed = list(dict.fromkeys(reasons))
    groups: dict[str, list[str]] = {}
    for name, why in listed[:_MOST_NAMED]:
        groups.setdefault(" ".join(why.split()), []).append(name)
    more = f" and {len(listed) - _MOST_NAMED} more" if len(listed) > _MOST_NAMED else ""
    names = [
        f"{noun}{'s' * (len(same) > 1)} {', '.join(same)}" if noun else ", ".join(same)
        for same in groups.values()
    ]
    left = room - len(more) - sum(len(name) + len(" (); ") for name in names)
    each = max(_LEAST, left // max(1, len(groups)))
    told = zip(names, groups, strict=True)
    return "; ".join(f"{name} ({shortened(why, each)})" for name, why in told) + more


def shortened(text: str, room: int) -> str:
    """``text`` in at most ``room`` characters: its beginning and, as causes stand last, its end."""
    if len(text) <= room:
        return text
    head = (room - 5) // 3
    return f"{text[:head].rstrip()} ... {text[len(text) - (room - 5 - head) :].lstrip()}"


def without_identifiers(text: str) -> str:
    """``text`` without what differs between messages that say the same: ids of containers."""
    return _IDENTIFIER.sub("...", text)
