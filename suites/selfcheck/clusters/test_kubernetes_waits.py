"""What the log says of a wait."""

from __future__ import annotations

import logging

import pytest

from netpol_conformance.clusters.base import ClusterError
from netpol_conformance.clusters.kubernetes.objects import waits


def told(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str]]:
    return [
        (record.levelname, record.message.partition(" s for ")[2] or record.message)
        for record in caplog.records
    ]


def looks(*found: list[str]) -> list[str]:
    return waits.until_nothing(iter(found).__next__, "the end", seconds=20, pause=0.001)


def test_a_long_wait_is_told_while_it_lasts_and_when_it_is_over(caplog, monkeypatch) -> None:
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(waits, "_MOMENT", 0.0)
    assert looks(["a"], ["a"], []) == []
    assert told(caplog) == [("INFO", "waiting for the end, 20 s at most"), ("INFO", "the end")]


def test_a_short_wait_is_a_detail(caplog) -> None:
    caplog.set_level(logging.DEBUG)
    looks(["a"], [])
    assert told(caplog) == [("DEBUG", "the end")]


def test_what_is_there_already_is_no_wait(caplog) -> None:
    caplog.set_level(logging.DEBUG)
    assert waits.until(lambda: True, "nothing", seconds=0.0, pause=0.0)
    assert told(caplog) == []


def test_a_wait_in_vain_says_what_was_left(caplog) -> None:
    caplog.set_level(logging.DEBUG)
    left = waits.until_nothing(lambda: ["a"], "the end", seconds=0.0, pause=0.0)
    assert left == ["a"]
    with pytest.raises(ClusterError, match="waited 0 s in vain for the end"):
        waits.require(lambda: False, "the end", seconds=0.0, pause=0.0)


def test_a_wait_that_fails_is_over_too(caplog, monkeypatch) -> None:
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(waits, "_MOMENT", 0.0)

    def look(found=iter([["a"]])) -> list[str]:  # noqa: B008 - one for all looks
        for one in found:
            return one
        raise ClusterError("it died")

    with pytest.raises(ClusterError, match="it died"):
        waits.until_nothing(look, "the end", seconds=20, pause=0.001)
    assert told(caplog)[-1] == ("INFO", "the end")
