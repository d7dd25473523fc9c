"""The command line as its users meet it: words, exit codes, reports, and the way out."""

from __future__ import annotations

import os
import re
import shutil

import pytest

from netpol_conformance.app.report_files import KINDS
from netpol_conformance.judge.outcome import Outcome
from netpol_conformance.report.formats import json_report

from ..commands import NOTHING_ENFORCED, PACKS, QUICK, ROOT, command, python, run

CASES = "semantics/policy-types.yaml"
"""A file of four cases."""


def test_a_conformant_implementation_exits_0_with_its_reports(tmp_path):
    done, report = run(tmp_path, QUICK)
    assert done.returncode == 0, done.stdout + done.stderr
    assert report.outcome is Outcome.PASS
    assert report.self_test.outcome is Outcome.PASS
    written = {path.name for path in tmp_path.iterdir()}
    assert written == {"run.log", *(kind.file for kind in KINDS.values())}
    assert str(tmp_path / "report.html") in done.stdout


def test_an_implementation_that_enforces_nothing_exits_1_and_says_which_connection(tmp_path):
    done, report = run(tmp_path, QUICK, *NOTHING_ENFORCED)
    assert done.returncode == 1
    assert report.outcome is Outcome.FAIL
    assert "does not conform" in done.stdout
    assert f"netpol-conformance run {QUICK} {' '.join(NOTHING_ENFORCED[:2])}" in done.stdout


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["run", "nonsense"], "names no scenario"),
        (["run", QUICK, "--context", "staging"], "--context means nothing to --cluster embedded"),
        (["run", QUICK, "--ip-family", "dual"], "--ip-family means nothing to --cluster embedded"),
        (["run", QUICK, "--cluster", "kubeconfig", "--keep-cluster"], "it is for --cluster kind"),
        (["fuzz", "--plugin", "calico"], "it is for --cluster kind and kubeconfig"),
        (
            ["run", QUICK, "-k", "egress and"],
            '"egress and": expected not, ( or a word, found the end',
        ),
        (["run", QUICK, "-m", "(handbook"], "expected ), found the end"),
        (["run", QUICK, "--profile", "corre"], "--profile"),
        (["run", QUICK, "--cluster", "nowhere"], "known are"),
        (["run", QUICK, "--implementation", "calico"], '"folder:factory", or "none"'),
        (["run", QUICK, "--implementation", "json:no"], "has no attribute 'no'"),
        (["run", QUICK, "--timeout", "hold"], "SECONDS"),
        (["run", QUICK, "--timeout", "patience=1"], "known are ready"),
        (["run", QUICK, "--kubernetes-version", "1.99"], "1.34 is the latest"),
        (["run", QUICK, "-k", "no_such_scenario"], "no scenario"),
        (["run", QUICK, "--jobs", "-3"], "--jobs"),
        (["run", QUICK, "--report", "/proc/nowhere"], "cannot write reports"),
        (["run", QUICK, "--report", f"{os.devnull}/x"], "cannot write reports"),
        (["list", "handbok"], 'did you mean "handbook"'),
        (["explain", "a", "b:80"], "--scenario PATH or --file"),
        (["explain", "a", "b:80", "-s", QUICK, "--step", "9"], "steps 1 to"),
        (["explain", "a", "b", "-f", os.devnull], "names no port"),
        (
            ["explain", "client", "web:80", "-s", CASES],
            f"holds 4 scenarios; name one of them: {CASES}#unset",
        ),
        (["run", f"{CASES}#unsett"], 'there is no case "unsett"; did you mean "unset"?'),
        (["explain", "a", "b:80", "-f", os.devnull], "no pod"),
        (["frobnicate"], "No such command"),
    ],
)
def test_wrong_words_exit_2_and_say_what_to_write(words, told, tmp_path):
    done = command(*words, cwd=tmp_path)
    assert done.returncode == 2, done.stdout + done.stderr
    assert told in done.stdout + done.stderr


def test_a_malformed_scenario_of_ones_own_starts_nothing_and_names_file_line_and_field(tmp_path):
    mine = tmp_path / "mine.yaml"
    mine.write_text("title: Mine\nrulez: [S2]\n", encoding="utf-8")
    done = command("run", str(mine), cwd=tmp_path)
    assert done.returncode == 2
    assert "mine.yaml:2: rulez" in done.stderr
    assert 'did you mean "rules"' in done.stderr


