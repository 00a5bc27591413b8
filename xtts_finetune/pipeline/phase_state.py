"""The state of one phase: what it would be trained from now, beside what it was trained from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from xtts_finetune.errors import UserError
from xtts_finetune.pipeline.disk import files_bytes, phase_disk
from xtts_finetune.pipeline.fingerprints import Inputs, differences, hash_of
from xtts_finetune.pipeline.inputs import CLIPS, phase_inputs, weights_key
from xtts_finetune.pipeline.phase_length import planned_phase
from xtts_finetune.pipeline.stage_records import read_phase_yaml
from xtts_finetune.pipeline.stages import Stage, State, compared
from xtts_finetune.pipeline.trained_sizes import TrainedSizes, trained_sizes
from xtts_finetune.records.closing import read_model_info
from xtts_finetune.records.run_folder import CandidateFolder, RunFolder
from xtts_finetune.spec.declaration import Declaration
from xtts_finetune.spec.phase import PhaseSpec
from xtts_finetune.spec.sources import Source, kept_steps, source_of
from xtts_finetune.spec.train import train_words
from xtts_finetune.xtts.base import find_base, quick_hash, read_config

GOES_ON = "goes on"


@dataclass(frozen=True)
class Surroundings:
    """What the state of a phase is judged by; `clips` is None while the data has to be prepared.

    What was done of the phases in `anew` does not count.
    """

    declaration: Declaration
    run: RunFolder
    base: str
    weights_bytes: int
    clips: str | None
    anew: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Waits:
    """What runs before the phase and decides on its inputs, '' for nothing.

    `renewed` if it is sure to change them.
    """

    what: str = ""
    renewed: bool = False


def phase_stage(around: Surroundings, name: str, source_stage: Stage | None) -> Stage:
    """The phase's stage; `source_stage` is that of the phase whose weights it starts from, if there is one.

    Raises UserError when the checkpoint that it starts from cannot be there.
    """
    declaration, folder = around.declaration, around.run.candidate(name)
    spec = declaration.phases[name]
    source = source_of(declaration, name)
    waits = _waits_for(around, source_stage)
    weights = None if source_stage is not None and source_stage.due else _weights(around.run, source, name)
    inputs = phase_inputs(declaration, name, around.base, around.clips, weights)
    if name in around.anew:
        state, why, certain = State.TO_RUN, _after(waits), True
    else:
        state, why, certain = _state(folder, inputs, source, waits)
    steps = spec.steps if spec.steps is not None else _planned_steps(around, name)
    # A stale phase's checkpoints go before it starts; its best model is set aside and stays.
    there = files_bytes(folder, checkpoints_only=state is State.STALE)
    disk = phase_disk(_sizes(around, spec), spec, kept_steps(declaration, name), steps, there)
    return Stage(
        kind="phase",
        name=name,
        candidate=name,
        state=state,
        why=why,
        certain=certain,
        inputs=inputs,
        steps=steps,
        epochs=spec.epochs,
        trains=train_words(spec.train),
        resumes_at=_resumes_at(folder) if why.startswith(GOES_ON) else None,
        disk=disk,
    )


def _state(folder: CandidateFolder, inputs: Inputs, source: Source, waits: Waits) -> tuple[State, str, bool]:
    """State, why, and whether that stays so whatever comes out of what the phase waits for."""
    recorded = read_phase_yaml(folder)
    if recorded is None:
        return State.TO_RUN, _after(waits), True
    unknown = {key for key in (CLIPS, weights_key(source)) if inputs.get(key, "") is None}
    info = read_model_info(folder)
    done = info is not None and info.get("status") == "done"
    if not done:
        # Rules say when to stop, not what to train: an unfinished phase goes on under the new ones.
        unknown |= {key for key in recorded["inputs"].keys() | inputs.keys() if key.startswith("stop_when")}
    before = {key: value for key, value in recorded["inputs"].items() if key not in unknown}
    changes = differences(before, {key: value for key, value in inputs.items() if key not in unknown})
    if changes:
        return State.STALE, compared(changes), True
    if info is not None and done:
        if waits.renewed:
            return State.STALE, f"after {waits.what}", True
        if waits.what:
            return State.STALE, f"after {waits.what}, unless that changes nothing", False
        if not folder.best_model.is_file():
            return State.STALE, f"{folder.best_model.name} is gone", True
        return State.UP_TO_DATE, _outcome(info), True
    step = _resumes_at(folder)
    begun = f"{GOES_ON} from step {step}" if step is not None else "was started, left no checkpoint"
    return State.TO_RUN, begun + (f", after {waits.what}" if waits.what else ""), True


def _sizes(around: Surroundings, spec: PhaseSpec) -> TrainedSizes:
    # Most phases train all, and then a base's config.json need not be whole to make a plan.
    name = around.declaration.pipeline.base
    config = {} if spec.train == "all" else read_config(find_base(name))
    return trained_sizes(around.weights_bytes, config, spec.train)


def _after(waits: Waits) -> str:
    return f"after {waits.what}" if waits.what else ""


def _waits_for(around: Surroundings, source_stage: Stage | None) -> Waits:
    source_due = source_stage is not None and source_stage.due
    if source_stage is not None and source_due and (source_stage.certain or around.clips is not None):
        return Waits(source_stage.name, renewed=source_stage.certain)
    return Waits("the data" if around.clips is None else "")


def _outcome(info: dict[str, object]) -> str:
    best = info.get("best")
    if not isinstance(best, dict) or not isinstance(best.get("mel_ce"), int | float):
        return ""
    return f"best mel_ce {best['mel_ce']:.3f} at step {best.get('step')}"


def _resumes_at(folder: CandidateFolder) -> int | None:
    checkpoints = folder.checkpoints()
    return checkpoints[-1][0] if checkpoints else None


def _planned_steps(around: Surroundings, name: str) -> int | None:
    """Steps of a phase that is declared in epochs; None while the clips are not counted."""
    if around.clips is None:
        return None
    planned = planned_phase(around.declaration, around.run, name)
    return None if planned is None else planned.steps


def weights_of(run: RunFolder, candidate: str) -> str:
    """Fingerprint of a complete phase: what it was trained from, and when that was begun."""
    recorded = read_phase_yaml(run.candidate(candidate)) or {}
    info = read_model_info(run.candidate(candidate)) or {}
    return hash_of([recorded.get("fingerprint"), recorded.get("started"), info.get("best")])


def _weights(run: RunFolder, source: Source, name: str) -> str | None:
    """Fingerprint of the weights that a phase starts from; None for the base, an input of its own."""
    if source.file is not None:
        _check_outside(run, source.file, name)
        try:
            return quick_hash(source.file)
        except OSError as error:
            raise UserError(f"{name}: resume_from: {source.file} cannot be read ({error})") from None
    return None if source.phase is None else hash_of([weights_of(run, source.phase), source.checkpoint])


def _check_outside(run: RunFolder, file: Path, name: str) -> None:
    """Raise UserError for a start among the phase's own files: these go when it is begun anew, the start with them."""
    own = run.candidate(name).path
    if any(file.resolve().is_relative_to(folder.resolve()) for folder in (own, own.with_name(f"{name}.old"))):
        raise UserError(
            f"{name}: resume_from: {file} is one of {name}'s own files, which are removed when it is begun anew; let a "
            f"further phase go on from it (resume_from: {{phase: {name}, checkpoint: last}}), or copy it elsewhere"
        )


def check_checkpoint(run: RunFolder, source: Source, name: str) -> None:
    """Raise UserError when a complete phase lacks the checkpoint that phase `name` starts from."""
    words = source.checkpoint.split()
    if source.phase is None or words[0] != "step":
        return
    folder = run.candidate(source.phase)
    if folder.checkpoint(int(words[1])).is_file():
        return
    there = ", ".join(["'best'", "'last'", *(f"'step {step}'" for step, _ in folder.checkpoints())])
    raise UserError(
        f"{name}: resume_from: {source.phase} has no checkpoint of {source.checkpoint}; choose {there}; "
        f"or train it anew, which now keeps that step: run_pipeline {source.phase} --fresh"
    )
