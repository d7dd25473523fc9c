"""``netpol-conformance images list | build | load``: the images that a run on Kubernetes needs.

Here: words to calls. Not here: any work.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from netpol_conformance.app.corpus import load_corpus
from netpol_conformance.cli.run import Paths
from netpol_conformance.image import build as image_build
from netpol_conformance.image.build import Recipe
from netpol_conformance.image.names import OWN_IMAGE, at_registry, own_image
from netpol_conformance.model.objects import Pod
from netpol_conformance.scenario.workloads import SERVER_IMAGE

app = typer.Typer(no_args_is_help=True, help="The container images that a run on Kubernetes needs.")

Registry = Annotated[
    str, typer.Option("--image-registry", metavar="PREFIX", help="take every image from there")
]
Python = Annotated[
    str, typer.Option(metavar="3.N", help="the version of Python that the image's base has")
]
Wheels = Annotated[Path, typer.Option(metavar="DIR", help="where wheels are kept for next time")]
WHEELS = Path("build/wheels")
Image = Annotated[str, typer.Option(help="the suite's own image, if not the usual one")]


@app.command(name="list", epilog="Example: `netpol-conformance images list handbook`")
def list_images(
    paths: Paths = None,
    image: Image = "",
    image_registry: Registry = "",
) -> None:
    """List every image that scenarios need, one a line: mirror these where no registry is."""
    corpus = load_corpus(paths or [])
    own = own_image(image, image_registry)
    pods = (item for scenario in corpus for item in scenario.objects if isinstance(item, Pod))
    servers = {pod.image for pod in pods} - {SERVER_IMAGE}
    for name in (own, *sorted(at_registry(server, image_registry) for server in servers)):
        typer.echo(name)


@app.command(epilog="Example: `netpol-conformance images wheels --wheels /media/wheels`")
def wheels(
    wheels: Wheels = WHEELS,
    python: Python = "3.11",
) -> None:
    """Only gather what the image is made of, to build it where no package index can be reached."""
    image_build.gather(wheels, python)
    typer.echo(wheels)


@app.command(
    epilog="Examples:\n\n"
    "`netpol-conformance images build`\n\n"
    "`netpol-conformance images build --base registry.example/python-nettools:3.11`"
)
def build(
    tag: Annotated[str, typer.Option(help="the image's name")] = OWN_IMAGE,
    base: Annotated[
        str, typer.Option(metavar="IMAGE", help="has Python; perhaps libnftables and iproute2")
    ] = image_build.BASE,
    busybox: Annotated[
        str, typer.Option(metavar="IMAGE", help="where /bin/busybox comes from")
    ] = image_build.BUSYBOX,
    python: Python = "3.11",
    wheels: Wheels = WHEELS,
) -> None:
    """Build the suite's own image, of enforcer and probes, with Docker."""
    image_build.build(Recipe(tag, base, busybox, python), wheels)
    typer.echo(tag)


@app.command(epilog="Example: `netpol-conformance images load --name kind`")
def load(
    name: Annotated[str, typer.Option(metavar="CLUSTER", help="the kind cluster")] = "kind",
    image: Image = "",
) -> None:
    """Put the suite's own image on every node of a kind cluster."""
    image_build.load(own_image(image), name)
