"""One HTML page that loads nothing and runs no script but its own: what all our pages share. Pure.

A page is a template of ``templates`` that extends ``base.html.j2``, with styles and scripts from
the same folder, a file a part, inlined. Text from a run is untrusted: templates escape it and spell
out control characters, scripts insert it as text only, and the Content-Security-Policy allows only
the style and script whose hashes it names.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterable
from functools import cache
from hashlib import sha256
from importlib.resources import files
from pathlib import Path

from jinja2 import ChoiceLoader, Environment, FileSystemLoader, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from netpol_conformance.report.text import one_line, plural, visible

_QUOTED = re.compile(r"`([^`]+)`")

_POLICY = (
    "default-src 'none'; style-src '{style}'; script-src {script}; base-uri 'none'; "
    "form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
)


def render_page(
    template: str,
    *,
    styles: Iterable[str] = (),
    scripts: Iterable[str] = (),
    folder: Path | None = None,
    **context: object,
) -> str:
    """The page, complete: UTF-8, nothing beside it needed.

    ``styles`` come after ``base.css``. ``scripts`` share one scope, in their order; without any
    the page's policy allows none. ``context`` is what the template shows. All of them are looked
    for in ``folder`` first, if there is one.
    """
    style = "".join(_asset(name, folder) for name in ("base.css", *styles))
    script = "".join(_asset(name, folder) for name in scripts)
    if script:
        script = f'"use strict";\n(() => {{\n{script}}})();\n'
    policy = _POLICY.format(style=_hash(style), script=f"'{_hash(script)}'" if script else "'none'")
    # Style and script are ours, and hashed as they stand; nothing of a run is in them.
    return (
        _environment(folder)
        .get_template(template)
        .render(
            policy=policy,
            style=Markup(style),  # noqa: S704
            script=Markup(script),  # noqa: S704
            **context,
        )
    )


@cache
def _environment(folder: Path | None) -> Environment:
    ours = PackageLoader("netpol_conformance.report.html")
    environment = Environment(
        loader=ChoiceLoader([FileSystemLoader(folder), ours]) if folder else ours,
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_finalize,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["plural"] = plural
    environment.filters["one_line"] = one_line
    environment.filters["breakable"] = _breakable
    environment.filters["prose"] = _prose
    return environment


def _finalize(value: object) -> object:
    """Spell out control characters in whatever a template writes."""
    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _breakable(name: str) -> Markup:
    """A long name that may be broken after its slashes."""
    return escape(visible(name)).replace("/", Markup("/<wbr>"))


def _prose(text: str) -> Markup:
    """An author's sentences, what stands in backquotes set as code."""
    # Splitting at pairs leaves what was quoted at the odd places.
    parts = _QUOTED.split(visible(text))
    code = Markup("<code>{}</code>")
    return Markup().join(
        code.format(part) if place % 2 else escape(part) for place, part in enumerate(parts)
    )


def _asset(name: str, folder: Path | None) -> str:
    ours = files("netpol_conformance.report.html") / "templates" / name
    theirs = folder / name if folder else None
    return (theirs if theirs and theirs.is_file() else ours).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return "sha256-" + b64encode(sha256(text.encode()).digest()).decode()
