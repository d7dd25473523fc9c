"""``netpol-conformance enforcer run | manifests``: the reference enforcer on a real cluster.

Here: words to settings, and errors to text and exit codes. Not here: any work.
"""

from __future__ import annotations

import os
from typing import Annotated

import typer

from netpol_conformance.app import MachineError, UsageError

app = typer.Typer(no_args_is_help=True, help="The reference enforcer on a real cluster's nodes.")

Enforcer = Annotated[
    str,
    typer.Option(
        metavar="NAME",
        help="what enforces: reference, MODULE:FACTORY, FILE.py:FACTORY or FOLDER:FACTORY",
    ),
]
NetworkToo = Annotated[
    bool,
    typer.Option(
        "--network/--no-network", help="make the pod network too, where no network plugin does"
    ),
]
Policy = Annotated[
    bool,
    typer.Option("--policy/--no-policy", help="enforce policies, or make the network only"),
]
Port = Annotated[int, typer.Option(help="where /healthz, /readyz and /metrics are answered")]


@app.command(
    epilog="Example: `netpol-conformance enforcer run --api http://127.0.0.1:8001 --no-network`"
)
def run(  # noqa: PLR0913, PLR0917 - each is an option that users set
    node: Annotated[str, typer.Option(envvar="NODE_NAME", help="this node's name in the API")],
    api: Annotated[
        str, typer.Option(metavar="URL", help="the API, if not that of the pod's own cluster")
    ] = "",
    enforcer: Enforcer = "reference",
    network: NetworkToo = True,
    policy: Policy = True,
    host: Annotated[str, typer.Option(help="the address to answer on")] = "127.0.0.1",
    port: Port = 9479,
) -> None:
    """Enforce policies on this node until stopped; what is in force then stays so."""
    from netpol_conformance.enforcer.apply import NftError  # noqa: PLC0415
    from netpol_conformance.enforcer.daemon.api import ApiError, in_cluster  # noqa: PLC0415
    from netpol_conformance.enforcer.daemon.process import run as work  # noqa: PLC0415
    from netpol_conformance.enforcer.daemon.settings import Access, Settings  # noqa: PLC0415
    from netpol_conformance.enforcer.loading import EnforcerError, load  # noqa: PLC0415

    if not network and not policy:
        raise UsageError("with neither --network nor --policy there is nothing to do")
    if api and not api.startswith(("http://", "https://")):
        raise UsageError(
            f'--api "{api}" is no URL: use http://HOST:PORT, such as that of kubectl proxy'
        )
    try:
        access = Access(api) if api else in_cluster(os.environ)
        factory = load(enforcer) if policy else None
        work(Settings(node, access, factory, network, host=host, port=port))
    except (ApiError, EnforcerError) as error:
        raise UsageError(str(error)) from error
    except (NftError, OSError) as error:
        raise MachineError(str(error)) from error


@app.command(
    epilog="Examples:\n\n"
    "`netpol-conformance enforcer manifests | kubectl apply -f -`\n\n"
    "`netpol-conformance enforcer manifests --no-network --image registry.example/npc:1`"
)
def manifests(  # noqa: PLR0913, PLR0917 - each is an option that users set
    image: Annotated[str, typer.Option(help="the suite's image, if not the usual one")] = "",
    image_registry: Annotated[
        str, typer.Option(metavar="PREFIX", help="take the usual image from this registry")
    ] = "",
    network: NetworkToo = True,
    policy: Policy = True,
    enforcer: Enforcer = "reference",
    pull_policy: Annotated[str, typer.Option(help="when nodes pull the image")] = "IfNotPresent",
    pull_secret: Annotated[
        str, typer.Option(metavar="NAME", help="a Secret in the enforcer's namespace")
    ] = "",
    port: Port = 9479,
) -> None:
    """Print what to apply so that the enforcer runs on each node of a cluster."""
    from netpol_conformance.enforcer.loading import is_path, read_source  # noqa: PLC0415
    from netpol_conformance.enforcer.manifests import Choices, Source, render  # noqa: PLC0415
    from netpol_conformance.image.names import own_image  # noqa: PLC0415

    chosen: str | Source = enforcer
    place, _, factory = enforcer.rpartition(":")
    if is_path(place):
        try:
            chosen = Source(read_source(place), factory)
        except OSError as error:
            raise UsageError(f"cannot read the enforcer {place}: {error.strerror}") from error
    choices = Choices(
        own_image(image, image_registry),
        network=network,
        policy=policy,
        enforcer=chosen,
        pull_policy=pull_policy,
        pull_secret=pull_secret,
        port=port,
    )
    typer.echo(render(choices), nl=False)
