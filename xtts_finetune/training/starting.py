"""Where a phase begins: at its declared first weights, or at its own newest whole checkpoint."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

from TTS.tts.models.xtts import Xtts

from xtts_finetune.errors import UserError
from xtts_finetune.look.commands import command
from xtts_finetune.records.candidates.checkpoints import (
    check_whole,
    put_aside,
    read_checkpoint_records,
    sweep_checkpoints,
)
from xtts_finetune.records.metrics import keep_metrics_until
from xtts_finetune.records.run_folder import CandidateFolder, RunFolder
from xtts_finetune.spec.declaration import Declaration
from xtts_finetune.spec.phase import PhaseSpec
from xtts_finetune.spec.sources import Source, source_of
from xtts_finetune.spec.train import is_lora
from xtts_finetune.training.optimizing.optimizer import begin_at, keep_moments, take_moments
from xtts_finetune.training.phase_data import PhaseJob
from xtts_finetune.training.phase_model import PhaseModel, extras_of
from xtts_finetune.training.phase_trainer import PhaseTrainer
from xtts_finetune.training.training_loss import FrozenCopy, StartModel, WithoutAdapters
from xtts_finetune.xtts.base import BaseFiles, find_base
from xtts_finetune.xtts.model import has_own_hifigan, load_model
from xtts_finetune.xtts.state import hifigan_of, read_checkpoint, without_hifigan
from xtts_finetune.xtts.weights.vocabulary_file import copy_vocabulary

# What is declared of an optimizer's parameters; their moments are the checkpoint's.
OF_A_GROUP = ("initial_lr", "weight_decay")


def start(declaration: Declaration, run: RunFolder, job: PhaseJob, say: Callable[[str], None]) -> PhaseTrainer:
    """The phase's trainer, at its beginning or where it was left; `say` is told what is fallen back on.

    Raises UserError when the first weights or the checkpoints cannot be used.
    """
    base = find_base(declaration.pipeline.base)
    source = source_of(declaration, job.folder.name)
    goes_on = job.ranks.first_does(lambda: _has_checkpoint(job.folder))
    weights = None if goes_on else first_weights(source, run)
    xtts = load_model(base, weights)
    own_hifigan = weights is not None and has_own_hifigan(xtts, base)
    held_to = start_model(job.phase, xtts, base, source, run, goes_on)
    model = PhaseModel(xtts, job.phase, job.total_steps, own_hifigan, job.data.steps_of, held_to)
    if job.ranks.rank == 0:
        # Stock tools load a phase's folder: config.json is written by Trainer, vocab.json is the base's.
        job.folder.path.mkdir(parents=True, exist_ok=True)
        copy_vocabulary(base.vocab, job.folder.vocab)
    trainer = PhaseTrainer(model, job)
    if goes_on:
        follow(trainer, job.ranks.first_does(lambda: resume(trainer, say)))
    else:
        begin(trainer, source, weights)
    return trainer


def _has_checkpoint(folder: CandidateFolder) -> bool:
    sweep_checkpoints(folder)
    return any(record.resumes for record in read_checkpoint_records(folder))


def start_model(
    phase: PhaseSpec, xtts: Xtts, base: BaseFiles, source: Source, run: RunFolder, goes_on: bool
) -> StartModel | None:
    """The model that the phase started from, where `kl_weight` holds it to that; `xtts` is as it was loaded.

    A phase that goes on loads its first weights again. Raises UserError where these are gone.
    """
    if not phase.kl_weight:
        return None
    if is_lora(phase.train):
        return WithoutAdapters(xtts.gpt)
    if not goes_on:
        return FrozenCopy(copy.deepcopy(xtts.gpt))
    try:
        return FrozenCopy(load_model(base, first_weights(source, run)).gpt)
    except UserError as error:
        raise UserError(
            f"kl_weight holds the phase to the model that it started from ({source}), which cannot be read any more: "
            f"{error}; put it back, or train the phase again without kl_weight"
        ) from error


def first_weights(source: Source, run: RunFolder) -> Path | None:
    """The file that a phase's first weights come from; None for the base.

    Raises UserError if the earlier phase does not have the checkpoint that is asked for.
    """
    if source.phase is None:
        return source.file
    folder = run.candidate(source.phase)
    path = folder.named(source.checkpoint)
    if not path.is_file():
        there = ", ".join(str(step) for step, _ in folder.checkpoints()) or "none"
        raise UserError(
            f"{source.phase} has no {path.name} to resume from (checkpoints there: {there}); "
            f"run it again with: {command(source.phase, 'run_pipeline')}"
        )
    return path


def resume(trainer: PhaseTrainer, say: Callable[[str], None]) -> int:
    """Go on from the newest whole checkpoint of the phase: weights, moments, schedule and step as they were.

    The step of that checkpoint, which other ranks then `follow`.

    A damaged one is said aloud and put aside, and the one before it is used. Trainer's own `restore_model` starts at
    the step after, and turns a checkpoint that does not fit into a partial one without a word.

    Raises UserError that names all of them when none can be used.
    """
    folder = trainer.job.folder
    faults: dict[int, str] = {}
    for record in reversed(read_checkpoint_records(folder)):
        if not record.resumes:
            continue
        try:
            check_whole(folder, record)
            checkpoint = read_checkpoint(folder.checkpoint(record.step), checked=True)
            _check_fits(trainer, checkpoint, record.step, folder.checkpoint(record.step))
        except UserError as error:
            faults[record.step] = str(error)
            continue
        for step, fault in faults.items():
            say(f"{fault} ({put_aside(folder, step)}); continuing from the older checkpoint of step {record.step}")
        _take_over(trainer, checkpoint)
        keep_metrics_until(folder.metrics, record.step)
        return record.step
    raise UserError(
        "\n".join(faults.values())
        + f"\n{folder.name} has no complete checkpoint to continue from; put a copy in its place, or "
        f"train the phase again: {command(f'{folder.name} --fresh', 'run_pipeline')}"
    )


def _check_fits(trainer: PhaseTrainer, checkpoint: dict[str, Any], step: int, path: Path) -> None:
    """Raise UserError when the checkpoint is of another model, or lacks what resuming needs."""
    try:
        states, schedules = checkpoint["optimizer"][0]["state"], checkpoint["scheduler"][0]
        moments = {index: state["exp_avg"].shape for index, state in states.items()}
    except (KeyError, TypeError, IndexError, AttributeError):
        raise UserError(f"{path}: it lacks the optimizer state that resuming needs") from None
    if checkpoint.get("step") != step or not isinstance(schedules, dict):
        raise UserError(f"{path}: it says step {checkpoint.get('step')}, its name says {step}")
    weights = trainer.model.weights()
    if not hifigan_of(checkpoint["model"]):
        weights = without_hifigan(weights)  # the base's, which is there already
    weights |= trainer.model.extra_weights()
    wanted = {name: weight.shape for name, weight in weights.items()}
    kept = checkpoint["model"] | extras_of(checkpoint)
    found = {name: getattr(weight, "shape", None) for name, weight in kept.items()}
    different = sorted(name for name in wanted.keys() | found.keys() if wanted.get(name) != found.get(name))
    parameters = [p for group in trainer.optimizer[0].param_groups for p in group["params"]]
    if not different and all(moments.get(i, p.shape) == p.shape for i, p in enumerate(parameters)):
        return
    what = f"{len(different)} weights differ, first {different[0]}" if different else "its moments differ"
    raise UserError(f"{path}: it is of another model than this phase trains ({what})")


def _take_over(trainer: PhaseTrainer, checkpoint: dict[str, Any]) -> None:
    trainer.model.take_over(checkpoint)
    declared = [{key: group[key] for key in OF_A_GROUP} for group in trainer.optimizer[0].param_groups]
    take_moments(trainer.optimizer[0], checkpoint["optimizer"][0])
    trainer.scheduler[0].load_state_dict(checkpoint["scheduler"][0])
    if int(checkpoint["step"]) <= trainer.job.continued_at:
        # It was written under other values than those that are declared from here on.
        for group, values in zip(trainer.optimizer[0].param_groups, declared, strict=True):
            group.update(values)
        begin_at(trainer.scheduler[0], int(checkpoint["step"]))
    if trainer.scaler is not None and checkpoint.get("scaler"):
        trainer.scaler.load_state_dict(checkpoint["scaler"])
    trainer.go_on_from(int(checkpoint["step"]))


def follow(trainer: PhaseTrainer, step: int) -> None:
    """Go on, as a rank that is not the first, from the checkpoint that the first has found whole."""
    if trainer.job.ranks.rank > 0:
        _take_over(trainer, read_checkpoint(trainer.job.folder.checkpoint(step)))


def begin(trainer: PhaseTrainer, source: Source, weights: Path | None) -> None:
    """Begin at step 0; with `optimizer: keep` the moments of the first weights' checkpoint go on."""
    trainer.job.ranks.first_does(lambda: keep_metrics_until(trainer.job.folder.metrics, -1))
    if source.optimizer == "keep" and weights is not None:
        gpt = trainer.model.xtts.gpt
        keep_moments(trainer.optimizer[0], gpt, read_checkpoint(weights), str(weights))
