"""Container images by name: the suite's own, and any image as a private registry has it. Pure."""

from __future__ import annotations

from netpol_conformance import __version__

REPOSITORY = "netpol-conformance"
OWN_IMAGE = f"{REPOSITORY}:{__version__}"
"""The one image of the enforcer and of the probes; ``netpol-conformance images build`` makes it."""


def at_registry(image: str, registry: str = "") -> str:
    """``image`` as ``registry`` has it: its whole path, without the host it usually comes from.

    ``registry`` is a host, perhaps with a path below it; empty leaves the image as it is.
    """
    return f"{registry.rstrip('/')}/{_path(image)}" if registry else image


def own_image(image: str = "", registry: str = "") -> str:
    """The suite's own image: ``image`` where it is given, else the usual one, at ``registry``."""
    return image or at_registry(OWN_IMAGE, registry)


def _path(image: str) -> str:
    first, slash, rest = image.partition("/")
    # What is before the first slash is a host if it has a dot or a port, or is localhost.
    host = slash and ("." in first or ":" in first or first == "localhost")
    return rest if host else image
