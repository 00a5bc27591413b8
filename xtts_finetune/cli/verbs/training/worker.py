"""`xtts-finetune worker`: trains trials of a search or a race that another command has begun."""

from __future__ import annotations

from typing import Annotated

import typer

from xtts_finetune.cli.options import Demo, File, Grace, OnDevice, Settings, Storage, load, work_on

Idle = Annotated[
    float | None,
    typer.Option("--idle", min=0, help="Stop after this long without work.", show_default="never", metavar="SECONDS"),
]


def worker(
    storage: Storage = None,
    grace: Grace = 120,
    idle: Idle = None,
    file: File = None,
    demo: Demo = False,
    settings: Settings = None,
    device: OnDevice = None,
) -> None:
    """Help with a search or a race: train its trials, on any machine that sees the run's folder.

    Start one for each machine or GPU. Any of them may stop at any time: another one continues from its checkpoint.
    """
    declaration = load(file, demo, settings or [])
    from xtts_finetune.trials.crew import serve  # noqa: PLC0415  (--help answers at once)

    serve(work_on(declaration, settings or [], device), storage, grace, idle)
