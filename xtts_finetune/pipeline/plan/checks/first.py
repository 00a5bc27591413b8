"""The quick checks before anything starts: what may go wrong is said, what will is raised."""

from __future__ import annotations

from xtts_finetune.errors import UserError
from xtts_finetune.pipeline.children.running import Work
from xtts_finetune.pipeline.plan.checks.check import Verdict
from xtts_finetune.pipeline.plan.checks.preflight import quick_checks
from xtts_finetune.pipeline.plan.stages import Plan


def check_first(work: Work, plan: Plan) -> None:
    """Say what may go wrong. Raises UserError with everything that will; nothing is written before.

    A plan with nothing to do starts nothing, and nothing is checked.
    """
    if not plan.due:
        return
    checks = quick_checks(work.declaration, work.device, plan)
    for check in checks:
        if check.verdict is Verdict.WARNING:
            work.say(f"warning: {check}", "yellow")
    errors = [str(check) for check in checks if check.verdict is Verdict.ERROR]
    if errors:
        raise UserError("\n".join([*errors, "nothing was started; xtts-finetune doctor shows all checks"]))
