"""``python -m script.pairwise scenarios/semantics`` writes the files anew."""

from __future__ import annotations

import sys
from pathlib import Path

from .cases import files

if __name__ == "__main__":
    folder = Path(sys.argv[1])
    for name, text in files().items():
        (folder / name).write_text(text, encoding="utf-8")
