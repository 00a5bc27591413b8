"""`xtts-finetune ship`: the decided model as a folder that stock XTTS loads, verified."""

from __future__ import annotations

from enum import Enum
from typing import Annotated

import typer

from xtts_finetune.cli.options import Demo, File, OnDevice, Settings, load, work_on


class Weights(str, Enum):
    """How weights are written."""

    AUTO = "auto"
    HALF = "half"
    FULL = "full"


class Rest(str, Enum):
    """What becomes of everything else."""

    KEEP = "keep"
    THIN = "thin"


Candidate = Annotated[
    str | None,
    typer.Option("--candidate", help="Ship this one.", metavar="NAME", show_default="the one that is decided on"),
]
Name = Annotated[
    str | None,
    typer.Option("--name", help="Of folder and voice.", metavar="NAME", show_default="as declared, or the run's"),
]
Precision = Annotated[
    Weights | None,
    typer.Option(
        "--precision",
        help="auto: half where greedy speech stays the same, else full.",
        show_default="as declared, or auto",
    ),
]
Others = Annotated[
    Rest | None,
    typer.Option(
        "--others",
        help="thin: once all is verified, delete checkpoints that nothing declared needs.",
        show_default="as declared, or keep",
    ),
]


def ship(
    file: File = None,
    demo: Demo = False,
    settings: Settings = None,
    candidate: Candidate = None,
    name: Name = None,
    precision: Precision = None,
    others: Others = None,
    device: OnDevice = None,
) -> None:
    """Write the decided model to run/<name>/shipped/ for use, and verify it with stock XTTS."""
    # An option is the declaration's own key, and goes through the same check.
    keys = {"name": name, "precision": precision and precision.value, "others": others and others.value}
    given = [*(settings or []), *(f"ship.{key}={value}" for key, value in keys.items() if value is not None)]
    declaration = load(file, demo, given)
    from xtts_finetune.shipping.ship import ship_now  # noqa: PLC0415

    ship_now(work_on(declaration, given, device), candidate)
