"""`xtts-finetune prepare`: read, check, split and encode the clips, and train nothing."""

from __future__ import annotations

from xtts_finetune.cli.options import Demo, File, OnDevice, Settings, load, work_on


def prepare(
    file: File = None, demo: Demo = False, settings: Settings = None, device: OnDevice = None
) -> None:
    """Read and check the clips, choose the eval set, and say which clips are left out and why."""
    declaration = load(file, demo, settings or [])
    from xtts_finetune.pipeline.run import prepare_now  # noqa: PLC0415

    prepare_now(work_on(declaration, settings or [], device))
