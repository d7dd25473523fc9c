"""Text that came from elsewhere (names, commands, outputs), made safe to print. Pure."""

from __future__ import annotations

import re
import textwrap

_UNPRINTABLE = re.compile(
    # C0 and C1 controls but tab and newline, line separators, marks that reorder text, lone
    # surrogates, and what XML 1.0 forbids.
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]"
)


def visible(text: str) -> str:
    r"""``text`` with every control character spelled out (``\x1b``), tab and newline kept.

    What remains can neither move a terminal's cursor nor break an XML document.
    """
    return _UNPRINTABLE.sub(_spell, text.replace("\r\n", "\n"))


def one_line(text: str) -> str:
    """``visible`` text on a single line."""
    return " ".join(visible(text).split())


def clip(text: str, *, lines: int, characters: int) -> str:
    """At most so many lines and characters of ``text``, and a last line that says what is gone."""
    kept = "\n".join(text[:characters].splitlines()[:lines])
    gone = len(text) - len(kept)
    if not text[len(kept) :].strip():
        return kept
    return f"{kept}\n[{gone:,} more characters]"


def wrap(text: str, width: int, first: str = "", rest: str = "") -> list[str]:
    """The lines of ``text``, broken between words only; they begin with ``first`` and ``rest``."""
    return textwrap.wrap(
        text,
        width,
        initial_indent=first,
        subsequent_indent=rest,
        break_long_words=False,
        break_on_hyphens=False,
    )


def hanging(lead: str, text: str, width: int) -> str:
    """``text`` behind ``lead``, its further lines as deep as its first."""
    return "\n".join(wrap(text, max(width, 2 * len(lead)), lead, " " * len(lead)))


def plural(count: int, noun: str) -> str:
    """``1 cell``, ``2 cells``."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def seconds(duration: float) -> str:
    """A duration for people: ``0.4 ms``, ``31 ms``, ``1.02 s``, ``3 min 5 s``."""
    if duration < 0.001:
        return f"{duration * 1000:.1f} ms"
    if duration < 1:
        return f"{duration * 1000:.0f} ms"
    if duration < 60:
        return f"{duration:.2f} s"
    minutes, rest = divmod(round(duration), 60)
    return f"{minutes} min {rest} s"


def _spell(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
