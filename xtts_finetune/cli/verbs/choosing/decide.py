"""`xtts-finetune decide`: apply the decision matrix to what has been trained."""

from __future__ import annotations

from xtts_finetune.cli.options import Demo, File, Settings, load, work_on


def decide(file: File = None, demo: Demo = False, settings: Settings = None) -> None:
    """Decide which model ships, by what listeners said or by the decision matrix; say why; write the report again."""
    declaration = load(file, demo, settings or [])
    from xtts_finetune.monitor.tracking.following import tracked  # noqa: PLC0415
    from xtts_finetune.pipeline.run import decide_now  # noqa: PLC0415

    work = work_on(declaration, settings or [], None)
    with tracked(declaration, work.run, work.say):
        decide_now(work)
