"""Where plugins' declarations are, and which of them a run goes by."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from netpol_conformance.app.corpus import load_corpus, plugins_root
from netpol_conformance.model.yaml import YAMLError, load_all
from netpol_conformance.plugins.loader import load
from netpol_conformance.plugins.types import Declaration
from netpol_conformance.scenario.errors import Problem, ScenarioError, did_you_mean
from netpol_conformance.scenario.loader import read_text
from netpol_conformance.scenario.types import Scenario

NONE = "none"
"""What asks for no declaration at all."""
_SUFFIX = ".yaml"


def load_declaration(asked: str, implementation: str) -> Declaration | None:
    """The declaration that the user ``asked`` for: a name, a file, or NONE.

    Without a word it is that of the ``implementation``, if there is one. Raises ScenarioError for
    one that is not there or malformed, with all problems.
    """
    if asked == NONE:
        return None
    path = _asked(asked) if asked else _known(implementation)
    return read_declaration(path) if path else None


def read_declaration(path: Path) -> Declaration:
    """The declaration in a file; raises ScenarioError."""
    name = _name(path)
    return load(read_text(path, name), name, _find)


def shipped() -> list[Path]:
    """The files of the declarations that come with the suite, sorted."""
    return sorted(plugins_root().glob(f"*{_SUFFIX}"))


def _asked(word: str) -> Path:
    by_name = {path.stem: path for path in shipped()}
    if word in by_name:
        return by_name[word]
    path = Path(word)
    if path.suffix == _SUFFIX or path.is_file():
        return path
    hint = did_you_mean(word, [*by_name, NONE])
    reason = f'no declaration is called "{word}", and no such file is there'
    raise ScenarioError([Problem("--declaration", 1, "", reason, hint)])


def _known(implementation: str) -> Path | None:
    """The shipped declaration of this implementation, which runs may call by another name."""
    for path in shipped():
        if implementation == path.stem or implementation in _called(path):
            return path
    return None


def _called(path: Path) -> list[object]:
    """What a declaration says that runs call it; a malformed one is for who asks for it only."""
    try:
        data = load_all(path.read_text(encoding="utf-8"))[0].data
    except (YAMLError, IndexError):
        return []
    names = data.get("called") if isinstance(data, dict) else None
    return list(names) if isinstance(names, list) else []


def _name(path: Path) -> str:
    """As the source checkout calls a shipped one; as given for one of the user's own."""
    root = plugins_root()
    inside = path.resolve().is_relative_to(root.resolve())
    return f"plugins/{path.name}" if inside else path.as_posix()


def _find(name: str) -> Sequence[Scenario]:
    """The scenarios of a file, or one of its cases; raises LookupError with a suggestion."""
    try:
        found = load_corpus([name])
    except ScenarioError as error:
        raise LookupError(error.problems[0].suggestion) from error
    files = {scenario.path.partition("#")[0] for scenario in found}
    if name.partition("#")[0] not in files:
        raise LookupError(did_you_mean(name, files) or "name a file, or one of its cases")
    return found
