"""``netpol-conformance doctor | rights``: what a machine, or a cluster, must have or grant."""

from __future__ import annotations

import typer

from netpol_conformance.judge.outcome import ExitCode


def doctor() -> None:
    """Check what this machine lacks for the embedded cluster, and say how to mend it."""
    from netpol_conformance.clusters.embedded.doctor import check  # noqa: PLC0415

    findings = check()
    for finding in findings:
        typer.echo(f"{'ok     ' if finding.ok else 'MISSING'} {finding.name}: {finding.what}")
        if not finding.ok:
            typer.echo(f"        mend it: {finding.mend}")
    fit = all(finding.ok for finding in findings)
    raise typer.Exit(ExitCode.YES if fit else ExitCode.NO_ANSWER)


def rights() -> None:
    """Print the ClusterRole with all that a run with `--cluster kubeconfig` needs."""
    from netpol_conformance.clusters.kubernetes.api.rights import cluster_role  # noqa: PLC0415

    typer.echo(cluster_role(), nl=False)
