"""`xtts-finetune decide`: apply the decision matrix to what has been trained."""

from __future__ import annotations

from xtts_finetune.cli.options import Demo, File, Settings, load, work_on


def decide(file: File = None, demo: Demo = False, settings: Settings = None) -> None:
    """Apply the decision matrix to what has been trained, and say which model ships and why."""
    declaration = load(file, demo, settings or [])
    from xtts_finetune.pipeline.run import decide_now  # noqa: PLC0415

    decide_now(work_on(declaration, settings or [], None))
