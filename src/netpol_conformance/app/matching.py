"""The expressions of ``run -k`` and ``run -m``: words, ``and``, ``or``, ``not`` and parentheses.

    expression = term {"or" term}
    term       = factor {"and" factor}
    factor     = "not" factor | "(" expression ")" | word

A word is anything without white space and parentheses; ``not`` binds closest, then ``and``. That is
pytest's grammar, which a test holds this to; a word may have more characters here, such as the
``#`` of a case. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from netpol_conformance.scenario.types import Scenario

_TOKEN = re.compile(r"[()]|[^\s()]+")
_OPERATORS = frozenset({"and", "or", "not", "(", ")"})
_END = ""

Test = Callable[[str], bool]
"""Whether a single word matches."""


class ExpressionError(ValueError):
    """The expression cannot be read; the message quotes it and says what was expected where."""


def evaluate(expression: str, test: Test) -> bool:
    """What the expression comes to where ``test`` tells of each word; raises ExpressionError."""
    return _Reader(expression, test).whole()


def matching(
    scenarios: Iterable[Scenario], keyword: str = "", marker: str = ""
) -> tuple[Scenario, ...]:
    """The scenarios that both expressions take; an empty one takes all. Raises ExpressionError.

    A word of ``keyword`` matches, whatever its case, a part of the path, the title or a marker; one
    of ``marker`` a whole marker.
    """
    return tuple(
        scenario
        for scenario in scenarios
        if (not keyword or evaluate(keyword, _contained(scenario)))
        and (not marker or evaluate(marker, frozenset(markers(scenario)).__contains__))
    )


def markers(scenario: Scenario) -> tuple[str, ...]:
    """Its pack, features and rules, as markers of pytest.

    A folder of somebody's own may be called what pytest takes for no marker; it makes none.
    """
    packs = [scenario.pack] if scenario.pack.isidentifier() and scenario.pack[0] != "_" else []
    return (*packs, *scenario.features, *scenario.rules)


def _contained(scenario: Scenario) -> Test:
    texts = [text.lower() for text in (scenario.path, scenario.title, *markers(scenario))]
    return lambda word: any(word.lower() in text for text in texts)


class _Reader:
    """Reads an expression from left to right, a method for each rule of the grammar."""

    def __init__(self, expression: str, test: Test) -> None:
        self._expression = expression
        self._test = test
        self._tokens: list[str] = [*_TOKEN.findall(expression), _END]

    def whole(self) -> bool:
        """The value of all of it."""
        value = self._any()
        if self._next != _END:
            raise self._wrong("and, or, or the end")
        return value

    @property
    def _next(self) -> str:
        return self._tokens[0]

    def _any(self) -> bool:
        value = self._all()
        while self._took("or"):
            value = self._all() or value
        return value

    def _all(self) -> bool:
        value = self._one()
        while self._took("and"):
            value = self._one() and value
        return value

    def _one(self) -> bool:
        if self._took("not"):
            return not self._one()
        if self._took("("):
            value = self._any()
            if not self._took(")"):
                raise self._wrong(")")
            return value
        if self._next == _END or self._next in _OPERATORS:
            raise self._wrong("not, ( or a word")
        return self._test(self._tokens.pop(0))

    def _took(self, token: str) -> bool:
        if self._next != token:
            return False
        self._tokens.pop(0)
        return True

    def _wrong(self, expected: str) -> ExpressionError:
        found = f'"{self._next}"' if self._next else "the end"
        return ExpressionError(f'"{self._expression}": expected {expected}, found {found}')
