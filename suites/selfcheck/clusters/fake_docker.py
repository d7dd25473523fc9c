"""A program ``docker`` that behaves as Docker does where several use it at once.

Names are reserved before there is anything to inspect; a container that died keeps its name; only
one process can serve on a port. What its users must never do is written down as an offence.
"""

from __future__ import annotations

from collections import Counter
from ipaddress import ip_address
from pathlib import Path

from netpol_conformance.clusters.kind.machines import Machines
from netpol_conformance.model.objects import Node

from ..probe.helping import script

NODES = ("node-1", "node-2")

_PROGRAM = r"""
cd {folder}
echo "$*" >>calls
id_of() { cat "names/$1/id" 2>/dev/null || echo "$1"; }  # a name, or an id already
fail() { echo "$2" >&2; exit "$1"; }
# A name that another client reserved gets its container after so many calls.
come() {
  left=$(cat "names/$1/pending" 2>/dev/null) || return 0
  if [ "$left" -gt 0 ]; then echo $((left - 1)) >"names/$1/pending"; return 0; fi
  rm "names/$1/pending"; begin "$1"
}
begin() {
  id=$1.$$
  mkdir "containers/$id"; echo "$1" >"containers/$id/name"
  touch "containers/$id/running"; echo "$id" >"names/$1/id"
}
running() {
  container=containers/$(id_of "$1")
  [ -d "$container" ] || fail 1 "Error: No such container: $1"
  [ -f "$container/running" ] || fail 1 "Error response from daemon: Container $1 is not running"
}
case "$1" in
network) echo '[{"Subnet": "172.18.0.0/16"}]';;
ps) ls containers | grep -v '^node-' || true;;
inspect)
  for name; do :; done
  come "$name"
  container=containers/$(id_of "$name")
  [ -d "$container" ] || fail 1 "Error: No such object: $name"
  state=false; ip=
  if [ -f "$container/running" ]; then state=true; ip=172.18.0.9; fi
  echo "{\"id\": \"$(basename "$container")\", \"running\": $state, \"networks\":" \
    "{\"kind\": {\"IPAddress\": \"$ip\", \"GlobalIPv6Address\": \"\"}}}";;
run)
  while [ "$1" != --name ]; do shift; done
  come "$2"
  mkdir "names/$2" 2>/dev/null || fail 125 "docker: Error response from daemon: Conflict. The \
container name \"/$2\" is already in use by container \"$(id_of "$2")\". You have to remove it."
  begin "$2";;
rm)
  shift
  for name; do
    case "$name" in -*) continue;; esac
    container=containers/$(id_of "$name")
    [ -d "$container" ] || fail 1 "Error: No such container: $name"
    [ ! -f "$container/running" ] || [ -d "containers/$name" ] ||
      echo "$name runs and is removed to make room" >>offences
    rm -r "names/$(cat "$container/name")" "$container"
  done;;
exec)
  shift
  while :; do case "$1" in --*) shift;; *) break;; esac; done
  running "$1"; shift
  all=$*
  case "$all" in
  sh)
    mkdir "$container/busy" 2>/dev/null || [ "${container#containers/node-}" != "$container" ] ||
      echo "two scripts at once on $container" >>offences
    cat >>"$container/script"; rmdir "$container/busy" 2>/dev/null || true;;
  *" serve "*)
    port=${all##*--port }; port=${port%%/*}; identity=${all#*--identity }
    [ ! -f "$container/port-$port" ] || echo "port $port of $container is served twice" >>offences
    echo "${identity%% *}" >"$container/port-$port";;
  *wget*)
    port=${all##*:}; port=${port%%/*}
    [ -f "$container/port-$port" ] || fail 1 "can't connect: Connection refused"
    echo "  Server: $(cat "$container/port-$port")";;
  esac;;
*) fail 64 "unknown command $1";;
esac
"""


def machines_of(docker: Path) -> Machines:
    """The machines outside a cluster of NODES, by this program."""
    nodes = [Node(name, (ip_address(f"172.18.0.{at}"),)) for at, name in enumerate(NODES, 2)]
    return Machines("some", docker, "image", nodes)


class FakeDocker:
    """The program, and NODES that run; ``folder`` keeps its state."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "docker"
        for part in ("names", "containers", "bin"):
            (self._folder / part).mkdir(parents=True)
        self.program = Path(
            script(
                self._folder / "bin",
                f"set -e{_PROGRAM.replace('{folder}', str(self._folder))}",
                "docker",
            )
        )
        for node in NODES:
            (self._folder / "names" / node).mkdir()
            self._begin(node)

    def _begin(self, name: str) -> None:
        container = self._folder / "containers" / f"{name}.0"
        container.mkdir()
        (container / "name").write_text(f"{name}\n")
        (container / "running").touch()
        (self._folder / "names" / name / "id").write_text(f"{name}.0\n")

    def reserve(self, name: str, calls: int) -> None:
        """Another client has reserved the name; its container runs after so many calls."""
        (self._folder / "names" / name).mkdir()
        (self._folder / "names" / name / "pending").write_text(f"{calls}\n")

    def kill(self, name: str) -> None:
        """The container of this name dies, and keeps its name."""
        container = (self._folder / "names" / name / "id").read_text().strip()
        (self._folder / "containers" / container / "running").unlink()

    def scripts(self, name: str) -> str:
        """All that was run on the container of this name, or of this id."""
        known = self._folder / "names" / name / "id"
        container = known.read_text().strip() if known.exists() else name
        file = self._folder / "containers" / container / "script"
        return file.read_text() if file.exists() else ""

    def served(self, name: str) -> set[int]:
        """The ports that are served on."""
        container = (self._folder / "names" / name / "id").read_text().strip()
        files = (self._folder / "containers" / container).glob("port-*")
        return {int(file.name.removeprefix("port-")) for file in files}

    @property
    def calls(self) -> list[str]:
        return self._lines("calls")

    @property
    def offences(self) -> list[str]:
        """What nobody must do."""
        return self._lines("offences")

    @property
    def commands(self) -> Counter[str]:
        """How often each command was given."""
        return Counter(call.split()[0] for call in self.calls)

    def _lines(self, name: str) -> list[str]:
        file = self._folder / name
        return file.read_text().splitlines() if file.exists() else []
