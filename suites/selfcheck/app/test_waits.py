"""How long a run waits: by its cluster, what the implementation declares, and what is said."""

from __future__ import annotations

from pathlib import Path

import pytest

from netpol_conformance.app import UsageError, request
from netpol_conformance.app.options import RunOptions
from netpol_conformance.run.session import Setting

from ..commands import QUICK


class Driver:
    """Of clusters on which a change is in force some time after it was made."""

    name = implementation = "slow"
    concurrency = 1
    synchronous = False


@pytest.fixture(autouse=True)
def _slow_clusters(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(request, "make_driver", lambda _options: Driver())


def setting(folder: Path, times: str = "", **options: object) -> Setting:
    file = folder / "slow.yaml"
    file.write_text(f"implementation: slow\nlink: https://example.org\n{times}", encoding="utf-8")
    asked = RunOptions(scenario=(QUICK,), declaration=str(file), **options)
    return request.prepare(asked).setting


TIMES = "enforce: {policies: 10, labels: 90, link: https://example.org}\n"


@pytest.mark.parametrize(
    ("times", "said", "enforce", "labels"),
    [
        ("", (), 30, 60),
        (TIMES, (), 30, 90),
        (TIMES.replace("10", "40"), (), 40, 90),
        (TIMES, ("labels=20",), 30, 20),
        (TIMES, ("enforce=8",), 8, 0),
    ],
)
def test_the_longest_counts_unless_another_is_said(tmp_path, times, said, enforce, labels):
    found = setting(tmp_path, times, timeout=said).timeouts
    assert (found.enforce, found.labels) == (enforce, labels)


def test_a_time_is_demanded_by_who_says_so_only(tmp_path):
    assert setting(tmp_path).enforce_within is None
    assert setting(tmp_path, enforce_within=5.0).enforce_within == 5
    with pytest.raises(UsageError, match="--enforce-within -1: give seconds"):
        setting(tmp_path, enforce_within=-1.0)
