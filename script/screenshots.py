"""Open a report in Chromium and take its pictures; ``script/screenshots`` makes the report."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
SCENARIO = "handbook/test-network-policy-ingress.yaml"


@dataclass(frozen=True)
class Shot:
    """A picture: the file, what the page is opened at, and how."""

    file: str
    fragment: str = ""
    width: int = 1200
    height: int = 760
    scheme: str = "light"


SHOTS = (
    Shot("docs/images/report.png", f"{SCENARIO}:3", height=600),
    Shot("docs/images/evidence.png", f"{SCENARIO}:3:2.1", height=900),
    Shot("build/screenshots/summary.png", height=1400),
    Shot("build/screenshots/summary-dark.png", height=1400, scheme="dark"),
    Shot("build/screenshots/step-dark.png", f"{SCENARIO}:3", scheme="dark"),
    Shot("build/screenshots/evidence-dark.png", f"{SCENARIO}:3:2.1", scheme="dark"),
    Shot("build/screenshots/summary-phone.png", width=360, height=1400),
    Shot("build/screenshots/step-phone.png", f"{SCENARIO}:3", width=360, height=1400),
    Shot("build/screenshots/evidence-phone.png", f"{SCENARIO}:3:2.1", width=360, height=800),
)


def take(browser: Browser, report: Path, shot: Shot) -> None:
    """Open the report afresh, and take one picture."""
    page = browser.new_page(
        viewport={"width": shot.width, "height": shot.height},
        color_scheme="dark" if shot.scheme == "dark" else "light",
    )
    page.goto(report.as_uri() + (f"#{shot.fragment}" if shot.fragment else ""))
    page.wait_for_selector("html[data-ready]", state="attached")
    page.screenshot(path=ROOT / shot.file)
    page.close()
    print(f"{shot.file}  {(ROOT / shot.file).stat().st_size // 1024} KiB")


def main() -> int:
    """Take them all; 3 if there is no Chromium."""
    chromium = shutil.which("chromium")
    if chromium is None:
        sys.stderr.write("screenshots: no chromium here (apt-get install chromium)\n")
        return 3
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium, chromium_sandbox=os.geteuid() != 0
        )
        for shot in SHOTS:
            take(browser, Path(sys.argv[1]).resolve(), shot)
        browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
