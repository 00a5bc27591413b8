"""`xtts-finetune doctor`: look at everything that a run needs, and say what to fix."""

from __future__ import annotations

import typer

from xtts_finetune.cli.options import DEFAULT_FILE, Demo, File, OnDevice, Settings, load, work_on
from xtts_finetune.errors import WRONG_INPUT


def doctor(file: File = None, demo: Demo = False, settings: Settings = None, device: OnDevice = None) -> None:
    """Check versions, device, base, memory, disk and folders, and say what to fix; without a config, the versions."""
    from xtts_finetune.cli.terminal import console  # noqa: PLC0415
    from xtts_finetune.pipeline.plan.checks.check import Verdict  # noqa: PLC0415
    from xtts_finetune.pipeline.plan.checks.preflight import all_checks, installation_checks  # noqa: PLC0415

    if file is None and not demo and not DEFAULT_FILE.is_file():
        checks = installation_checks()
    else:
        declaration = load(file, demo, settings or [])
        checks = all_checks(declaration, work_on(declaration, settings or [], device).device)
    styles = {Verdict.OK: "green", Verdict.WARNING: "yellow", Verdict.ERROR: "red"}
    width = max(len(check.name) for check in checks)
    out = console()
    for check in checks:
        line = f"{check.verdict.value:7}  {check.name:{width}}  {check.found}"
        out.print(line, style=styles[check.verdict], highlight=False, soft_wrap=True, markup=False)
        if check.cure:
            out.print(f"{'':7}  {'':{width}}  {check.cure}", highlight=False, soft_wrap=True, markup=False)
    if any(check.verdict is Verdict.ERROR for check in checks):
        raise typer.Exit(WRONG_INPUT)
