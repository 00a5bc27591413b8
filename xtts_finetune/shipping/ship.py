"""What `xtts-finetune ship` does: the decided candidate becomes a verified folder for use; then the rest is thinned."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from xtts_finetune.errors import UserError, WorkFailed
from xtts_finetune.evaluation.decision import decide
from xtts_finetune.evaluation.decision.words import listed
from xtts_finetune.evaluation.utterance_state import read_record
from xtts_finetune.look.commands import command, quoted, run_first
from xtts_finetune.look.quantities import now, readable_size
from xtts_finetune.pipeline.children.jobs import run_job
from xtts_finetune.pipeline.children.lock import run_lock, sweep_leftovers, wait_for_older_child
from xtts_finetune.pipeline.children.process import ending_like_ctrl_c
from xtts_finetune.pipeline.children.running import SHIPPING, Work, verb
from xtts_finetune.pipeline.next_step import say_next
from xtts_finetune.pipeline.plan.disk import free_bytes
from xtts_finetune.pipeline.plan.plan import check_candidates, make_plan
from xtts_finetune.records.candidates.checkpoints import read_checkpoint_records, remove_checkpoint
from xtts_finetune.records.candidates.closing import read_model_info
from xtts_finetune.records.candidates.shipped import Shipped, read_shipped
from xtts_finetune.records.json_lines import JsonLinesWriter
from xtts_finetune.records.metrics import read_metrics
from xtts_finetune.records.run_folder import SHIPPED_RECORD, CandidateFolder, RunFolder
from xtts_finetune.shipping.consumers import CONSUMERS, Given, hand_over, handed_over_before
from xtts_finetune.shipping.job import mend
from xtts_finetune.shipping.plan import ShipPlan, already_shipped, choose_candidate, make_ship_plan
from xtts_finetune.spec.decision import MadeCandidate
from xtts_finetune.spec.declaration import Declaration
from xtts_finetune.spec.sources import kept_steps, last_is_needed


@dataclass(frozen=True)
class Surplus:
    """A file that nothing declared needs any more; `step` where it is a checkpoint, which has a record beside it."""

    folder: CandidateFolder
    path: Path
    bytes: int
    why: str
    step: int | None = None


def surplus(declaration: Declaration, run: RunFolder) -> list[Surplus]:
    """What 'thin' deletes: of phases that are done, the checkpoints and models that nothing declared needs.

    The best model of every candidate stays, and so does every checkpoint that a declared phase or candidate is made
    of: the plan stays as it is, and any candidate can still be heard, averaged and shipped.
    """
    found: list[Surplus] = []
    for name in declaration.phases:
        folder = run.candidate(name)
        if (read_model_info(folder) or {}).get("status") == "done" and folder.best_model.is_file():
            found += _checkpoints(declaration, folder) + _models(declaration, folder)
    return found


def delete(run: RunFolder, found: Sequence[Surplus], after: str) -> tuple[int, list[str]]:
    """Delete the files; the bytes that became free, and in words what could not be deleted.

    Each is written down before it goes. `after` says what had been shipped and verified.
    """
    freed, left = 0, []
    with JsonLinesWriter(run.deleted) as record:
        for each in found:
            name = each.path.relative_to(run.root).as_posix()
            record.write({"when": now(), "file": name, "bytes": each.bytes, "why": each.why, "after": after})
            record.sync()
            try:
                if each.step is None:
                    each.path.unlink()
                else:
                    remove_checkpoint(each.folder, each.step)
                freed += each.bytes
            except OSError as error:
                left.append(f"{each.path} could not be deleted: {error.strerror or error}")
    return freed, left


def _checkpoints(declaration: Declaration, folder: CandidateFolder) -> list[Surplus]:
    records = read_checkpoint_records(folder)
    needed = {kept.step for kept in kept_steps(declaration, folder.name)}
    if records and last_is_needed(declaration, folder.name):
        needed.add(records[-1].step)
    return [
        Surplus(folder, path, path.stat().st_size, "a checkpoint to go on training from", record.step)
        for record in records
        if record.step not in needed and (path := folder.checkpoint(record.step)).is_file()
    ]


def _models(declaration: Declaration, folder: CandidateFolder) -> list[Surplus]:
    """Models of evaluations that were not the best one; what best_model.pth is another name of frees nothing."""
    evals = read_metrics(folder.metrics).evals
    kept = _best_steps_needed(declaration, folder.name)
    ranking = sorted((each for each in evals if each.mel_ce == each.mel_ce), key=lambda each: each.mel_ce)
    there = dict(folder.best_models())
    best = [each.step for each in ranking if each.step in there][: max(1, kept)]
    found = []
    for step, path in there.items():
        with contextlib.suppress(OSError):
            if step not in best and not path.samefile(folder.best_model):
                found.append(Surplus(folder, path, path.stat().st_size, "a model that was not the best"))
    return found


def _best_steps_needed(declaration: Declaration, phase: str) -> int:
    """How many best models of the phase a declared candidate is the mean of."""
    entries = [entry for entry in declaration.decision.candidates if isinstance(entry, MadeCandidate)]
    return max((entry.best or 0 for entry in entries if entry.phase == phase), default=0)


JOB = "ship"
# For everything beside the weights: voice, recordings, vocabulary, the preview's DVAE.
BESIDE = 50_000_000


def ship_now(work: Work, candidate: str | None = None, consumers: Sequence[str] = ()) -> Shipped:
    """Ship the decided candidate, or the named one, make it ready for consumers, and delete what the rule deletes.

    Raises UserError where nothing is decided, the candidate has no model, or something else stands in the way of the
    folder; WorkFailed where what was written is not what the candidate is: then nothing was deleted.
    """
    if not work.run.root.is_dir():
        raise UserError(run_first(f"{work.run.root}: nothing was run yet", verb(work, "run")))
    if candidate is not None:
        check_candidates(work.declaration, [candidate])
    with run_lock(work.run.root), ending_like_ctrl_c():
        wait_for_older_child(work.run.root, work.say)
        sweep_leftovers(work.run.root)
        decision = decide(work.declaration, work.run)
        plan = make_ship_plan(work.declaration, work.run, choose_candidate(decision, candidate))
        mend(plan.folder)
        shipped = already_shipped(plan)
        if shipped is not None:
            work.say(f"{plan.candidate} is shipped already, and verified: {plan.folder}")
        else:
            shipped = _ship(work, plan)
        _say(work, plan, shipped)
        for consumer in dict.fromkeys([*consumers, *handed_over_before(_for(plan))]):
            _hand_over(work, plan, consumer)
        if work.declaration.pipeline.ship.others == "thin":
            _thin(work, plan)
    say_next(work, plan.decision)
    return shipped


def _ship(work: Work, plan: ShipPlan) -> Shipped:
    _check_place(plan)
    decided = plan.decision.ship or plan.decision.meanwhile
    if plan.candidate != decided:
        work.say(f"the decision ships {decided or 'none'}; {plan.candidate} ships because you named it", "yellow")
    elif plan.decision.ship is None:
        work.say(f"Listeners have not decided; {plan.candidate} ships, which comes first so far.", "yellow")
    if reason := plan.decision.excluded.get(plan.candidate):
        work.say(f"warning: {plan.candidate} is held back, and ships because it was asked for: {reason}", "yellow")
    if unfinished := _unfinished(plan):
        work.say(f"warning: {unfinished}; its best model so far ships", "yellow")
    if changed := _changed_since(plan):
        work.say(f"warning: {plan.candidate} does not match your config now: {changed}; it ships as it is", "yellow")
    if judged := _judged_in(plan):
        said = f"its samples were spoken in the voice of {judged}, and it ships in that of {plan.voice.speaker}"
        work.say(f"warning: {plan.candidate}: {said}; let it speak again: {verb(work, 'samples')}", "yellow")
    work.say(f"{plan.candidate}: writing it for use, and letting stock XTTS speak with it")
    run_job(work, JOB, [JOB], candidate=plan.candidate, child=SHIPPING)
    return read_shipped(plan.folder)


def _unfinished(plan: ShipPlan) -> str:
    """'phase1 was interrupted at step 20 of 50'; empty for what is done, or was never trained."""
    info = read_model_info(plan.run.candidate(plan.candidate)) or {}
    if info.get("status") in (None, "done"):
        return ""
    ended = "was interrupted" if info["status"] == "interrupted" else "has failed"
    return f"{plan.candidate} {ended} at step {info.get('steps')} of {info.get('steps_planned')}"


def _judged_in(plan: ShipPlan) -> str:
    """The speaker whose voice the candidate was judged in, where that is another one than is shipped; else empty."""
    spoken_by = read_record(plan.run.candidate(plan.candidate).utterances_json).get("speaker")
    return str(spoken_by) if spoken_by and plan.voice.speaker and spoken_by != plan.voice.speaker else ""


def _changed_since(plan: ShipPlan) -> str:
    """What is declared otherwise since the candidate was trained or made; empty where that is nothing for sure."""
    stages = {stage.name: stage for stage in make_plan(plan.declaration).stages}
    stage = stages.get(plan.candidate)
    return stage.why if stage is not None and stage.made_otherwise else ""


def _check_place(plan: ShipPlan) -> None:
    """Raise UserError where the folder is not ours to replace, or the disk has no room for it."""
    if plan.folder.exists() and not (plan.folder / SHIPPED_RECORD).is_file():
        raise UserError(
            f"{plan.folder}: something else is there (it has no {SHIPPED_RECORD}); move it away, or choose another "
            f"name: {command('ship --name NAME')}"
        )
    model = plan.spoken.checkpoint or plan.spoken.base.model
    wanted, free = model.stat().st_size + BESIDE, free_bytes(plan.folder)
    if wanted > free:
        raise UserError(
            f"{plan.folder}: the disk has {readable_size(free)} free, and up to {readable_size(wanted)} are needed; "
            "nothing was started"
        )


def _say(work: Work, plan: ShipPlan, shipped: Shipped) -> None:
    work.say(f"shipped: {plan.folder}", "bold")
    work.say(
        f"  {shipped.candidate} in {shipped.precision} precision, {readable_size(shipped.bytes)}; "
        + (f"the voice is called '{shipped.name}'" if len(shipped.voices) < 2 else f"voices: {listed(shipped.voices)}")
    )
    work.say(f"  it is {plan.voice.words}")
    if plan.decision.says.sure:
        work.say(f"  How sure is the choice? {plan.decision.says.sure}")
    if shipped.precision == "full" and work.declaration.pipeline.ship.precision == "auto":
        work.say(f"  {shipped.why_precision}: so it is in full precision (--precision half takes it all the same)")
    for line in shipped.verified:
        work.say(f"  verified: {line}")


def _for(plan: ShipPlan) -> Path:
    """Where the folders of consumers are."""
    return plan.folder.with_name(f"{plan.name}-for")


def _hand_over(work: Work, plan: ShipPlan, consumer: str) -> None:
    """Make the model ready for a consumer beside its folder, and say what to do with it."""
    given = Given(plan.folder, plan.name, plan.spoken.base.folder, (plan.name, *plan.moods))
    folder = hand_over(given, consumer, _for(plan))
    if missing := CONSUMERS[consumer].missing(folder, plan.name):
        raise WorkFailed(f"{folder}: {consumer} would not take it: {', '.join(missing)} not there")
    work.say(f"for {consumer}: {folder}", "bold")
    work.say(f"  {CONSUMERS[consumer].use.format(here=quoted([str(folder)]), name=plan.name)}")


def _thin(work: Work, plan: ShipPlan) -> None:
    """Delete what nothing declared needs: only now, as the shipped model is verified."""
    found = surplus(work.declaration, work.run)
    freed, left = delete(work.run, found, f"shipped {plan.name}, which is {plan.candidate}")
    for each in found:
        work.say(f"  deleted: {each.path} ({readable_size(each.bytes)}): {each.why}")
    for line in left:
        work.say(f"warning: {line}", "yellow")
    if found:
        work.say(f"  freed {readable_size(freed)}; every candidate's best model and records stay; {work.run.deleted}")
    else:
        work.say("  thin: there is nothing to delete")
