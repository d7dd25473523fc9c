"""The Kubernetes driver on a real cluster: what it applies, reads, refuses and survives."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from netpol_conformance.clusters.base import (
    ClusterError,
    ClusterSpec,
    RefusedError,
    UnsupportedError,
)
from netpol_conformance.clusters.kubernetes.api.client import NAMESPACES, PODS, Client, connect
from netpol_conformance.clusters.kubernetes.cluster import KubernetesCluster, Setup
from netpol_conformance.clusters.kubernetes.objects.pods import Images
from netpol_conformance.clusters.kubernetes.objects.removal import remove_run
from netpol_conformance.clusters.kubernetes.objects.waits import until
from netpol_conformance.image.names import own_image
from netpol_conformance.model.decode import ManifestError, decode
from netpol_conformance.model.objects import ObjectKey, Pod, SourceKind
from netpol_conformance.probe.verdict import Probe, Source, Tool, Verdict

from .real_cluster import IMAGE, Kind

READY = 60.0


@dataclass
class Share:
    """A started share of the cluster, and the cluster's own API behind it."""

    cluster: KubernetesCluster
    client: Client

    def apply(self, *manifests: str) -> None:
        self.cluster.apply("\n---\n".join(manifests))
        self.cluster.wait_ready(READY)

    def pod(self, name: str) -> Pod:
        key = ObjectKey("Pod", "default", name)
        return next(pod for pod in self.cluster.state().pods if pod.key == key)

    def namespace(self) -> str:
        """What the scenario's ``default`` is really called."""
        return self.cluster._workspace.objects.names.real("default")


@pytest.fixture(scope="module")
def shares(kind: Kind) -> Iterator[Share]:
    """All tests' shares are one run's: what a test leaves goes away while the next is at it."""
    client, run = connect(str(kind.driver.kubeconfig)), secrets.token_hex(3)
    cluster = KubernetesCluster(Setup(client, run, Images(own_image(IMAGE)), "kind", "reference"))
    yield Share(cluster, client)
    cluster.close()
    remove_run(client, run)
    client.close()


@pytest.fixture
def share(shares: Share) -> Share:
    shares.cluster.start(ClusterSpec(nodes=1))
    return shares


def pod(name: str, labels: str = "{}", *, more: str = "", image: str = "own") -> str:
    return f"""
apiVersion: v1
kind: Pod
metadata: {{name: {name}, labels: {labels}}}
spec: {{containers: [{{name: c, image: {image}, ports: [{{containerPort: 8080}}]}}]}}
{more}
"""


def ask(target: Pod, timeout: float = 2.0) -> Probe:
    identity = frozenset({f"default/{target.name}"})
    return Probe(
        Source(SourceKind.POD, "a", "default"), str(target.ips[0]), 8080, identity, timeout=timeout
    )


def test_every_kind_of_server_says_who_it_is(share: Share) -> None:
    share.apply(pod("a"), pod("web", image="nginx"), pod("page", image="busybox"))
    probes = [ask(share.pod(name)) for name in ("a", "web", "page")]
    for seen in share.cluster.probe(probes):
        assert seen.verdict is Verdict.CONNECTED, seen


def test_the_probes_are_tested_in_the_cluster(share: Share) -> None:
    checks = share.cluster.self_test()
    assert checks
    for check in checks:
        assert check.observation.verdict is check.expected, check


def test_a_service_is_reached_by_its_name_in_the_scenario(share: Share) -> None:
    service = """
apiVersion: v1
kind: Service
metadata: {name: shop}
spec: {selector: {app: b}, ports: [{port: 80, targetPort: 8080}]}
"""
    share.apply(pod("a"), pod("b", "{app: b}"), service)
    source, identities = Source(SourceKind.POD, "a", "default"), frozenset({"default/b"})
    for host in ("shop", "shop.default"):
        probe = Probe(source, host, 80, identities, tool=Tool.WGET)
        (seen,) = share.cluster.probe([probe])
        assert seen.verdict is Verdict.CONNECTED, seen
        assert seen.probe == probe
        assert "npc-" not in seen.command + seen.output


def test_labels_are_replaced_on_running_pods_and_on_namespaces(share: Share) -> None:
    space = "{apiVersion: v1, kind: Namespace, metadata: {name: default, labels: {team: z}}}"
    share.apply(pod("a", "{app: a, old: label}"), space)
    before = share.pod("a").ips
    share.apply(pod("a", "{app: b}"))
    assert share.pod("a").labels == {"app": "b"}
    assert share.pod("a").ips == before
    (home,) = [item for item in share.cluster.state().namespaces if item.name == "default"]
    assert home.labels == {"team": "z", "kubernetes.io/metadata.name": "default"}


def test_pods_finish_when_the_scenario_says_so(share: Share) -> None:
    share.apply(pod("a"), pod("done", more="status: {phase: Succeeded}"))
    assert (share.pod("a").phase, share.pod("done").phase) == ("Running", "Succeeded")
    share.apply(pod("a", more="status: {phase: Succeeded}"))
    assert share.pod("a").finished


