"""Which busybox probes, and learning what its wget can do."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from netpol_conformance.probe import wget
from netpol_conformance.probe.wget import BusyboxError, find

from .helping import script

WITH_TIMEOUT = "echo 'Usage: wget [-T SEC] URL...'; exit 1"
LIKE_DEBIANS = """
case "$*" in
  *--timeout*) echo "wget: unrecognized option '--timeout=1'"; echo 'Usage: wget'; exit 1 ;;
  "timeout --help") echo 'Usage: timeout [-s SIG] SECS PROG ARGS' ;;
  *) echo 'Usage: wget'; exit 1 ;;
esac
"""
ON_MUSL = LIKE_DEBIANS.replace("'--timeout=1'\"", 'timeout=1"').replace("option ", "option: ")
WITHOUT_SPIDER = "echo 'wget: unrecognized option'; echo 'Usage: wget'; exit 1"
WITHOUT_TIMEOUT_APPLET = LIKE_DEBIANS.replace("SECS PROG", "-t SECS")


@pytest.mark.parametrize(
    ("body", "has_timeout"), [(WITH_TIMEOUT, True), (LIKE_DEBIANS, False), (ON_MUSL, False)]
)
def test_what_wget_can_do_is_learnt(body: str, has_timeout: bool, tmp_path: Path) -> None:
    path = script(tmp_path, body)
    assert find(path) == wget.Wget(path, has_timeout=has_timeout)


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        ("exit 0", "has no working wget"),
        ("exit 1", "has no working wget"),
        ("echo 'wget: applet not found'; exit 127", "applet not found"),
        (WITHOUT_SPIDER, "lacks wget --timeout"),
        (WITHOUT_TIMEOUT_APPLET, "lacks wget --timeout"),
        ("exec sleep 60", "cannot run"),
    ],
)
def test_a_busybox_that_will_not_do_is_refused(
    body: str, complaint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if "sleep" in body:
        monkeypatch.setattr(wget, "_LEARN_TIMEOUT", 0.1)
    with pytest.raises(BusyboxError, match=complaint) as refused:
        find(script(tmp_path, body))
    assert wget.ENVIRONMENT_VARIABLE in str(refused.value)


def test_the_environment_names_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = script(tmp_path, WITH_TIMEOUT, "busybox-1.36")
    monkeypatch.setenv(wget.ENVIRONMENT_VARIABLE, path)
    assert find().busybox == path
    monkeypatch.setenv(wget.ENVIRONMENT_VARIABLE, str(tmp_path / "busybox-none"))
    with pytest.raises(BusyboxError, match="busybox-none"):
        find()


def test_a_name_that_busybox_would_not_answer_to_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BusyboxError, match="name that starts with busybox"):
        find(script(tmp_path, WITH_TIMEOUT, "mybox"))


@pytest.mark.skipif(shutil.which("busybox") is None, reason="needs busybox")
def test_the_real_one_will_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(wget.ENVIRONMENT_VARIABLE, raising=False)
    assert find().busybox == shutil.which("busybox")
