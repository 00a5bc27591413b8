"""The state of one phase: what it would be trained from now, beside what it was trained from."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from xtts_finetune.errors import UserError
from xtts_finetune.look.commands import command
from xtts_finetune.pipeline.plan.continuing import Length
from xtts_finetune.pipeline.plan.disk import DiskUse, TrainedSizes, files_bytes, part_of_it, phase_disk, sizes_of
from xtts_finetune.pipeline.plan.inputs import phase_inputs
from xtts_finetune.pipeline.plan.phase_standing import Standing, Waits, Wanted, standing_of
from xtts_finetune.pipeline.plan.stage_records import read_phase_yaml
from xtts_finetune.pipeline.plan.stages import Stage, State
from xtts_finetune.pipeline.tries import freed_by_setting_aside, kept_bytes, needed_of, worth_of
from xtts_finetune.records.candidates.closing import read_model_info
from xtts_finetune.records.run_folder import RunFolder
from xtts_finetune.records.values import hash_of
from xtts_finetune.spec.declaration import Declaration
from xtts_finetune.spec.phase import PhaseSpec
from xtts_finetune.spec.sources import LAST, Source, kept_steps, source_of
from xtts_finetune.spec.train import train_words
from xtts_finetune.xtts.base import find_base, quick_hash, read_config
from xtts_finetune.xtts.weights.file_kind import why_unreadable


@dataclass(frozen=True)
class Surroundings:
    """What the state of a phase is judged by; `clips` is None while the data has to be prepared.

    What was done of the phases in `anew` does not count. `as_begun`: a phase that is declared longer begins anew,
    as what it is compared with does.
    """

    declaration: Declaration
    run: RunFolder
    base: str
    weights_bytes: int
    clips: str | None
    anew: frozenset[str] = frozenset()
    as_begun: bool = False


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
    length = Length(declaration, around.run, name)
    if name in around.anew:
        anew = "trained anew" if folder.path.is_dir() else ""
        standing = Standing(State.TO_RUN, ", ".join(each for each in (anew, waits.after) if each))
    else:
        standing = standing_of(folder, Wanted(inputs, source, waits, length, not around.as_begun))
    disk = _disk(around, name, standing, length.steps())
    return Stage(
        kind="phase",
        name=name,
        candidate=name,
        state=standing.state,
        why=standing.why,
        certain=standing.certain,
        inputs=inputs,
        steps=length.steps(),
        epochs=length.epochs(),
        eval_every=spec.eval_every_steps,
        speak_every_evals=spec.utterances_every_evals,
        trains=train_words(spec.train),
        resumes_at=standing.resumes_at,
        brings_back=standing.brings_back,
        continued=standing.continued,
        note=standing.note or _set_aside_words(around, name, standing),
        disk=disk,
    )


def _set_aside_words(around: Surroundings, name: str, standing: Standing) -> str:
    """That what is there of the phase is set aside before it is trained anew; '' where nothing is."""
    folder = around.run.candidate(name)
    if not folder.path.is_dir() or not (standing.state is State.STALE or name in around.anew):
        return ""
    worth = worth_of(folder, needed_of(around.declaration, around.run, name))
    if not worth.models and not worth.steps:
        return ""
    return "what it has now is set aside as an earlier try" + ("" if worth.steps else ", without its last checkpoint")


def _disk(around: Surroundings, name: str, standing: Standing, steps: int | None) -> DiskUse:
    """What the phase does to the disk, with what goes or stays of what is there already."""
    folder, spec = around.run.candidate(name), around.declaration.phases[name]
    kept, sizes = kept_steps(around.declaration, name), _sizes(around, spec)
    begun = 0 if standing.resumes_at is None else standing.resumes_at
    whole = phase_disk(sizes, spec, kept, steps, begun=begun)
    earlier, needed = standing.brings_back, needed_of(around.declaration, around.run, name)
    if earlier is not None:
        if standing.resumes_at is None:
            return DiskUse()  # nothing is trained
        there = part_of_it(earlier.folder, sizes, kept, spec.keep) + freed_by_setting_aside(folder, needed)
    elif standing.continued:
        # Its models, and what is kept for others, stay beside the new ones.
        there = files_bytes(folder) - kept_bytes(folder, needed)
    elif standing.state is State.STALE or name in around.anew:
        there = freed_by_setting_aside(folder, needed)
    else:
        there = part_of_it(folder, sizes, kept, spec.keep)
    return replace(whole, there=min(there, whole.stays))


def _sizes(around: Surroundings, spec: PhaseSpec) -> TrainedSizes:
    # Most phases train all, and then a base's config.json need not be whole to make a plan.
    name = around.declaration.pipeline.base
    config = {} if spec.train == "all" else read_config(find_base(name))
    return sizes_of(around.weights_bytes, config, spec)


def _waits_for(around: Surroundings, source_stage: Stage | None) -> Waits:
    source_due = source_stage is not None and source_stage.due
    if source_stage is not None and source_due and (source_stage.certain or around.clips is not None):
        return Waits(source_stage.name, renewed=source_stage.certain)
    return Waits("the data" if around.clips is None else "")


def weights_of(run: RunFolder, candidate: str) -> str:
    """Fingerprint of a complete phase's best model: what it was trained from, when that was begun, how good it is.

    A phase that was trained longer, and whose best model is still the one from before, has the same one.
    """
    recorded = read_phase_yaml(run.candidate(candidate)) or {}
    best = (read_model_info(run.candidate(candidate)) or {}).get("best")
    fingerprint = recorded.get("fingerprint")
    for before in recorded.get("continued") or []:
        if best is not None and before.get("best") == best:
            fingerprint = before.get("fingerprint")
            break
    return hash_of([fingerprint, recorded.get("started"), best])


def _checkpoint_of(run: RunFolder, source: Source) -> str:
    """Fingerprint of what a phase starts from that is another phase's."""
    start: list[Any] = [weights_of(run, str(source.phase)), source.checkpoint]
    continued = (read_phase_yaml(run.candidate(str(source.phase))) or {}).get("continued")
    if source.checkpoint == LAST and continued:
        start.append(continued[-1].get("from_step"))  # its best model may be the same, its newest checkpoint is not
    return hash_of(start)


