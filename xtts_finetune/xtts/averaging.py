"""The weighted mean of several models' weights, made on the CPU one tensor at a time."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

from xtts_finetune.errors import UserError
from xtts_finetune.xtts.state import StateDict, model_weights, read_checkpoint
from xtts_finetune.xtts.weights.directory import read_directory
from xtts_finetune.xtts.weights.form import difference
from xtts_finetune.xtts.weights.values import problem_of_values


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
            f"{other_file}: its weights have another form than those of {file} ({found}); "
            "only models of one base can be averaged"
        )
