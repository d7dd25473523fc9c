"""What kind is asked for, what is installed, and who owns what: without a cluster."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_network
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from netpol_conformance.clusters.base import ClusterError
from netpol_conformance.clusters.kind import explaining, leftovers, plugins
from netpol_conformance.clusters.kind.config import RUN_LABEL, cluster_config
from netpol_conformance.clusters.kind.outside import KindBalancer, balancer_ip
from netpol_conformance.clusters.kind.tools import ToolError, find_tools, run
from netpol_conformance.clusters.options import Options


@pytest.mark.parametrize("family", ["ipv4", "ipv6", "dual"])
def test_the_cluster_has_no_cni_of_kinds_own(family: str) -> None:
    config = yaml.safe_load(cluster_config("some-run", ip_family=family))
    assert config["networking"] == {"disableDefaultCNI": True, "ipFamily": family}
    assert [node["role"] for node in config["nodes"]] == ["control-plane", "worker", "worker"]
    assert all(node["labels"] == {RUN_LABEL: "some-run"} for node in config["nodes"])


def test_the_cluster_has_the_pod_network_that_the_plugin_wants() -> None:
    config = yaml.safe_load(cluster_config("some-run", pod_subnet="192.168.0.0/16"))
    assert config["networking"]["podSubnet"] == "192.168.0.0/16"


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"ip_family": "ipv5"}, "--ip-family"),
        ({"pod_subnet": "192.168.0.0/8"}, "--pod-subnet"),
    ],
)
def test_a_bad_option_is_named(options: dict[str, str], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        cluster_config("some-run", **options)


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (Options(plugin_image=("a",)), "need --plugin"),
        (Options(plugin="calico"), "needs --plugin-manifests"),
        (Options(plugin="none", implementation="none"), "give one"),
    ],
)
def test_contradicting_options_are_refused(options: Options, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        plugins.check(options)


def _template(options: Options, digest: str) -> str:
    """The DaemonSet's pods, as text."""
    documents = yaml.safe_load_all(plugins.chosen(options, digest).manifests)
    (found,) = [item for item in documents if item and item["kind"] == "DaemonSet"]
    return json.dumps(found["spec"]["template"], sort_keys=True)


def test_our_pods_start_anew_when_the_image_or_the_enforcer_changes(tmp_path: Path) -> None:
    file = tmp_path / "wrong.py"
    file.write_text("def make(*_): ...\n")
    wrong = Options(implementation=f"{file}:make")
    templates = {_template(Options(), "1"), _template(Options(), "2"), _template(wrong, "1")}
    file.write_text("def make(*_): return None\n")
    assert len(templates | {_template(wrong, "1")}) == 4


def test_a_vendors_manifests_are_taken_as_they_are(tmp_path: Path) -> None:
    (tmp_path / "b.yaml").write_text("kind: B # as written\n")
    (tmp_path / "a.yml").write_text("kind: A\n")
    options = Options(plugin="vendor", plugin_manifests=(str(tmp_path),), plugin_image=("i",))
    plugin = plugins.chosen(options, "")
    assert plugin.manifests == "kind: A\n\n---\nkind: B # as written\n"
    assert (plugin.name, plugin.images) == ("vendor", ("i",))


def test_manifests_that_are_not_there_are_named(tmp_path: Path) -> None:
    with pytest.raises(ClusterError, match=r"none\.yaml: No such file"):
        plugins.read_manifests([str(tmp_path / "none.yaml")])
    with pytest.raises(ClusterError, match="no YAML files"):
        plugins.read_manifests([str(tmp_path)])


@given(st.integers(16, 28), st.text(max_size=10))
@settings(max_examples=50)
def test_a_balancers_address_is_in_the_network_and_none_of_dockers(prefix: int, key: str) -> None:
    networks = [ip_network(f"172.18.0.0/{prefix}"), ip_network("fc00:f853:ccd:e793::/64")]
    for network in networks:
        ip = balancer_ip(network, key)
        assert ip == balancer_ip(network, key)
        first, last = network[network.num_addresses // 2], network.broadcast_address
        assert ip in network
        assert first <= ip < last


def test_no_two_services_have_one_address_at_once() -> None:
    """Of the 16 addresses of the one network four are for Services."""
    networks = [ip_network("172.18.0.0/28"), ip_network("fc00::/64")]
    balancer = KindBalancer(networks)
    with ThreadPoolExecutor(4) as pool:
        given = list(pool.map(balancer.addresses, "abcd"))
    assert len({ip for ips in given for ip in ips}) == 8
    assert [balancer.addresses(service) for service in "abcd"] == given
    with pytest.raises(ClusterError, match=r"no address of 172\.18\.0\.0/28 is left"):
        balancer.addresses("e")
    balancer.release("b")
    balancer.release("e")
    assert balancer.addresses("f")[0] == given[1][0]
    assert balancer.addresses("a") == given[0]


def test_a_cluster_is_ownerless_once_its_run_let_go() -> None:
    name = f"{leftovers.PREFIX}selfcheck-{id(object())}"
    ownership = leftovers.Ownership(name)
    try:
        assert leftovers.ownerless([name, "somebody-elses"]) == []
    finally:
        ownership.release()
    assert leftovers.ownerless([name, "somebody-elses"]) == [name]
    assert f"kind delete cluster --name {name}" in leftovers.advice(name)


def test_a_program_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(ClusterError, match="docker is not there"):
        find_tools()


def test_a_program_that_fails_is_told_of_in_its_own_words() -> None:
    with pytest.raises(ToolError, match=r"sh -c .* failed \(exit 3\): so it is"):
        run(["sh", "-c", "echo so it is >&2; exit 3"])


POD = {
    "metadata": {"namespace": "kube-system", "name": "web"},
    "status": {
        "phase": "Pending",
        "containerStatuses": [
            {
                "name": "server",
                "ready": False,
                "state": {"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}},
            }
        ],
    },
}


def test_what_did_not_start_is_told_in_the_clusters_own_words() -> None:
    condition = {"type": "Ready", "status": "False", "message": "no network plugin"}
    node = {"metadata": {"name": "worker"}, "status": {"conditions": [condition]}}
    daemon_set = {
        "kind": "DaemonSet",
        "metadata": {"namespace": "a", "name": "b", "generation": 1},
        "status": {
            "observedGeneration": 1,
            "desiredNumberScheduled": 3,
            "updatedNumberScheduled": 3,
            "numberReady": 2,
        },
    }
    assert explaining.nodes_not_ready([node]) == {
        "worker": "node worker is not Ready: no network plugin"
    }
    assert explaining.rollouts_unfinished([daemon_set]) == ["DaemonSet a/b: 2 of 3 pods ready"]
    assert explaining.pods_not_ready([POD]) == [
        "pod kube-system/web: container server: ImagePullBackOff: no such image"
    ]
    assert explaining.complaints("I1 fine\nE1 wrong\nW1 hm\n") == ["E1 wrong"]


def test_a_rollout_that_nobody_has_looked_at_is_unfinished() -> None:
    fresh = {
        "kind": "Deployment",
        "metadata": {"namespace": "a", "name": "b", "generation": 2},
        "spec": {"replicas": 1},
        "status": {"observedGeneration": 1, "readyReplicas": 1, "updatedReplicas": 1},
    }
    assert explaining.rollouts_unfinished([fresh]) == ["Deployment a/b: 0 of None pods ready"]
