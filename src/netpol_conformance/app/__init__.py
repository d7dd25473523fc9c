"""The application layer: from a typed request to a finished run, whoever asks for it.

Belongs here: the options, the request that they make, the run, its log and its report files, and
where the suite's own data is. Does not belong here: words of the command line (``cli``), pytest
(``pytest_plugin``), and what a run does with a scenario (``run``).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


class UsageError(Exception):
    """What the user asked for cannot be done (exit code 2); the message says why and what to do."""


class MachineError(Exception):
    """The machine, or what runs on it, cannot do it (exit code 3); the message says what to do."""


@contextmanager
def usage_errors(*kinds: type[Exception]) -> Iterator[None]:
    """Raise UsageError for errors of these kinds, in the same words."""
    try:
        yield
    except kinds as error:
        raise UsageError(str(error)) from error
