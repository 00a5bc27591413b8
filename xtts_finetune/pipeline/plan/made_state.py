"""The state of the candidates that are made of others: what each would be made of now, beside what it was made of.

One that could not be made is noted and reported, and the rest of the run goes ahead without it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

from xtts_finetune.errors import UserError
from xtts_finetune.evaluation.candidates import (
    Failure,
    broken_files,
    made_candidates,
    meaning,
    read_failure,
    sources_of,
    without_part,
    write_failure,
)
from xtts_finetune.numbers.fixed import BASE
from xtts_finetune.pipeline.children.running import Work
from xtts_finetune.pipeline.plan.checks.check import Check, warning
from xtts_finetune.pipeline.plan.disk import DiskUse, files_bytes
from xtts_finetune.pipeline.plan.inputs import candidate_inputs
from xtts_finetune.pipeline.plan.phase_state import Surroundings, weights_of
from xtts_finetune.pipeline.plan.stage_records import read_stage
from xtts_finetune.pipeline.plan.stages import Plan, Stage, State, after, compare
from xtts_finetune.records.candidates.closing import read_model_info
from xtts_finetune.records.values import hash_of
from xtts_finetune.spec.decision import MadeCandidate
from xtts_finetune.spec.declaration import Declaration
from xtts_finetune.xtts.base import quick_hash
from xtts_finetune.xtts.weights.file_kind import why_unreadable

UNTIL = "the others are compared without it until it can be used"


def leave_out(work: Work, stage: Stage, error: Exception) -> None:
    """Note why the candidate could not be made, and say that it is left out and what that means."""
    why = next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
    failure = Failure(why, hash_of(stage.inputs), lasting=isinstance(error, UserError))
    write_failure(work.run.candidate(stage.name), failure)
    work.say(f"warning: {stage.name} is left out: {_with_meaning(work.declaration, stage.name, why)}", "yellow")
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


def made_stages(around: Surroundings, models: Mapping[str, Stage], given_up: Collection[str] = ()) -> list[Stage]:
    """The stages of the made candidates whose sources are among `models`: those that are there, or will be.

    Those whose file cannot be used are left out, with the averages of them, and those that failed for what they are
    made of. Those in `given_up` are left out after any failure, others that failed are tried again.
    """
    known = dict(models)
    found = []
    out = broken_files(around.declaration, around.run)
    for name, made in made_candidates(around.declaration).items():
        sources = sources_of(made)
        if any(source not in known for source in sources):
            continue
        why = out.get(name) or without_part(made, out)
        stage = None if why else _made_stage(around, made, [known[source] for source in sources])
        failure = read_failure(around.run.candidate(name))
        if stage is not None and stage.due and failure is not None:
            if name in given_up or (failure.lasting and failure.inputs == hash_of(stage.inputs)):
                why = failure.why
            else:
                stage = replace(stage, why=f"could not be made: {failure.why}")
        if stage is None or why:
            out[name] = why
            matrix = around.declaration.decision
            note = meaning(name, matrix.rows, matrix.read)
            stage = Stage("candidate", name, State.LEFT_OUT, why, candidate=name, note=note)
        known[name] = stage
        found.append(stage)
    return found


def weights_now(around: Surroundings, candidate: str) -> str:
    """Fingerprint of a candidate's weights, which are there."""
    if candidate == BASE:
        return around.base
    if candidate in around.declaration.phases:
        return weights_of(around.run, candidate)
    return hash_of(read_stage(around.run, candidate))


def _made_stage(around: Surroundings, made: MadeCandidate, sources: list[Stage]) -> Stage:
    name, folder = made.name, around.run.candidate(made.name)
    size, there = around.weights_bytes, files_bytes(folder)
    disk = DiskUse(stays=size, writing=min(there, size), written=size, there=min(there, size))
    due = [stage for stage in sources if stage.due and stage.name != BASE]
    if due or around.clips is None:
        waits = due[-1].name if due else "the data"
        certain = any(stage.certain for stage in due)
        return replace(after("candidate", name, name, around.run, waits, certain), disk=disk)
    weights = {stage.name: weights_now(around, stage.name) for stage in sources}
    if not weights:
        weights = {"checkpoint": _of_file(around, made)}
    now = candidate_inputs(made, around.base, around.clips, weights)
    state, why = compare(read_stage(around.run, name), now)
    if state is State.UP_TO_DATE and (read_model_info(folder) is None or not folder.best_model.is_file()):
        state, why = State.TO_RUN, "its files are gone"
    return Stage("candidate", name, state, why, candidate=name, inputs=now, disk=disk)


def _of_file(around: Surroundings, made: MadeCandidate) -> str:
    """Fingerprint of the user's file; of one that is gone that of what was made of it."""
    try:
        return quick_hash(made.file)
    except OSError as error:
        recorded = (read_stage(around.run, made.name) or {}).get("files checkpoint")
        if recorded is not None and not made.file.exists():
            return str(recorded)
        reason = why_unreadable(made.file, error)
        raise UserError(f"candidate {made.name}: {made.file}: {reason}") from None
