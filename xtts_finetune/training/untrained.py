"""Candidates that no phase trains, evaluated once: the base, and weighted means of others, made tensor by tensor."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from xtts_finetune.errors import UserError
from xtts_finetune.look.quantities import now
from xtts_finetune.numbers.fixed import BASE
from xtts_finetune.records.candidates.closing import write_untrained_info
from xtts_finetune.records.metrics import MetricsWriter
from xtts_finetune.records.run_folder import CandidateFolder, RunFolder
from xtts_finetune.spec.declaration import Declaration
from xtts_finetune.training.device import pick_device_for
from xtts_finetune.training.phase_data import EvalData
from xtts_finetune.training.recorder import evaluate
from xtts_finetune.training.saving import save_model, training_state
from xtts_finetune.xtts.base import find_base
from xtts_finetune.xtts.model import load_model
from xtts_finetune.xtts.state import StateDict, model_weights, read_checkpoint
from xtts_finetune.xtts.weights.directory import read_directory
from xtts_finetune.xtts.weights.form import difference
from xtts_finetune.xtts.weights.values import problem_of_values
from xtts_finetune.xtts.weights.vocabulary_file import copy_vocabulary


def average_weights(files: Sequence[Path], weights: Sequence[float]) -> StateDict:
    """The GPT's weights under Coqui's names, each the mean of those of `files`, in float32.

    files     checkpoints in any form that `read_checkpoint` takes, all of one base
    weights   how much each counts, (files,), positive; only their ratios matter

    Sums are made in float64 and rounded once, so the order of the files does not matter and the mean of a model
    with itself is that model. The files are memory-mapped: besides the result, one tensor is in memory at a time.
    All but the GPT is left out: it never trains.

    Raises UserError if a file cannot be read or holds values that are no numbers, or if the models differ in form.
    """
    models = [_gpt_weights(file) for file in files]
    total = sum(weights)
    shares = [weight / total for weight in weights]
    for file, model in zip(files[1:], models[1:], strict=True):
        _check_same_form(files[0], models[0], file, model)
    return {name: _mean([model[name] for model in models], shares) for name in models[0]}


def _gpt_weights(file: Path) -> StateDict:
    directory = read_directory(file)
    tensors = {name: each.tensor for name, each in directory.weights.items() if name.startswith("gpt.")}
    if problem := problem_of_values(directory.container, tensors):
        raise UserError(f"{file}: {problem}")
    weights = model_weights(read_checkpoint(file, checked=True))
    return {name: weight for name, weight in weights.items() if name.startswith("gpt.")}


def _mean(tensors: Sequence[torch.Tensor], shares: Sequence[float]) -> torch.Tensor:
    first = tensors[0]
    if not first.is_floating_point():
        return first.clone()
    mean = torch.zeros_like(first, dtype=torch.float64)
    for tensor, share in zip(tensors, shares, strict=True):
        mean += tensor.to(torch.float64) * share
    return mean.to(torch.float32)


def _check_same_form(file: Path, model: StateDict, other_file: Path, other: StateDict) -> None:
    mine, theirs = ({name: tuple(weight.shape) for name, weight in each.items()} for each in (model, other))
    if found := difference(theirs, mine):
        raise UserError(
            f"{other_file}: its weights do not match those of {file} ({found}); only models of one base can be averaged"
        )


def evaluate_base(declaration: Declaration, run: RunFolder, device: str, fingerprint: str = "") -> None:
    """Write base/metrics.jsonl with one evaluation, at step 0, and base/model_info.json.

    Raises UserError if the base or the eval set cannot be read, or there is no such device.
    """
    started, began = now(), time.perf_counter()
    folder = run.candidate(BASE)
    base = find_base(declaration.pipeline.base)
    model = load_model(base, device=pick_device_for(base, device))
    _evaluate(model, run, folder)
    write_untrained_info(folder, started, now(), time.perf_counter() - began, fingerprint)


def make_candidate(
    declaration: Declaration,
    run: RunFolder,
    name: str,
    parts: Sequence[tuple[Path, float]],
    device: str,
    fingerprint: str = "",
) -> None:
    """Make a candidate from the files of others and how much each counts, and evaluate it like any other.

    Its folder is a model folder for stock XTTS tools, as a phase's is. The weights are averaged on the
    CPU; one part alone is taken as it is. The closing record is removed first and written last.

    Raises UserError if a part cannot be read or has another form than the base.
    """
    started, began = now(), time.perf_counter()
    base, folder = find_base(declaration.pipeline.base), run.candidate(name)
    folder.model_info.unlink(missing_ok=True)
    files, counts = [file for file, _ in parts], [count for _, count in parts]
    model = load_model(base, files[0])
    if len(files) > 1:
        model.load_state_dict(average_weights(files, counts), strict=False)
    folder.path.mkdir(parents=True, exist_ok=True)
    model.config.save_json(str(folder.config))
    copy_vocabulary(base.vocab, folder.vocab)
    weights = {f"xtts.{key}": value for key, value in model.state_dict().items()}
    save_model(folder, training_state(weights, model.config.to_dict(), step=0, epoch=0))
    _evaluate(model.to(pick_device_for(base, device)), run, folder)
    made_of = [{"file": str(file), "weight": count} for file, count in parts]
    write_untrained_info(folder, started, now(), time.perf_counter() - began, fingerprint, made_of)


def _evaluate(model: Any, run: RunFolder, folder: CandidateFolder) -> None:
    """Evaluate Coqui's `Xtts` on the frozen eval set and write that down as the candidate's only record."""
    record = evaluate(model.gpt, EvalData(run).batches(), step=0)
    folder.metrics.unlink(missing_ok=True)
    with MetricsWriter(folder.metrics) as metrics:
        metrics.write(record)
