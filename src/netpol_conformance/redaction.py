"""What must not be written down, taken out of a text that is about to be.

The second line of defence. The first is what logs are made of: they name what is done, and never
show requests' headers and bodies, a process's environment, or what is written to its input.
"""

from __future__ import annotations

import re

HIDDEN = "[hidden]"

_NAMES = r"(?:token|passw(?:or)?d|passphrase|secret|credential|api[-_]?key|key[-_]data)"
_WORD = r"(?:\"[^\"]*\"?|'[^']*'?|[^\s,;&}]+)"
_RULES = tuple(
    re.compile(rule, re.DOTALL)
    for rule in (
        # Each keeps its first group and hides the rest.
        r"(-----BEGIN [A-Z ]*PRIVATE KEY-----).*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)",
        r"(\b)eyJ[\w-]{5,}\.[\w-]+\.[\w-]*",  # a JSON Web Token
        r"((?i:authorization)[\"']?\s*[:=]\s*)[^\r\n]+",
        r"((?i:\bbearer)\s+)[^\s\"',;]+",
        r"(\bBasic )(?=\S*[A-Z0-9])[\w+/=-]{8,}",
        r"(://)[^\s/@\"']+(?=@)",  # user:password, and a name alone: it may be a token
        rf"((?i:{_NAMES})\w*[\"']?\s*[:=]\s*){_WORD}",
        rf"(--[\w-]*(?i:{_NAMES})[\w-]*\s+){_WORD}",
        rf"(\bsshpass -p\s*){_WORD}",
    )
)
_HINTS = (
    *("private key", "eyj", "authorization", "bearer", "basic ", "://", "sshpass"),
    *("token", "passw", "passphrase", "secret", "credential"),
    *("apikey", "api-key", "api_key", "key-data", "key_data"),
)
"""Without one of these, in lower case, no rule finds anything: most lines are done with."""
_SHORTEST = 6
"""Characters: what is shorter is looked for beside its name only, or "true" would be gone too."""
_learnt: set[str] = set()


def learn(text: str) -> None:
    """Have ``redacted`` hide what it would hide in this text, wherever it stands from now on."""
    for rule in _RULES:
        for found in rule.finditer(text):
            value = found[0].removeprefix(found[1]).strip("\"'")
            if len(value) >= _SHORTEST:
                _learnt.add(value)


def redacted(text: str) -> str:
    """The text with HIDDEN in the place of tokens, passwords, private keys and their like."""
    for value in tuple(_learnt):
        text = text.replace(value, HIDDEN)
    folded = text.lower()
    if any(hint in folded for hint in _HINTS):
        for rule in _RULES:
            text = rule.sub(rf"\1{HIDDEN}", text)
    return text