def test_a_report_that_cannot_be_written_after_all_is_the_machines_fault(tmp_path):
    (tmp_path / "report.json").mkdir()  # root may write everywhere, but not over a folder
    (tmp_path / "tmp").mkdir()
    env = os.environ | {"TMPDIR": str(tmp_path / "tmp")}
    done = command("run", "--report", str(tmp_path), "handbook/no-policy.yaml", env=env)
    assert done.returncode == 3, done.stdout + done.stderr
    assert "A report is missing" in done.stdout
    (rescued,) = (tmp_path / "tmp").glob("netpol-conformance-*/report.json")
    assert f"it is {rescued} instead" in done.stdout
    assert (tmp_path / "report.html").exists()
    assert "Traceback" not in done.stdout + done.stderr


def test_a_folder_of_ones_own_may_have_any_name(tmp_path):
    own = tmp_path / "_my own"
    own.mkdir()
    shutil.copy(ROOT / "scenarios" / "handbook" / "no-policy.yaml", own)
    done, report = run(tmp_path, str(own))
    assert done.returncode == 0, done.stdout + done.stderr
    assert [item.path for item in report.scenarios] == [str(own / "no-policy.yaml")]


def test_a_scenario_that_the_oracle_contradicts_starts_nothing_and_names_the_line(tmp_path):
    text = (ROOT / "scenarios" / QUICK).read_text(encoding="utf-8")
    assert "blocked" in text
    mine = tmp_path / "mine.yaml"
    mine.write_text(text.replace("blocked", "connected"), encoding="utf-8")
    done, report = run(tmp_path, str(mine))
    assert done.returncode == 2, done.stdout
    assert re.search(r"mine.yaml:\d+: steps.* stated as connected, but .* says", done.stderr)
    assert report is None


BEHIND_A_SERVICE = """
apiVersion: v1
kind: Pod
metadata: {name: web, labels: {app: web}}
spec: {containers: [{name: c, image: i, ports: [{containerPort: 8080, name: http}]}]}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80, targetPort: http}]}
"""


def test_list_tells_path_rules_and_title_however_narrow_the_terminal(tmp_path):
    done = command("list", "handbook", cwd=tmp_path)
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    at = lines.index("handbook/simple-example.yaml  S1 S2 S10 S11; HB6")
    assert lines[at + 1] == "  Only pods labelled access=true reach nginx"


def test_explain_asks_of_the_pods_behind_a_service_of_the_manifests(tmp_path):
    file = tmp_path / "web.yaml"
    file.write_text(BEHIND_A_SERVICE, encoding="utf-8")
    done = command("explain", "192.0.2.99", "service/web:80", "-f", str(file))
    assert done.returncode == 0, done.stderr
    assert "192.0.2.99 -> default/web (TCP 8080, IPv4): allowed" in done.stdout
    done = command("explain", "192.0.2.99", "service/web:81", "-f", str(file))
    assert done.returncode == 2
    assert "has no port 81/TCP" in done.stderr


def test_explain_names_file_and_line_of_a_bad_manifest(tmp_path):
    good, bad = tmp_path / "good.yaml", tmp_path / "bad.yaml"
    good.write_text(BEHIND_A_SERVICE, encoding="utf-8")
    bad.write_text(BEHIND_A_SERVICE.replace("app: web}}", "app: y}}"), encoding="utf-8")
    done = command("explain", "web", "web:80", "-f", str(good), "-f", str(bad))
    assert done.returncode == 2
    assert f"{bad}:4: metadata.labels.app: " in done.stderr


@pytest.mark.parametrize("broken", ["exit 0", "exit 1", "kill -9 $$", "echo remote file exists"])
def test_a_wget_that_breaks_after_a_good_start_is_inconclusive_never_a_pass(broken, tmp_path):
    fake = tmp_path / "busybox"
    asks = f'case "$*" in *--spider*) {broken}; exit;; esac'
    fake.write_text(f'#!/bin/sh\n{asks}\nexec {shutil.which("busybox")} "$@"\n', encoding="utf-8")
    fake.chmod(0o755)
    options = ["--timeout", "enforce=0.5"]
    done, report = run(tmp_path, QUICK, *options, env={**os.environ, "NETPOL_BUSYBOX": str(fake)})
    assert done.returncode == 3, done.stdout
    assert Outcome.PASS not in {scenario.outcome for scenario in report.scenarios}


