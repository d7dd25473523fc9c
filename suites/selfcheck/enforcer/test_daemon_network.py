"""The pod network: what a node needs of it, and what is written for whom."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

import pytest
from suites.selfcheck.random_clusters import node

from netpol_conformance.enforcer.daemon import wiring as wiring_module
from netpol_conformance.enforcer.daemon.network import Route, configuration, masquerade, wiring
from netpol_conformance.enforcer.daemon.settings import Folders
from netpol_conformance.enforcer.daemon.wiring import Network, WiringError, publish
from netpol_conformance.model.objects import Node

FAMILIES = {"ipv4": (4,), "ipv6": (6,), "dual": (4, 6)}


@pytest.mark.parametrize("name", FAMILIES)
def test_what_is_written(name, golden):
    nodes = [node(number, *FAMILIES[name]) for number in (1, 2, 3)]
    needed = wiring(nodes, "node-2")
    assert needed is not None
    golden(f"network/{name}.conflist", configuration(needed.own, 1450))
    golden(f"network/{name}.nft", masquerade(needed))


def test_each_family_of_the_others_has_its_route():
    needed = wiring([node(1, 4, 6), node(2, 4, 6)], "node-2")
    assert needed is not None
    assert needed.routes == {
        Route(ip_network("10.244.1.0/24"), ip_address("172.18.0.2")),
        Route(ip_network("fd00:10:244:1::/64"), ip_address("fd00:172:18::2")),
    }


def test_a_node_without_networks_or_address_of_their_family_has_no_route():
    networks = (ip_network("fd00:10:244:3::/64"),)
    others = [Node("node-2"), Node("node-3", (ip_address("172.18.0.4"),), networks)]
    needed = wiring([node(1, 4), *others], "node-1")
    assert needed is not None
    assert not needed.routes


def test_a_node_without_a_network_needs_nothing_yet():
    assert wiring([Node("node-1")], "node-1") is None
    assert wiring([node(2, 4)], "node-1") is None


def test_the_configuration_is_a_link_into_what_a_reboot_empties(tmp_path):
    folders = Folders(tmp_path / "cni", tmp_path / "run")
    folders.cni.mkdir()
    for text in ("one", "two"):
        publish(text, folders)
        (link,) = folders.cni.iterdir()
        assert link.name == "10-netpol-conformance.conflist"
        assert link.readlink() == folders.run / "cni.conflist"
        assert link.read_text() == text
    assert [path.name for path in folders.run.iterdir()] == ["cni.conflist"]


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    with pytest.raises(WiringError, match=r"cannot write the CNI configuration: .*no-such-folder"):
        publish("", Folders(tmp_path / "no-such-folder", tmp_path))


class FakeIp:
    """The program ip: what it is asked and told, and devices and routes that it shows."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.routes: list[dict[str, str]] = []

    def __call__(self, *arguments: str, text: str = "") -> str:
        if "-batch" in arguments:
            self.told += text.splitlines()
            return ""
        self.asked = arguments
        if "route" in arguments:
            return wiring_module.json.dumps(self.routes)
        device = {"mtu": 1450, "addr_info": [{"local": "172.18.0.2"}]}
        return wiring_module.json.dumps([{"mtu": 65536, "addr_info": []}, device])


@pytest.fixture
def ip(monkeypatch) -> FakeIp:
    fake = FakeIp()
    monkeypatch.setattr(wiring_module, "_ip", fake)
    return fake


def test_the_network_follows_the_nodes(ip, tmp_path):
    texts: list[str] = []
    network = Network("node-1", texts.append, Folders(tmp_path, tmp_path / "run"))
    assert not network.update([Node("node-1")])
    assert not network.made
    assert network.update([node(1, 4), node(2, 4)])
    assert network.made
    assert ip.told == ["route replace 10.244.2.0/24 via 172.18.0.3 proto 157"]
    assert '"mtu": 1450' in (tmp_path / "10-netpol-conformance.conflist").read_text()

    assert not network.update([node(2, 4), node(1, 4)])
    ip.routes = [{"dst": "10.244.2.0/24", "gateway": "172.18.0.3"}]
    assert network.update([node(1, 4), node(3, 4)])
    assert ip.told[1:] == [
        "route del 10.244.2.0/24 via 172.18.0.3 proto 157",
        "route replace 10.244.3.0/24 via 172.18.0.4 proto 157",
    ]
    assert len(texts) == 2


def test_a_node_with_an_address_that_no_device_has_is_an_error(ip, tmp_path):
    network = Network("node-5", lambda text: None, Folders(tmp_path, tmp_path / "run"))
    with pytest.raises(WiringError, match=r"no device here has an address of node node-5"):
        network.update([node(5, 4)])
    assert not network.made
    assert not list(tmp_path.glob("*.conflist"))


def test_an_ip_program_that_fails_says_what_it_was_told():
    with pytest.raises(WiringError, match=r"ip no-such-object: .+"):
        wiring_module._ip("no-such-object")
