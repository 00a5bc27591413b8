"""A candidate that could not be made: noted, said, and the rest of the run goes ahead without it."""

from __future__ import annotations

from xtts_finetune.errors import UserError
from xtts_finetune.evaluation.candidates import Failure, meaning, write_failure
from xtts_finetune.pipeline.children.running import Work
from xtts_finetune.pipeline.plan.checks.check import Check, warning
from xtts_finetune.pipeline.plan.stage_records import hash_of
from xtts_finetune.pipeline.plan.stages import Plan, Stage, State
from xtts_finetune.spec.declaration import Declaration

UNTIL = "the others are compared without it until it can be used"


def leave_out(work: Work, stage: Stage, error: Exception) -> None:
    """Note why the candidate could not be made, and say that it is left out and what that means."""
    why = next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
    failure = Failure(why, hash_of(stage.inputs), lasting=isinstance(error, UserError))
    write_failure(work.run.candidate(stage.name), failure)
    work.say(
        f"warning: {stage.name} is left out: {_with_meaning(work.declaration, stage.name, why)}", "yellow"
    )
    if not failure.lasting:
        work.say(f"  its log: {work.run.job_log(stage.name)}; the next run tries again")


def left_out_checks(declaration: Declaration, plan: Plan) -> list[Check]:
    """A warning for each candidate that the plan leaves out."""
    checks = []
    for stage in plan.stages:
        if stage.state is State.LEFT_OUT:
            found = f"left out: {_with_meaning(declaration, stage.name, stage.why)}"
            checks.append(warning(f"candidate {stage.name}", found, UNTIL))
    return checks


def _with_meaning(declaration: Declaration, name: str, why: str) -> str:
    means = meaning(name, declaration.decision.rows, declaration.decision.read)
    return f"{why}; {means}" if means else why
