"""What the command line says of the cluster: the one table behind pytest's options and ours.

Each field of ``Options`` is an option ``--field-name``; what it takes and its help are the
field's metadata. Imports nothing of the suite: every pytest run of the environment loads it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, Field, dataclass, field, fields
from importlib.util import find_spec
from typing import Any


def _word(metavar: str, text: str, default: str = "") -> str:
    value: str = field(default=default, metadata={"metavar": metavar, "help": text})
    return value


def _words(metavar: str, text: str) -> tuple[str, ...]:
    value: tuple[str, ...] = field(default=(), metadata={"metavar": metavar, "help": text})
    return value


def _flag(text: str) -> bool:
    value: bool = field(default=False, metadata={"help": text})
    return value


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line says of the cluster; each driver reads what concerns it.

    Values are as given: a driver checks those it reads and raises ValueError.
    """

    cluster: str = _word(
        "DRIVER",
        "where scenarios run: embedded (network namespaces; the default), kind (a cluster made "
        "for the run) or kubeconfig (a cluster you have)",
        "embedded",
    )
    implementation: str = _word(
        "NAME",
        "what enforces policies in embedded and kind: reference (the default), none, or "
        "MODULE:FACTORY",
        "reference",
    )
    kubeconfig: str = _word("FILE", "kubeconfig: the file to use, not the usual one")
    context: str = _word("NAME", "kubeconfig: the context to use, not the current one")
    external_client: str = _word(
        "COMMAND", "kubeconfig: what runs a command on a host outside, such as 'ssh host'"
    )
    image: str = _word("IMAGE", "Kubernetes: the suite's own image, for probes and enforcer")
    image_registry: str = _word("PREFIX", "Kubernetes: take every image from this registry")
    pull_policy: str = _word(
        "POLICY", "Kubernetes: when nodes pull images: IfNotPresent, Always or Never"
    )
    pull_secret: str = _word("NAMESPACE/NAME", "Kubernetes: the Secret to pull images with")
    plugin: str = _word("NAME", "kind: a network plugin instead of the reference, or none")
    plugin_manifests: tuple[str, ...] = _words(
        "PATH", "kind: a file or folder of the plugin's manifests (again for more)"
    )
    plugin_image: tuple[str, ...] = _words(
        "IMAGE", "kind: an image of the plugin to load from Docker (again for more)"
    )
    pod_subnet: str = _word("CIDR", "kind: the pods' addresses, as the plugin wants them")
    ip_family: str = _word("FAMILY", "kind, fuzz: ipv4 (the default), ipv6 or dual", "ipv4")
    keep_cluster: bool = _flag("kind: leave the cluster as it is afterwards")
    reuse_cluster: str = _word("NAME", "kind: use this cluster, and leave it afterwards")
    kind_image: str = _word("IMAGE", "kind: the node image, and with it Kubernetes' version")
    kind_bin: str = _word("FILE", "kind: the program kind, if not the one on PATH")
    kind_kubectl_bin: str = _word("FILE", "kind: the program kubectl, if not the one on PATH")


_OF_PYTEST_KIND = frozenset(
    {"kubeconfig", "keep_cluster", "kind_image", "kind_bin", "kind_kubectl_bin"}
)
"""Options that pytest-kind's own plugin adds to pytest where it is installed, meaning the same."""


def option_fields() -> tuple[Field[Any], ...]:
    """Every option, in order."""
    return fields(Options)


def flag_name(name: str) -> str:
    """``kind_image`` as ``--kind-image``."""
    return f"--{name.replace('_', '-')}"


def default_of(option: Field[Any]) -> Any:  # noqa: ANN401 - str, bool or tuple
    """The option's default, whose type is the option's."""
    assert option.default is not MISSING
    return option.default


def fields_for_pytest() -> tuple[Field[Any], ...]:
    """The options that a pytest plugin of ours must add, those of pytest-kind left out."""
    if find_spec("pytest_kind") is None:
        return option_fields()
    return tuple(option for option in option_fields() if option.name not in _OF_PYTEST_KIND)


def from_values(values: Mapping[str, Any]) -> Options:
    """Options from parsed arguments; None or no value stands for the default."""
    given: dict[str, Any] = {}
    for option in option_fields():
        value = values.get(option.name)
        if value is not None:
            given[option.name] = tuple(value) if isinstance(value, list) else value
    return Options(**given)


def as_arguments(options: Options) -> tuple[str, ...]:
    """The command line that gives these options, defaults left out."""
    words: list[str] = []
    for option in option_fields():
        value = getattr(options, option.name)
        if value == default_of(option):
            continue
        if isinstance(value, bool):
            words.append(flag_name(option.name))
        else:
            for one in value if isinstance(value, tuple) else (value,):
                words += [flag_name(option.name), one]
    return tuple(words)