def _weights(run: RunFolder, source: Source, name: str) -> str | None:
    """Fingerprint of the weights that a phase starts from; None for the base, an input of its own."""
    if source.file is not None:
        _check_outside(run, source.file, name)
        try:
            return quick_hash(source.file)
        except OSError as error:
            reason = why_unreadable(source.file, error)
            raise UserError(f"{name}: resume_from: {source.file}: {reason}") from None
    return None if source.phase is None else _checkpoint_of(run, source)


def _check_outside(run: RunFolder, file: Path, name: str) -> None:
    """Raise UserError for a start among the phase's own files: they are moved when it begins anew."""
    if file.resolve().is_relative_to(run.candidate(name).path.resolve()):
        raise UserError(
            f"{name}: resume_from: {file} is one of {name}'s own files, which are set aside when it starts anew; let a "
            f"further phase continue from it (resume_from: {{phase: {name}, checkpoint: last}}), or copy it elsewhere"
        )


def check_checkpoint(run: RunFolder, source: Source, name: str) -> None:
    """Raise UserError when a complete phase lacks the checkpoint that phase `name` starts from."""
    if source.phase is None or source.checkpoint == "best":
        return
    folder = run.candidate(source.phase)
    steps = {path: step for step, path in folder.checkpoints() if path.is_file()}
    if folder.named(source.checkpoint) in steps:
        return
    there = ["'best'", *(["'last'"] if steps else []), *(f"'step {step}'" for step in steps.values())]
    which = "no checkpoint any more" if source.checkpoint == LAST else f"no checkpoint of {source.checkpoint}"
    raise UserError(
        f"{name}: resume_from: {source.phase} has {which}; choose {', '.join(there)}, or name it in "
        f"phases/{name}.yaml and train {source.phase} again, which then keeps it: "
        f"{command(f'{source.phase} --fresh', 'run_pipeline')}"
    )
