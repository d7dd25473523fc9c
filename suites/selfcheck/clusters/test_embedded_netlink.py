"""Failures of rtnetlink name the request that failed, and leave the others done."""

import subprocess
import sys

TRY = """
import os
from ipaddress import ip_address
from netpol_conformance.clusters.embedded.namespaces import enter_new_world, new_network
from netpol_conformance.clusters.embedded.netlink import LOOPBACK, Netlink

enter_new_world()
link = Netlink()
link.up(LOOPBACK)
for number in range(4000):
    link.address(ip_address("10.0.0.0") + number, LOOPBACK)
link.address(ip_address("10.0.0.7"), LOOPBACK)
link.address(ip_address("10.1.0.0"), LOOPBACK)
try:
    link.commit()
except OSError as error:
    print(error)
print(open("/proc/net/fib_trie").read().count("/32 host LOCAL") // 2)
try:
    link.route(ip_address("10.9.9.9"), 99)
    link.commit()
except OSError as error:
    print(error)
there = new_network()
link.veth("one", 10, "other", 2, there)
link.up(10)
link.route(ip_address("10.9.9.9"), 10)
link.commit()
print(sorted(os.listdir("/proc/sys/net/ipv4/conf")))
"""


def test_a_failed_request_is_named_and_the_others_are_done():
    tried = subprocess.run([sys.executable, "-c", TRY], capture_output=True, text=True, check=False)
    assert tried.stdout.splitlines() == [
        "[Errno 17] cannot add address 10.0.0.7: File exists",
        "4002",  # the loopback's own too
        "[Errno 19] cannot route 10.9.9.9: No such device",
        "['all', 'default', 'lo', 'one']",
    ], tried.stderr
