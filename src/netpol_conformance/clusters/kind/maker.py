"""One kind cluster through pytest-kind: created or found, images loaded, removed.

The only module that imports ``pytest_kind``.
"""

from __future__ import annotations

import contextlib
import logging
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from pytest_kind import KindCluster

from netpol_conformance.clusters.base import ClusterError
from netpol_conformance.clusters.kind.tools import Tools, last_words, run

_log = logging.getLogger(__name__)


class KindMaker:
    """One cluster by its name. ``folder`` keeps its kubeconfig; ``image`` is the node image, or
    empty for kind's own. Every method raises ClusterError in kind's own words.
    """

    def __init__(self, name: str, tools: Tools, folder: Path, *, image: str = "") -> None:
        self.name = name
        self.kubeconfig = folder / "kubeconfig"
        self._folder = folder
        self._tools = tools
        # pytest-kind makes a folder for its downloads where it is; it shall download nothing.
        with contextlib.chdir(folder):
            self._cluster = KindCluster(
                name,
                kubeconfig=self.kubeconfig,
                image=image or None,
                kind_path=tools.kind,
                kubectl_path=tools.kubectl,
            )

    def create(self, config: str) -> None:
        """Create it from kind's configuration; its nodes are not ready without a CNI."""
        file = self._folder / "kind.yaml"
        file.write_text(config, encoding="utf-8")
        with _captured_output(f"kind create cluster --name {self.name}") as output:
            try:
                self._cluster.create(config_file=file)
            except subprocess.CalledProcessError as error:
                raise ClusterError(
                    f"kind could not create the cluster {self.name} (exit {error.returncode}): "
                    f"{last_words(output.read_text(errors='replace'))}"
                ) from error

    def find(self) -> None:
        """Use the cluster that is there already."""
        known = run([self._tools.kind, "get", "clusters"]).split()
        if self.name not in known:
            raise ClusterError(
                f"there is no kind cluster {self.name} to reuse; kind get clusters says: "
                f"{', '.join(known) or 'none'}"
            )
        words = ("export", "kubeconfig", "--name", self.name, "--kubeconfig")
        run([self._tools.kind, *words, self.kubeconfig])

    def load(self, images: Sequence[str]) -> None:
        """Copy images from Docker to every node, where they are not there yet: all by one command,
        since each looks into every node.
        """
        run([self._tools.kind, "load", "docker-image", "--name", self.name, *images])

    def kubectl(self, *words: str, given: str = "", timeout: float | None = None) -> str:
        """What kubectl prints, asked of this cluster."""
        ours = (self._tools.kubectl, "--kubeconfig", self.kubeconfig)
        return run([*ours, *words], given=given, timeout=timeout)

    def delete(self) -> None:
        """Remove it; nothing happens if it is not there."""
        run([self._tools.kind, "delete", "cluster", "--name", self.name])


@contextlib.contextmanager
def _captured_output(command: str) -> Iterator[Path]:
    """Send what kind prints, by way of this process's own outputs, to a file instead."""
    began = time.monotonic()
    sys.stdout.flush()
    sys.stderr.flush()
    kept = os.dup(1), os.dup(2)
    with tempfile.NamedTemporaryFile(prefix="netpol-conformance-kind-") as file:
        try:
            for own in (1, 2):
                os.dup2(file.fileno(), own)
            yield Path(file.name)
        finally:
            for own, original in zip((1, 2), kept, strict=True):
                os.dup2(original, own)
                os.close(original)
            _log.info("%s: ended after %.1f s", command, time.monotonic() - began)
