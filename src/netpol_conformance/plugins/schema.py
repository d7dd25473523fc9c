"""The shape of a plugin's declaration, as pydantic models, and the JSON Schema made from them.

``python -m netpol_conformance.plugins.schema > schemas/declaration.schema.json`` writes it.
"""

from __future__ import annotations

import json
import sys
from typing import Annotated, Any

from pydantic import Field

from netpol_conformance.scenario.features import FEATURES
from netpol_conformance.scenario.schema import Part

Link = Annotated[
    str,
    Field(
        pattern=r"^(https://\S+|docs/\S+\.md(#\S+)?)$",
        description="Where it can be read: a public page, or this project's own under docs/.",
        examples=["https://github.com/OWNER/REPOSITORY/issues/1"],
    ),
]
Sentence = Annotated[str, Field(min_length=1, description="Why, in a sentence.")]


class LackPart(Part):
    """Why a feature is not supported."""

    reason: Sentence
    link: Link


class FailurePart(Part):
    """A failure that is known. Narrowed down by nothing, any failure of the scenario is meant."""

    scenario: str = Field(
        min_length=1,
        description="The scenario's path; of a file with cases, one (path#case) or all (path).",
        examples=["regressions/hairpin.yaml"],
    )
    steps: list[Annotated[int, Field(ge=1)]] = Field(
        default=[], description="Only in these steps, which count from 1."
    )
    cells: list[str] = Field(
        default=[],
        description="Only in these cells, as reports write them.",
        examples=[["client -> service/web:80"]],
    )
    reason: Sentence
    link: Link


Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class TimesPart(Part):
    """How long changes may take to be in force: waited for, and shown as slow, never failed."""

    policies: Seconds | None = Field(
        default=None, description="Seconds that a change of policies may take."
    )
    labels: Seconds | None = Field(
        default=None,
        description="Seconds that pods, namespaces and changes of their labels may take.",
    )
    link: Link


class PluginFile(Part):
    """What an implementation of NetworkPolicy lacks, and where it is known to fail."""

    implementation: str = Field(min_length=1, description="Its name, for readers.")
    link: Link
    versions: list[str] = Field(
        default=[], description="Versions that this holds for; all if none is given."
    )
    configuration: list[Annotated[str, Field(min_length=1)]] = Field(
        default=[],
        description="Options and settings that this holds with; any if none is given.",
        examples=[["VXLAN between subnets", "enable-sctp: false, the default"]],
    )
    measured: bool = Field(
        default=True,
        description="Whether this suite was ever run on it. If not, all here is told by others.",
    )
    called: list[str] = Field(
        default=[], description="What runs call it, if not by the file's own name."
    )
    unsupported: dict[str, LackPart] = Field(
        default={},
        description="Features that it lacks. Scenarios that need them still run.",
        json_schema_extra={"propertyNames": {"enum": list(FEATURES)}},
    )
    enforce: TimesPart | None = Field(
        default=None,
        description="How long changes may take to be in force, if that is longer than usual.",
    )
    known_failures: list[FailurePart] = Field(
        default=[],
        alias="knownFailures",
        description="What fails and is known to. What is listed here and passes is a failure.",
    )


def json_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of a plugin's declaration."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **PluginFile.model_json_schema(by_alias=True),
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(json_schema(), indent=2) + "\n")
