"""The manifests of the DaemonSet, and enforcers by name."""

from __future__ import annotations

import pytest
import yaml
from typer.testing import CliRunner

from netpol_conformance.cli import main as entry
from netpol_conformance.cli.enforcer import app
from netpol_conformance.enforcer.controller import Controller
from netpol_conformance.enforcer.loading import EnforcerError, load
from netpol_conformance.enforcer.manifests import Choices, Source, render

BROKEN = Source({"__init__.py": '"""It\'s {{ wrong }}."""\n'}, "x")
CHOICES = {
    "whole": Choices("netpol-conformance:1"),
    "policy-only": Choices("registry.example/npc:1", network=False, pull_secret="secret"),
    "network-only": Choices("netpol-conformance:1", policy=False),
    "broken": Choices("netpol-conformance:1", enforcer=BROKEN),
}


def by_kind(text):
    return {item["kind"]: item for item in yaml.safe_load_all(text)}


@pytest.mark.parametrize("name", CHOICES)
def test_what_is_applied(name, golden):
    golden(f"manifests/{name}.yaml", render(CHOICES[name]))


@pytest.mark.parametrize("name", CHOICES)
def test_no_more_rights_than_needed(name):
    objects = by_kind(render(CHOICES[name]))
    verbs = {verb for rule in objects["ClusterRole"]["rules"] for verb in rule["verbs"]}
    assert verbs == {"get", "list", "watch"}
    (container,) = objects["DaemonSet"]["spec"]["template"]["spec"]["containers"]
    context = container["securityContext"]
    assert context["capabilities"] == {"drop": ["ALL"], "add": ["NET_ADMIN"]}
    assert not context["allowPrivilegeEscalation"]
    assert not context["privileged"]


def test_an_enforcer_of_a_file_goes_with_the_manifests(tmp_path):
    text = 'wrong = "\\n\'{{ }}: #"\n'
    (tmp_path / "mine.py").write_text(text)
    result = CliRunner().invoke(app, ["manifests", "--enforcer", f"{tmp_path}/mine.py:wrong"])
    objects = by_kind(result.output)
    assert objects["ConfigMap"]["data"] == {"__init__.py": text}
    (container,) = objects["DaemonSet"]["spec"]["template"]["spec"]["containers"]
    assert "--enforcer=chosen_enforcer:wrong" in container["args"]


def test_an_enforcer_of_a_folder_goes_as_its_package(tmp_path):
    files = {"__init__.py": "from .parts import wrong\n", "parts.py": "wrong = 1\n"}
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    (tmp_path / "notes.txt").write_text("no source")
    result = CliRunner().invoke(app, ["manifests", "--enforcer", f"{tmp_path}:wrong"])
    objects = by_kind(result.output)
    assert objects["ConfigMap"]["data"] == files


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("manifests --enforcer /nowhere/none.py:wrong", "none.py: No such file"),
        ("run --node n --no-network --no-policy", "nothing to do"),
        ("run --node n --api 127.0.0.1:8001", '"127.0.0.1:8001" is no URL'),
        ("run --node n", "--api URL"),
    ],
)
def test_what_cannot_be_done_is_refused(words, told, monkeypatch, capsys):
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    assert entry._ending(["enforcer", *words.split()]) == 2
    assert told in capsys.readouterr().err


def test_enforcers_are_found_by_name(tmp_path):
    (tmp_path / "found_by_path.py").write_text("def chosen(): return 1\n")
    assert load("reference") is Controller
    assert load("netpol_conformance.enforcer.controller:Controller") is Controller
    assert load(f"{tmp_path}/found_by_path.py:chosen")() == 1
    package = tmp_path / "found_as_folder"
    package.mkdir()
    (package / "__init__.py").write_text("from .parts import chosen\n")
    (package / "parts.py").write_text("def chosen(): return 2\n")
    assert load(f"{package}:chosen")() == 2


@pytest.mark.parametrize(
    "name", ["calico", "no_such_module:x", "json:x", "/no/such/file.py:x", "/no/such:x"]
)
def test_an_enforcer_that_is_not_there_is_named(name):
    with pytest.raises(EnforcerError, match=name):
        load(name)
