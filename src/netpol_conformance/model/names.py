"""The API's formats of names, labels and ports: each check gives the reasons why not, if any.

The rules and wordings are those of apimachinery's validation package (v1.34).
"""

from __future__ import annotations

import re
from functools import lru_cache
from ipaddress import IPv4Network, ip_address, ip_network

from netpol_conformance.model.objects import IPAddress, IPNetwork

Reasons = tuple[str, ...]

_LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN = rf"{_LABEL}(\.{_LABEL})*"
_DNS_1035 = "[a-z]([-a-z0-9]*[a-z0-9])?"
_NAME = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_VALUE = f"({_NAME})?"
_TEXT = "must consist of"
_ENDS = "must start and end with an alphanumeric character"
_LEADING_ZEROS = re.compile(r"(?<![0-9a-fA-F:])0+(?=[0-9])")


def _explain(message: str, pattern: str, *examples: str) -> str:
    shown = " or ".join(f"'{example}', " for example in examples)
    return f"{message} (e.g. {shown}regex used for validation is '{pattern}')"


def _too_long(text: str, limit: int) -> Reasons:
    size = len(text.encode(errors="surrogatepass"))
    return (f"must be no more than {limit} characters",) if size > limit else ()


def _check(text: str, limit: int, message: str, pattern: str, *examples: str) -> Reasons:
    reasons = _too_long(text, limit)
    if re.fullmatch(pattern, text):
        return reasons
    return (*reasons, _explain(message, pattern, *examples))


def dns_label(text: str) -> Reasons:
    """RFC 1123 label: names of namespaces and containers."""
    if "." in text and re.fullmatch(_SUBDOMAIN, text):
        return (*_too_long(text, 63), "must not contain dots")
    message = (
        f"a lowercase RFC 1123 label {_TEXT} lower case alphanumeric characters or '-', and {_ENDS}"
    )
    return _check(text, 63, message, _LABEL, "my-name", "123-abc")


def dns_subdomain(text: str) -> Reasons:
    """RFC 1123 subdomain: names of policies, pods and nodes."""
    message = (
        f"a lowercase RFC 1123 subdomain {_TEXT} lower case alphanumeric characters, "
        f"'-' or '.', and {_ENDS}"
    )
    return _check(text, 253, message, _SUBDOMAIN, "example.com")


def service_name(text: str) -> Reasons:
    """RFC 1035 label: names of Services."""
    message = (
        f"a DNS-1035 label {_TEXT} lower case alphanumeric characters or '-', start with an "
        "alphabetic character, and end with an alphanumeric character"
    )
    return _check(text, 63, message, _DNS_1035, "my-name", "abc-123")


@lru_cache(maxsize=4096)
def qualified_name(text: str) -> Reasons:
    """A key of a label or an annotation: a name, with a DNS subdomain and a slash before it."""
    message = f"{_TEXT} alphanumeric characters, '-', '_' or '.', and {_ENDS}"
    examples = ("MyName", "my.name", "123-abc")
    prefix, slash, name = text.rpartition("/")
    if prefix.count("/"):
        explained = _explain(f"a qualified name {message}", _NAME, *examples)
        optional = "with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"
        return (f"{explained} {optional}",)
    reasons: list[str] = []
    if slash and not prefix:
        reasons.append("prefix part must be non-empty")
    elif slash:
        reasons += [f"prefix part {reason}" for reason in dns_subdomain(prefix)]
    if not name:
        reasons.append("name part must be non-empty")
    reasons += [f"name part {reason}" for reason in _too_long(name, 63)]
    if not re.fullmatch(_NAME, name):
        reasons.append(f"name part {_explain(message, _NAME, *examples)}")
    return tuple(reasons)


@lru_cache(maxsize=4096)
def label_value(text: str) -> Reasons:
    """The value of a label."""
    message = (
        "a valid label must be an empty string or consist of alphanumeric characters, "
        f"'-', '_' or '.', and {_ENDS}"
    )
    return _check(text, 63, message, _VALUE, "MyValue", "my_value", "12345")


def port_number(number: int) -> Reasons:
    """A port, 1 to 65535."""
    return () if 1 <= number <= 65535 else ("must be between 1 and 65535, inclusive",)


def port_name(text: str) -> Reasons:
    """IANA service name (S61)."""
    reasons = list(_too_long(text, 15))
    if not re.fullmatch("[-a-z0-9]+", text):
        reasons.append("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)")
    if not re.search("[a-z]", text):
        reasons.append("must contain at least one letter (a-z)")
    if "--" in text:
        reasons.append("must not contain consecutive hyphens")
    if text.startswith("-") or text.endswith("-"):
        reasons.append("must not begin or end with a hyphen")
    return tuple(reasons)


def port_number_or_name(port: int | str) -> Reasons:
    """A number or a name, as in ``targetPort``."""
    return port_number(port) if isinstance(port, int) else port_name(port)


@lru_cache(maxsize=4096)
def parse_cidr(text: str) -> IPNetwork | None:
    """The network of a CIDR, host bits cleared (S32); None if it isn't one.

    As in the API server, octets may have leading zeros and IPv4-mapped IPv6 means IPv4.
    """
    address, slash, length = text.partition("/")
    if not slash or not re.fullmatch("[0-9]{1,3}", length) or "%" in address:
        return None
    try:
        network = ip_network(f"{_LEADING_ZEROS.sub('', address)}/{int(length)}", strict=False)
    except ValueError:
        return None
    if network.version == 6 and network.prefixlen >= 96:
        mapped = network.network_address.ipv4_mapped
        if mapped is not None:
            return IPv4Network((mapped, network.prefixlen - 96))
    return network


def parse_ip(text: str) -> IPAddress | None:
    """An address; None if it isn't one. Leading zeros and IPv4-mapped IPv6 as in parse_cidr."""
    if "%" in text:
        return None
    try:
        address = ip_address(_LEADING_ZEROS.sub("", text))
    except ValueError:
        return None
    mapped = address.ipv4_mapped if address.version == 6 else None
    return mapped or address


NOT_A_CIDR = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"
NOT_AN_IP = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"
