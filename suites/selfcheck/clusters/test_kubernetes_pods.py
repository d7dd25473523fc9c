from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netpol_conformance.clusters.base import UnsupportedError
from netpol_conformance.clusters.kubernetes.objects.pods import (
    Images,
    Placing,
    node_agent,
    own_pod,
    real_pod,
)
from netpol_conformance.clusters.serving import Serving, serving
from netpol_conformance.fuzz.vocabulary import container_ports, labels
from netpol_conformance.model.decode import decode_object
from netpol_conformance.model.objects import ContainerPort, Pod, Protocol

PLACING = Placing({"node-1": "worker-a", "node-2": "worker-b"}, (4, 6), Images("own:1"))
IMAGES = ("nginx", "nginx:1.27", "busybox", "registry.example/busybox:1.36", "whatever")


def made(pod: Pod, placing: Placing = PLACING) -> dict[str, Any]:
    return real_pod(pod, f"real/{pod.name}", "real", placing)


pods = st.builds(
    Pod,
    st.just("default"),
    st.just("a"),
    labels=labels,
    annotations=st.dictionaries(st.sampled_from(["note"]), st.just("kept")),
    ports=container_ports(),
    image=st.sampled_from(IMAGES),
    node=st.sampled_from(["node-1", "node-2"]),
    host_network=st.booleans(),
)


def test_who_asks_all_the_time_requests_a_share_of_a_processor():
    web = Pod("default", "web", image="nginx")
    for asking, requested in ((Pod("default", "other"), "1m"), (web, "300m")):
        placing = replace(PLACING, asking=frozenset({asking.key}))
        server, probe = made(web, placing)["spec"]["containers"]
        assert server["resources"]["requests"]["cpu"] == "1m"
        assert probe["resources"]["requests"]["cpu"] == requested


@settings(max_examples=80)
@given(pods)
def test_the_scenario_sees_the_pod_it_asked_for(pod: Pod) -> None:
    real = made(pod)
    real["spec"]["nodeName"] = real["spec"]["nodeSelector"]["kubernetes.io/hostname"]
    real["metadata"]["namespace"] = "default"
    real["status"] = {"phase": "Running"}
    own = own_pod(real, {"worker-a": "node-1", "worker-b": "node-2"})
    assert decode_object(own, strict=False) == pod


@settings(max_examples=60)
@given(pods)
def test_every_pod_is_one_that_the_api_takes(pod: Pod) -> None:
    assert decode_object(made(pod)).key.name == "a"


@settings(max_examples=60)
@given(pods)
def test_nothing_in_a_pod_needs_more_than_baseline(pod: Pod) -> None:
    spec = made(pod)["spec"]
    assert bool(spec.get("hostNetwork")) == pod.host_network  # which baseline forbids
    allowed = {"name", "image", "command", "ports", "resources"}
    for container in spec["containers"]:
        assert container.keys() <= allowed
        assert not any("hostPort" in port for port in container.get("ports", ()))
    assert "volumes" not in spec
    assert spec["automountServiceAccountToken"] is False


@settings(max_examples=60)
@given(pods)
def test_every_pod_can_be_asked_from(pod: Pod) -> None:
    containers = made(pod)["spec"]["containers"]
    probe = containers[-1]
    assert (probe["name"], probe["image"]) == ("probe", "own:1")


def test_nginx_is_the_real_one_and_says_who_it_is() -> None:
    server, probe = made(Pod("default", "web", image="nginx"))["spec"]["containers"]
    assert server["image"] == "nginx"
    text = server["command"][-1]
    assert 'add_header X-Served-By "real/web" always;' in text
    assert "listen 0.0.0.0:80;" in text
    assert "listen [::]:80 ipv6only=on;" in text
    assert text.endswith(
        "exec nginx -p /tmp/netpol-conformance -c /tmp/netpol-conformance/nginx.conf"
    )
    assert probe["command"][:2] == ["/bin/busybox", "sh"]


def test_busybox_with_ports_serves_a_page_of_its_own_on_each() -> None:
    pod = Pod("default", "b", ports=(ContainerPort(80), ContainerPort(81)), image="busybox")
    text = made(pod)["spec"]["containers"][0]["command"][-1]
    assert "{ httpd -f -p 80 -h /tmp/netpol-conformance/pages & }" in text
    assert text.endswith("exec httpd -f -p 81 -h /tmp/netpol-conformance/pages")


def test_busybox_without_ports_only_asks() -> None:
    (probe,) = made(Pod("default", "b", image="busybox"))["spec"]["containers"]
    assert probe["name"] == "probe"


def test_what_the_image_does_not_serve_our_own_servers_do() -> None:
    ports = (ContainerPort(80), ContainerPort(53, Protocol.UDP), ContainerPort(9, Protocol.SCTP))
    _, probe = made(Pod("default", "web", ports=ports, image="nginx"))["spec"]["containers"]
    words = " ".join(probe["command"])
    assert words == (
        "python -m netpol_conformance.probe.agent serve --identity real/web "
        "--port 53/UDP --port 9/SCTP --family 4 --family 6"
    )
    (alone,) = made(Pod("default", "web", ports=ports, image="own"))["spec"]["containers"]
    assert "--port 80/TCP --port 53/UDP --port 9/SCTP" in " ".join(alone["command"])


def test_nginx_listens_though_the_manifest_does_not_say_so() -> None:
    assert serving(Pod("default", "web", image="nginx")) == Serving(nginx=(80,))
    assert serving(Pod("default", "web", image="busybox")) == Serving()


def test_a_finished_pod_ends_by_itself() -> None:
    spec = made(Pod("default", "done", phase="Succeeded"))["spec"]
    assert spec["restartPolicy"] == "Never"
    assert spec["containers"][0]["command"] == ["/bin/busybox", "true"]


def test_images_come_from_where_the_user_says() -> None:
    images = Images("r.example/own:1", "r.example/mirror", "Never", "ci/key")
    spec = made(Pod("default", "a", image="docker.io/nginx:1"), Placing({}, (4,), images))["spec"]
    assert [item["image"] for item in spec["containers"]] == [
        "r.example/mirror/nginx:1",
        "r.example/own:1",
    ]
    assert {item["imagePullPolicy"] for item in spec["containers"]} == {"Never"}
    assert spec["imagePullSecrets"] == [{"name": "key"}]


def test_a_node_that_is_not_there_is_not_supported() -> None:
    with pytest.raises(UnsupportedError, match=r'is to run on "node-3".*node-1, node-2'):
        made(Pod("default", "a", node="node-3"))


def test_a_node_is_asked_from_by_a_pod_in_its_network() -> None:
    spec = node_agent("worker-a", "npc-1-2", Images("own:1"))["spec"]
    assert (spec["nodeName"], spec["hostNetwork"]) == ("worker-a", True)
    assert spec["tolerations"] == [{"operator": "Exists"}]