def test_a_pod_killed_while_it_asks_makes_errors_and_no_blocks(share: Share) -> None:
    share.apply(pod("a"), pod("b"))
    target = share.pod("b")
    (seen,) = share.cluster.probe([ask(target)])
    assert seen.verdict is Verdict.CONNECTED
    share.cluster.delete([ObjectKey("Pod", "default", "a")])
    (seen,) = share.cluster.probe([ask(target)])
    assert seen.verdict is Verdict.ERROR
    assert "default/a could not be asked to probe" in seen.output


def test_an_agent_that_is_killed_is_started_again(share: Share) -> None:
    share.apply(pod("a"), pod("b"))
    probe = ask(share.pod("b"))
    (first,) = share.cluster.probe([probe])
    for stream in share.cluster._workspace.agents._streams.values():
        stream.close()
    (second,) = share.cluster.probe([probe])
    assert first.verdict is second.verdict is Verdict.CONNECTED


@pytest.mark.parametrize(
    "spec",
    [
        "{podSelector: {}, ingress: [{ports: [{protocol: tcp, port: 0}]}]}",
        "{podSelector: {}, ingress: [{ports: [{port: 80}]}], egress: [{to: [{}]}]}",
        "{podSelectr: {}}",
    ],
)
def test_refusals_read_as_the_embedded_clusters_do(share: Share, spec: str) -> None:
    kind = "apiVersion: networking.k8s.io/v1, kind: NetworkPolicy"
    manifest = f"{{{kind}, metadata: {{name: x}}, spec: {spec}}}"
    with pytest.raises(ManifestError) as embedded:
        decode(manifest)
    with pytest.raises(RefusedError) as real:
        share.cluster.apply(manifest)
    assert str(real.value) == str(embedded.value)


def test_what_is_not_there_is_refused(share: Share) -> None:
    with pytest.raises(RefusedError, match='namespaces "nowhere" not found'):
        share.cluster.apply(pod("a").replace("name: a,", "name: a, namespace: nowhere,"))
    with pytest.raises(RefusedError, match='"gone" not found'):
        share.cluster.delete([ObjectKey("NetworkPolicy", "default", "gone")])


def test_pods_pass_baseline_and_those_on_a_nodes_network_are_not_supported(share: Share) -> None:
    share.apply(pod("first"))  # and with it the namespace
    labels = {"pod-security.kubernetes.io/enforce": "baseline"}
    share.client.patch(NAMESPACES, {"metadata": {"labels": labels}}, share.namespace())
    share.apply(pod("a"), pod("web", image="nginx"))
    on_node = pod("b").replace("spec: {", "spec: {hostNetwork: true, ")
    with pytest.raises(UnsupportedError, match='violates PodSecurity "baseline'):
        share.cluster.apply(on_node)


def test_a_quota_is_named(share: Share) -> None:
    quota = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "none"},
        "spec": {"hard": {"pods": "0"}},
    }
    share.apply(pod("first"))  # and with it the namespace
    resource = share.client.resource(quota)
    share.client.create(resource, quota, share.namespace())
    counted = resource.url(share.namespace(), "none")
    assert until(
        lambda: "hard" in share.client.send("GET", counted)["status"], "the quota", READY, 0.1
    )
    with pytest.raises(ClusterError, match=r"a quota stands in the way: .*exceeded quota: none"):
        share.cluster.apply(pod("a"))


def test_a_new_scenario_sees_nothing_of_the_one_before(share: Share) -> None:
    share.apply(pod("a"))
    share.cluster.start(ClusterSpec(nodes=1))
    spaces = {item.name for item in share.cluster.state().namespaces}
    assert spaces == {"kube-system"}  # default is made with the first object in it
    assert not [item for item in share.cluster.state().pods if item.namespace == "default"]


def test_a_scenario_that_begins_alike_has_the_pods_of_the_one_before(share: Share) -> None:
    cluster, pods = share.cluster, [pod("a"), pod("b", "{app: b}")]
    deny = """
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: deny}
spec: {podSelector: {}}
"""
    assert not cluster.apply_initial("---".join(pods))
    cluster.wait_ready(READY)
    before = share.pod("a").ips, share.pod("b").ips
    cluster.apply(deny)
    until(lambda: asked(share) is Verdict.TIMED_OUT, "the policy", READY, 0.1)
    cluster.release(clean=True)
    cluster.start(ClusterSpec(nodes=1))
    assert cluster.apply_initial("---".join([pods[0], pod("b", "{app: new}")]))
    cluster.wait_ready(READY)
    assert share.pod("a").ips == before[0]
    assert share.pod("b").labels == {"app": "new"}
    assert not cluster.state().policies
    assert until(lambda: asked(share) is Verdict.CONNECTED, "the way back", READY, 0.1)


def asked(share: Share) -> Verdict:
    """What pod a sees of pod b."""
    (seen,) = share.cluster.probe([ask(share.pod("b"), timeout=0.5)])
    return seen.verdict


def test_nodes_are_clients_too(share: Share) -> None:
    share.apply(pod("b"))
    target = share.pod("b")
    probe = Probe(
        Source(SourceKind.NODE, "node-1"), str(target.ips[0]), 8080, frozenset({"default/b"})
    )
    (seen,) = share.cluster.probe([probe])
    assert seen.verdict is Verdict.CONNECTED, seen
    assert len(share.client.items(PODS, share.namespace())) == 1  # the scenario's own alone
