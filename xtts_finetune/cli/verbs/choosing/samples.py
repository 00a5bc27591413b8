"""`xtts-finetune samples`: let the base and every trained phase speak the sample sentences."""

from __future__ import annotations

from typing import Annotated

import typer

from xtts_finetune.cli.options import Demo, File, OnDevice, Settings, load, work_on

Candidates = Annotated[
    list[str] | None,
    typer.Argument(help="The base or phases; the base and all trained phases when none is named.", metavar="CANDIDATE"),
]


def samples(
    candidates: Candidates = None,
    file: File = None,
    demo: Demo = False,
    settings: Settings = None,
    device: OnDevice = None,
) -> None:
    """Let the base and every trained phase speak the sentences of utterances.yaml."""
    declaration = load(file, demo, settings or [])
    from xtts_finetune.pipeline.run import speak_now  # noqa: PLC0415

    speak_now(work_on(declaration, settings or [], device), candidates or [])
