"""What users say of a run's cluster: the table from which the command line and pytest are made.

Each field of ``Options`` is an option; its metadata say what it takes, its help, and which drivers
read it. Imports nothing of the suite: every pytest run of the environment loads it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import Field, dataclass, field, fields
from typing import Any, TypeVar

T = TypeVar("T")
O = TypeVar("O", bound="Options")  # noqa: E741 - options of any kind


def option(  # noqa: PLR0913 - what there is to say of an option
    default: T,
    metavar: str,
    text: str,
    *drivers: str,
    choices: tuple[str, ...] = (),
    short: str = "",
    reruns: bool = True,
    of_pytest: bool = False,
) -> T:
    """A field that is an option; its type is that of ``default``.

    ``drivers`` are those that read it (none: all), ``short`` is its one letter on the command
    line. ``reruns`` unless running a scenario again does without. ``of_pytest`` if pytest has its
    own.
    """
    metadata = {
        "help": f"{', '.join(drivers)}: {text}" if drivers else text,
        "metavar": metavar or None,
        "choices": choices,
        "short": short,
        "drivers": drivers,
        "reruns": reruns,
        "of_pytest": of_pytest,
    }
    value: T = field(default=default, metadata=metadata)
    return value


def flag(text: str, *drivers: str, **about: Any) -> bool:  # noqa: ANN401 - as of ``option``
    """A field that is an option without a value: said, or not."""
    return option(False, "", text, *drivers, **about)  # noqa: FBT003 - the default


EMBEDDED, KIND, KUBECONFIG = "embedded", "kind", "kubeconfig"


@dataclass(frozen=True)
class Options:
    """What is said of the cluster; each driver reads what concerns it.

    Values are as given: a driver checks those that it reads and raises ValueError.
    """

    cluster: str = option(
        EMBEDDED,
        "DRIVER",
        "where scenarios run: embedded (network namespaces; the default), kind (a cluster made "
        "for the run) or kubeconfig (a cluster you have)",
    )
    implementation: str = option(
        "reference",
        "NAME",
        "what enforces policies in embedded and kind: reference (the default), none, or "
        "MODULE:FACTORY; on kubeconfig what the plugin is called",
    )
    kubeconfig: str = option("", "FILE", "the file to use, not the usual one", KUBECONFIG)
    context: str = option("", "NAME", "the context to use, not the current one", KUBECONFIG)
    external_client: str = option(
        "", "COMMAND", "what runs a command on a host outside, such as 'ssh host'", KUBECONFIG
    )
    image: str = option(
        "", "IMAGE", "the suite's own image, for probes and enforcer", KIND, KUBECONFIG
    )
    image_registry: str = option(
        "", "PREFIX", "take every image from this registry", KIND, KUBECONFIG
    )
    pull_policy: str = option(
        "", "POLICY", "when nodes pull images: IfNotPresent, Always or Never", KIND, KUBECONFIG
    )
    pull_secret: str = option(
        "", "NAMESPACE/NAME", "the Secret to pull images with", KIND, KUBECONFIG
    )
    plugin: str = option(
        "",
        "NAME",
        "a network plugin instead of the reference, or none; on kubeconfig the one that is there",
        KIND,
        KUBECONFIG,
    )
    plugin_manifests: tuple[str, ...] = option(
        (), "PATH", "a file or folder of the plugin's manifests (again for more)", KIND
    )
    plugin_image: tuple[str, ...] = option(
        (), "IMAGE", "an image of the plugin to load from Docker (again for more)", KIND
    )
    pod_subnet: str = option("", "CIDR", "the pods' addresses, as the plugin wants them", KIND)
    ip_family: str = option(
        "ipv4",
        "FAMILY",
        "ipv4 (the default), ipv6 or dual; of generated cases on any cluster",
        KIND,
    )
    keep_cluster: bool = flag("leave the cluster as it is afterwards", KIND)
    reuse_cluster: str = option("", "NAME", "use this cluster, and leave it afterwards", KIND)
    kind_image: str = option("", "IMAGE", "the node image, and with it Kubernetes' version", KIND)
    kind_bin: str = option("", "FILE", "the program kind, if not the one on PATH", KIND)
    kind_kubectl_bin: str = option("", "FILE", "the program kubectl, if not the one on PATH", KIND)


def table(kind: type[Options]) -> tuple[Field[Any], ...]:
    """Every option of ``kind``, in order."""
    return fields(kind)


def flag_name(name: str, prefix: str = "") -> str:
    """``kind_image`` as ``--kind-image``, or as ``--netpol-kind-image`` with that prefix."""
    return f"--{prefix}{name.replace('_', '-')}"


def from_values(kind: type[O], values: Mapping[str, Any], prefix: str = "") -> O:
    """Options from parsed arguments; None or no value stands for the default."""
    given: dict[str, Any] = {}
    for item in table(kind):
        value = values.get(f"{prefix}{item.name}")
        if value is not None:
            given[item.name] = tuple(value) if isinstance(value, list) else value
    return kind(**given)


def as_arguments(options: Options) -> tuple[str, ...]:
    """The words with which a rerun gets these options, defaults left out."""
    words: list[str] = []
    for item in table(type(options)):
        value = getattr(options, item.name)
        if value == item.default or not item.metadata["reruns"]:
            continue
        if isinstance(value, bool):
            words.append(flag_name(item.name))
        else:
            for one in value if isinstance(value, tuple) else (value,):
                words += [flag_name(item.name), str(one)]
    return tuple(words)


def check_driver_reads(options: Options, *, also: tuple[str, ...] = ()) -> None:
    """Raise ValueError for an option that the chosen driver does not read.

    ``also`` are options that the asking command itself reads.
    """
    for item in table(type(options)):
        readers = item.metadata["drivers"]
        if getattr(options, item.name) == item.default or item.name in also or not readers:
            continue
        if options.cluster not in readers:
            raise ValueError(
                f"{flag_name(item.name)} means nothing to --cluster {options.cluster}; "
                f"it is for --cluster {' and '.join(readers)}"
            )
