"""`xtts-finetune report`: write REPORT.html from what has been trained."""

from __future__ import annotations

from xtts_finetune.cli.options import Demo, File, Settings, load, work_on


def report(file: File = None, demo: Demo = False, settings: Settings = None) -> None:
    """Write REPORT.html from what the run holds now, and print its path."""
    declaration = load(file, demo, settings or [])
    from xtts_finetune.monitor.tracking.following import tracked  # noqa: PLC0415
    from xtts_finetune.pipeline.run import report_now  # noqa: PLC0415

    work = work_on(declaration, settings or [], None)
    with tracked(declaration, work.run, work.say):
        report_now(work)
