"""`xtts-finetune prepare`: read, check, split and encode the clips, and train nothing."""

from __future__ import annotations

from typing import Annotated

import typer

from xtts_finetune.cli.options import Demo, File, OnDevice, Settings, load, work_on

Strict = Annotated[
    bool,
    typer.Option("--strict", help="Fail (exit code 1) if a clip is left out or has a warning."),
]


def prepare(
    file: File = None,
    demo: Demo = False,
    settings: Settings = None,
    device: OnDevice = None,
    strict: Strict = False,
) -> None:
    """Read and check the clips, choose the eval set, and say which clips are left out or suspicious, and why."""
    from xtts_finetune.cli.other_clips import tell_of_other_clips  # noqa: PLC0415
    from xtts_finetune.pipeline.run import prepare_now  # noqa: PLC0415

    declaration = load(file, demo, settings or [])
    prepare_now(work_on(declaration, settings or [], device), strict=strict)
    tell_of_other_clips(declaration)
