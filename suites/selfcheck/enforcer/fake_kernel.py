"""nftables as far as a controller knows it: texts that are taken or refused."""

from __future__ import annotations

from netpol_conformance.enforcer.apply import NftError


class FakeKernel:
    """Takes texts, or refuses those that contain ``refuses``."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.refuses: str | None = None

    def __call__(self, text: str) -> None:
        if self.refuses is not None and self.refuses in text:
            raise NftError("refused")
        self.texts.append(text)
