"""What programs in pods find in /etc: a mount namespace for each Kubernetes namespace, in which
resolv.conf, hosts and nsswitch.conf are the pod's and not the machine's.

The files are in a file system in memory that only the cluster's own process can see.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

from netpol_conformance.clusters.base import ClusterError
from netpol_conformance.clusters.embedded.dns import DOMAIN
from netpol_conformance.clusters.embedded.namespaces import mount_tmpfs, new_files
from netpol_conformance.model.objects import IPAddress

RESOLV_CONF = Path("/etc/resolv.conf")

_HOSTS = "127.0.0.1 localhost\n::1 localhost ip6-localhost\n"
_NSSWITCH = "passwd: files\ngroup: files\nhosts: files dns\n"
# Directories that Linux systems have and programs do not start from.
_PLACES = (Path("/dev/shm"), Path("/mnt"), Path("/media"), Path("/srv"))  # noqa: S108
# The name service cache answers over a file, past all network namespaces, if it is there.
_CACHES = (Path("/run/nscd"), Path("/var/run/nscd"))


class Files:
    """The files of each Kubernetes namespace; ``nameservers`` are the DNS Service's addresses.

    ``scratch`` is an empty directory in memory, for servers that need files. Raises ClusterError.
    """

    def __init__(self, nameservers: Iterable[IPAddress]) -> None:
        if not RESOLV_CONF.exists():
            raise ClusterError(
                f"{RESOLV_CONF} is missing, and pods are shown theirs in its place; "
                "netpol-conformance doctor says how to make it"
            )
        self._nameservers = tuple(nameservers)
        self._made: dict[str, int] = {}
        self._root = _free_place()
        mount_tmpfs(self._root)
        for cache in {place.resolve() for place in _CACHES if place.is_dir()}:
            mount_tmpfs(cache)
        self.scratch = self._root / "scratch"
        self.scratch.mkdir()
        (self._root / "hosts").write_text(_HOSTS)
        (self._root / "nsswitch.conf").write_text(_NSSWITCH)

    def of(self, namespace: str) -> int:
        """The mount namespace, as a descriptor, of pods in ``namespace``."""
        if namespace not in self._made:
            self._made[namespace] = self._make(namespace)
        return self._made[namespace]

    def _make(self, namespace: str) -> int:
        searched = f"{namespace}.svc.{DOMAIN} svc.{DOMAIN} {DOMAIN}"
        lines = [f"search {searched}", *(f"nameserver {ip}" for ip in self._nameservers)]
        resolv = self._root / f"resolv.{namespace}"
        resolv.write_text("\n".join([*lines, "options ndots:5", ""]))
        shown = {
            RESOLV_CONF: resolv,
            Path("/etc/hosts"): self._root / "hosts",
            Path("/etc/nsswitch.conf"): self._root / "nsswitch.conf",
        }
        # The C library does well without the other two.
        return new_files({at.resolve(): file for at, file in shown.items() if at.exists()})


def _free_place() -> Path:
    """A directory that nothing we need lies in: programs, libraries and this project stay seen."""
    needed = [Path(entry).resolve() for entry in (*sys.path, sys.prefix, sys.base_prefix) if entry]
    for place in _PLACES:
        if place.is_dir() and not any(path.is_relative_to(place.resolve()) for path in needed):
            return place
    raise ClusterError(
        f"none of the directories {', '.join(map(str, _PLACES))} is there and unused; make one: "
        "sudo mkdir /mnt"
    )
