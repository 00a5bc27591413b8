"""Makes a plan true: one child process after another, then the decision and the report."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from pathlib import Path

from xtts_finetune.data.fingerprint import more_words
from xtts_finetune.errors import UserError, WorkFailed
from xtts_finetune.evaluation.candidates import forget_failure, made_candidates
from xtts_finetune.evaluation.decision import decide, write_decision
from xtts_finetune.look.commands import run_first
from xtts_finetune.numbers.fixed import BASE
from xtts_finetune.pipeline.children.jobs import run_job
from xtts_finetune.pipeline.children.lock import (
    child_is_gone,
    refuse_second_command,
    run_lock,
    sweep_leftovers,
    wait_for_older_child,
)
from xtts_finetune.pipeline.children.process import ending_like_ctrl_c
from xtts_finetune.pipeline.children.running import Work, verb
from xtts_finetune.pipeline.next_step import say_next
from xtts_finetune.pipeline.phase.phases import say_set_aside, train_phase
from xtts_finetune.pipeline.phase.record import update_records
from xtts_finetune.pipeline.plan.checks.preflight import check_first
from xtts_finetune.pipeline.plan.inputs import CLIPS, data_info, decision_inputs, report_inputs, utterances_inputs
from xtts_finetune.pipeline.plan.made_state import leave_out
from xtts_finetune.pipeline.plan.plan import check_candidates, check_names, make_plan
from xtts_finetune.pipeline.plan.stage_records import forget_stage, write_stage
from xtts_finetune.pipeline.plan.stages import Kind, Plan, Stage, State
from xtts_finetune.pipeline.reports.report import write_report
from xtts_finetune.pipeline.summary import (
    data_findings,
    data_lines,
    phase_lines,
    say_decision,
    say_outcome,
    voice_lines,
    voice_words,
)
from xtts_finetune.pipeline.tries import adopt_older, needed_of, set_aside, thin_tries
from xtts_finetune.records.values import hash_of
from xtts_finetune.xtts.base import find_base
from xtts_finetune.xtts.base_as_recorded import note_base

# What a candidate says is read by the instruments at once, in the same child.
SPEAKING = ("utterances", "scores")
ALL_KINDS: tuple[Kind, ...] = ("data", "base", "phase", "candidate", "utterances", "decision", "report")


def prepare_now(work: Work, strict: bool = False) -> None:
    """Read, check, split and encode the clips.

    Also when nothing seems to have changed: what was damaged since is made anew. Raises like `run_plan`, and
    with `strict` WorkFailed where a clip was left out or has a warning; the run can be used even so.
    """
    plan = make_plan(work.declaration)
    with run_lock(work.run.root), ending_like_ctrl_c():
        _tidy(work)
        do_stage(work, plan.stage("data"), plan)
    say_next(work)
    if strict and (found := data_findings(work.run)):
        raise WorkFailed(f"--strict: {found}; see {work.run.data_page}")


def run_plan(
    work: Work,
    wanted: Sequence[str] = (),
    fresh: bool = False,
    kinds: Sequence[Kind] = ALL_KINDS,
    agrees: Callable[[str], bool] = lambda question: True,
) -> None:
    """Do all that is due for the wanted phases (all when none is named), of the kinds given.

    `fresh` sets the wanted phases' results aside first. The plan is made again after each stage, from what the
    run's folder then shows: data that came out as it was leaves the phases up to date. `agrees` answers what is asked
    before anything starts.

    Raises UserError when an input is wrong, WorkFailed with the reason and the log, Interrupted on Ctrl-C.
    """
    plan = make_plan(work.declaration, wanted, fresh)
    refuse_second_command(work.run.root)
    if "phase" in kinds and any(stage.kind in kinds for stage in plan.due):
        check_first(work, plan, agrees)
    with run_lock(work.run.root), ending_like_ctrl_c():
        if plan.due:
            # What it saves at last must not come into the folder of a phase that is begun anew.
            wait_for_older_child(work.run.root, work.say)
        if fresh:
            _forget(work, wanted)
            for name in made_candidates(work.declaration):
                forget_failure(work.run.candidate(name))
        _tidy(work)
        plan = make_plan(work.declaration, wanted)
        done: set[str] = set()
        given_up: set[str] = set()
        while (stage := next((stage for stage in plan.due if stage.kind in kinds), None)) is not None:
            if stage.name in done:
                log = work.run.job_log(stage.name)
                raise WorkFailed(f"{stage.title}: done, but the results are incomplete: {stage.why}", log)
            done.add(stage.name)
            try:
                do_stage(work, stage, plan)
            except (UserError, WorkFailed) as error:
                if stage.kind != "candidate":
                    raise
                leave_out(work, stage, error)
                given_up.add(stage.name)
            plan = make_plan(work.declaration, wanted, given_up=given_up)
        if not done:
            work.say("Everything is up to date; nothing was run.")
        if "report" in kinds:
            say_outcome(work)


def speak_now(work: Work, candidates: Sequence[str]) -> None:
    """Let the named candidates speak, or every one that is there when none is named.

    Raises UserError when a named candidate is unknown or not made yet, or the clips are not prepared.
    """
    names = check_candidates(work.declaration, candidates)
    plan = make_plan(work.declaration)
    if plan.stage("data").due:
        raise UserError(run_first("the voice is taken from the clips, which are not prepared", verb(work, "prepare")))
    with run_lock(work.run.root), ending_like_ctrl_c():
        spoken = False
        for name in names:
            if name != BASE and plan.stage(name).state is State.LEFT_OUT:
                if name in candidates:
                    raise UserError(f"{name} is left out: {plan.stage(name).why}")
                work.say(f"{name} is left out: {plan.stage(name).why}", "yellow")
                continue
            stage = plan.stage(f"{name} utterances")
            if name != BASE and plan.stage(name).due:
                if name in candidates:
                    done, words = ("trained", f"run {name}") if name in work.declaration.phases else ("made", "run")
                    finding = f"{name} is not {done} with the values in your config now"
                    raise UserError(run_first(finding, verb(work, words)))
                work.say(f"{name} is left out: it is {plan.stage(name).state.value}")
            elif stage.due:
                do_stage(work, stage, plan)
                spoken = True
            else:
                work.say(f"{name} has spoken: {work.run.candidate(name).utterances}")
        if not spoken:
            work.say("Everything is up to date; nothing was spoken.")
    say_next(work)


def decide_now(work: Work) -> None:
    """Decide from what is there, print the answer and write the report anew. Raises UserError when nothing was run."""
    _check_begun(work)
    with run_lock(work.run.root):
        _tidy(work)
        decision = decide(work.declaration, work.run)
        write_decision(work.run, decision)
        update_records(work.declaration, work.run)
        write_stage(work.run, "decision", decision_inputs(work.declaration, work.run))
        report = _write_report(work)
    say_decision(work, decision.to_json(), decision.says)
    work.say(f"  report: {report}")
    say_next(work, decision)


def report_now(work: Work) -> None:
    """Write the report from what is there, and print its path. Raises UserError when nothing was run."""
    _check_begun(work)
    with run_lock(work.run.root):
        _tidy(work)
        path = _write_report(work)
    work.say(f"report: {path}")
    say_next(work)


def renew_report(work: Work) -> None:
    """Write the report anew where there is one: it links to the newest listening test and says what is next."""
    if work.run.report.is_file():
        _write_report(work)


def _write_report(work: Work) -> Path:
    path = write_report(work.declaration, work.run)
    write_stage(work.run, "report", report_inputs(work.declaration, work.run))
    return path


def _check_begun(work: Work) -> None:
    if not work.run.root.is_dir():
        raise UserError(run_first(f"{work.run.root}: nothing was run yet", verb(work, "run")))


def do_stage(work: Work, stage: Stage, plan: Plan) -> None:
    """Do one stage; its record is removed first and written last."""
    if stage.kind == "phase":
        more = any(other.kind == "phase" and other.name != stage.name for other in plan.due)
        train_phase(work, stage, more=more)
        if stage.brings_back is None or stage.resumes_at is not None:
            _say(work, phase_lines(work.run.candidate(stage.name)))
        return
    forget_stage(work.run, stage.name)
    if stage.kind == "data":
        work.say("data: reading and checking the clips")
        before = data_info(work.run)
        run_job(work, "data", ["prepare"])
        _say(work, data_lines(work.run))
        after = data_info(work.run)
        if change := more_words(before, after["clips"] + after["dropped"]):
            work.say(f"  {change}")
        _say(work, voice_lines(work.declaration, work.run))
        return
    if stage.kind in ("base", "candidate"):
        made = made_candidates(work.declaration).get(stage.name)
        how = "" if made is None else "reading its file and " if made.is_file else "making it of others and "
        forget_failure(work.run.candidate(stage.name))
        work.say(f"{stage.name}: {how}evaluating it on the eval set")
        _do_untrained(work, stage, plan)
        _say(work, phase_lines(work.run.candidate(stage.name)))
    elif stage.kind == "utterances":
        voice = voice_words(work.declaration, work.run)
        work.say(f"{stage.candidate}: speaking the samples in {voice}")
        run_job(work, f"{stage.candidate}-utterances", SPEAKING, candidate=stage.candidate)
        work.say(f"{stage.candidate} has spoken: {work.run.candidate(stage.candidate).utterances}")
    elif stage.kind == "decision":
        write_decision(work.run, decide(work.declaration, work.run))
        update_records(work.declaration, work.run)
    else:
        write_report(work.declaration, work.run)
    write_stage(work.run, stage.name, stage.inputs)


def _do_untrained(work: Work, stage: Stage, plan: Plan) -> None:
    """Evaluate a candidate that no phase trains and, in the same child, let it speak: importing torch costs seconds."""
    spoken = f"{stage.name} utterances"
    if not plan.stage(spoken).due:
        run_job(work, stage.name, [stage.kind], candidate=stage.name, fingerprint=hash_of(stage.inputs))
        return
    forget_stage(work.run, spoken)
    work.say(f"{stage.name}: then it speaks the samples in {voice_words(work.declaration, work.run)}")
    kinds = [stage.kind, *SPEAKING]
    run_job(work, stage.name, kinds, candidate=stage.name, fingerprint=hash_of(stage.inputs))
    base, clips = stage.inputs["files base"], stage.inputs[CLIPS]
    weights = base if stage.kind == "base" else hash_of(stage.inputs)
    write_stage(work.run, spoken, utterances_inputs(work.declaration, base, clips, weights))


def _tidy(work: Work) -> None:
    """Bring records up to what is declared by now, and clear away what killed processes left."""
    with contextlib.suppress(OSError):  # no room: the phases' other records say the same
        update_records(work.declaration, work.run)
    with contextlib.suppress(OSError, UserError):  # no room, or no base: then whatever needs it says so
        note_base(work.run, find_base(work.declaration.pipeline.base))
    if child_is_gone(work.run.root):
        sweep_leftovers(work.run.root)
        with contextlib.suppress(OSError):  # of another program's, say: they stay as they are
            adopt_older(work.run, work.declaration.phases)
            thin_tries(work.run)


def _say(work: Work, lines: Sequence[str]) -> None:
    for line in lines:
        work.say(line)


def _forget(work: Work, wanted: Sequence[str]) -> None:
    for name in check_names(work.declaration, wanted):
        if work.run.candidate(name).path.is_dir():
            needed = needed_of(work.declaration, work.run, name)
            aside = set_aside(work.run, name, "--fresh", needed, unasked=False)
            say_set_aside(work, name, aside, f"--fresh: {name}")
