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
    typer.Option("--candidate", help="Ship this one.", metavar="NAME", show_default="the one that was decided on"),
]
Name = Annotated[
    str | None,
    typer.Option(
        "--name",
        help="Name of the folder and the voice.",
        metavar="NAME",
        show_default="as in the config, or the run's",
    ),
]
Precision = Annotated[
    Weights | None,
    typer.Option(
        "--precision",
        help="full: 32 bits; half: 16 bits, half the size; auto: half where the model still says the same.",
        show_default="as in the config, or auto",
    ),
]
Others = Annotated[
    Rest | None,
    typer.Option(
        "--others",
        help="thin: once all is verified, delete checkpoints that nothing in the config needs.",
        show_default="as in the config, or keep",
    ),
]

For = Annotated[
    list[str] | None,
    typer.Option(
        "--for",
        help="Make it ready for these programs as well: stock, tts-server, alltalk, ebook2audiobook, "
        "xtts-api-server, huggingface. Repeatable, or with commas.",
        metavar="PROGRAM",
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
    for_: For = None,
    device: OnDevice = None,
) -> None:
    """Write the chosen model to run/<name>/shipped/ for use, and verify it with stock XTTS."""
    # An option is the declaration's own key, and goes through the same check.
    keys = {"name": name, "precision": precision and precision.value, "others": others and others.value}
    given = [*(settings or []), *(f"ship.{key}={value}" for key, value in keys.items() if value is not None)]
    consumers = consumers_asked(for_ or [])
    declaration = load(file, demo, given)
    from xtts_finetune.pipeline.run import renew_report  # noqa: PLC0415
    from xtts_finetune.shipping.ship import ship_now  # noqa: PLC0415

    work = work_on(declaration, given, device)
    ship_now(work, candidate, consumers)
    renew_report(work)


def consumers_asked(typed: list[str]) -> list[str]:
    """The programs that were named, each once. Raises UserError for one that is not known."""
    from xtts_finetune.errors import UserError  # noqa: PLC0415
    from xtts_finetune.shipping.consumers import CONSUMERS  # noqa: PLC0415
    from xtts_finetune.spec.reading.words import did_you_mean, listed  # noqa: PLC0415

    names = dict.fromkeys(name.strip().casefold() for each in typed for name in each.split(",") if name.strip())
    for name in names:
        if name not in CONSUMERS:
            hint = did_you_mean(name, list(CONSUMERS)) or f"; known: {listed(CONSUMERS)}"
            raise UserError(f"--for: there is no program '{name}' here{hint}")
    return list(names)