def test_a_machine_without_what_it_takes_exits_3_and_says_how_to_mend_it(tmp_path):
    done, _ = run(tmp_path, QUICK, env={**os.environ, "PATH": str(tmp_path)})
    assert done.returncode == 3
    assert "To mend it: install the package busybox" in done.stdout


def test_explain_takes_plain_manifests_and_no_cluster():
    manifests = """
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop, labels: {app: web}}
spec: {containers: [{name: web, image: nginx, ports: [{containerPort: 80}]}]}
---
apiVersion: v1
kind: Pod
metadata: {name: client, namespace: shop}
spec: {containers: [{name: client, image: busybox}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: deny, namespace: shop}
spec: {podSelector: {}}
"""
    done = command("explain", "shop/client", "web:80", "-n", "shop", "-f", "-", input=manifests)
    assert done.returncode == 1, done.stderr
    assert "shop/deny" in done.stdout
    assert "S2" in done.stdout


def test_a_refused_manifest_is_refused_with_the_apis_words():
    manifest = """
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: x}
spec: {podSelector: {}, ingress: [{ports: [{protocol: tcp, port: 80}]}]}
"""
    done = command("explain", "a", "b:80", "-f", "-", input=manifest)
    assert done.returncode == 2
    assert 'spec.ingress[0].ports[0].protocol: Unsupported value: "tcp"' in done.stderr


def test_list_and_show_tell_of_every_scenario():
    assert QUICK in command("list").stdout
    shown = command("show", "handbook").stdout
    assert shown.count("Before any policy") > 5
    assert "web-deny-all" in shown


def test_pytest_ids_markers_and_failures(tmp_path):
    listed = python("pytest", str(PACKS), "-q", "--collect-only", "-m", "handbook and S14").stdout
    assert "test_scenario[handbook/" in listed
    assert "[errata/" not in listed
    options = [word.replace("--", "--netpol-") for word in NOTHING_ENFORCED]
    junit = tmp_path / "junit.xml"
    chosen = ("--netpol-scenario", QUICK, f"--junitxml={junit}")
    failed = python("pytest", str(PACKS), *chosen, *options)
    assert failed.returncode == 1
    for told in ("!✓", "default/web-deny-all", "expected blocked", "run it again"):
        assert told in failed.stdout
    assert "web-deny-all" in junit.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("pack", "keyword", "paths"),
    [
        ("handbook", "no-policy or web-deny-all", ["handbook/no-policy.yaml", QUICK]),
        (CASES, "empty", [f"{CASES}#empty-list", f"{CASES}#empty-egress"]),
    ],
    ids=["files", "cases of a file"],
)
def test_workers_of_xdist_make_one_report(pack, keyword, paths, tmp_path):
    written = tmp_path / "report.json"
    chosen = ["--netpol-scenario", pack, "-k", keyword, "-n", "2"]
    done = python("pytest", str(PACKS), *chosen, f"--netpol-json={written}")
    assert done.returncode == 0, done.stdout
    report = json_report.read(written)
    assert [item.path for item in report.scenarios] == paths
    assert report.outcome is Outcome.PASS


class TestCases:
    """A case of a file is a scenario of its own wherever scenarios are named."""

    FILE = CASES
    CASE = f"{FILE}#unset"

    def test_list_and_show_name_it(self):
        listed = command("list", self.FILE).stdout
        assert f"{self.CASE}  S1 S2 S60" in listed
        assert f"{self.FILE}#egress-rule  " in listed
        assert command("show", self.CASE).stdout.startswith(f"{self.CASE}\n")

    def test_explain_asks_it(self):
        done = command("explain", "client", "web:80", "-s", self.CASE, "--step", "2")
        assert done.returncode == 1, done.stderr
        assert "denied" in done.stdout

    def test_it_runs_alone_and_its_failure_says_how_to_run_it_again(self, tmp_path):
        done, report = run(tmp_path, self.CASE, *NOTHING_ENFORCED)
        assert done.returncode == 1, done.stdout
        assert [item.path for item in report.scenarios] == [self.CASE]
        again = f"netpol-conformance run '{self.CASE}' {' '.join(NOTHING_ENFORCED[:2])}"
        assert report.scenarios[0].rerun.startswith(again)
        assert f'name="{self.CASE}"' in (tmp_path / "junit.xml").read_text(encoding="utf-8")
        page = (tmp_path / "report.html").read_text(encoding="utf-8")
        assert f'id="{self.FILE}%23unset"' in page
