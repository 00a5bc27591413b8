"""Whether files of weights fit each other: the base's own five, and a checkpoint with the base. Without torch.

Each answer is one line for whoever brought the file: what it holds, what is wanted, and what to do. It is kept for as
long as the process lives and the files keep their size and time of change.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from xtts_finetune.errors import UserError
from xtts_finetune.xtts.base import FILE_NAMES, BaseFiles, read_config
from xtts_finetune.xtts.weights.containers import read_container
from xtts_finetune.xtts.weights.directory import WeightsDirectory, read_directory, weights_in
from xtts_finetune.xtts.weights.form import problem_of_shapes
from xtts_finetune.xtts.weights.gpt_shapes import sizes_of_config
from xtts_finetune.xtts.weights.sidecars import problem_of_divisors, problem_of_dvae, problem_of_mel_stats
from xtts_finetune.xtts.weights.stored_tensors import StoredTensor
from xtts_finetune.xtts.weights.values import problem_of_values
from xtts_finetune.xtts.weights.vocabulary_file import differs, read_vocabulary

_HEADS = 16  # of a config.json that does not give them


def problem_of_base(base: BaseFiles, values: bool = True) -> str | None:
    """What is wrong with the base's files, alone and together, in one line that names the file; None for nothing.

    With `values` all of model.pth, dvae.pth and mel_stats.pth is read too (a second for each GB), and their sums are
    compared; else their tables of contents alone.
    """
    return _problem_of_base(base.folder, values, *(_state(base.folder / name) for name in FILE_NAMES))


def problem_of_weights(path: Path, base: BaseFiles, values: bool = True) -> str | None:
    """Why a file cannot be a start or a candidate with this base, in one line that names it; None where it can.

    Its GPT must have the base's sizes, all its weights, numbers throughout, and the base's vocabulary, as far as a
    vocab.json beside the file tells. With `values` the weights are read and their sums compared.
    """
    states = (_state(path), _state(path.parent / base.vocab.name), _state(base.config), _state(base.vocab))
    return _problem_of_weights(path, base.folder, values, *states)


def _state(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_size, found.st_mtime_ns


@lru_cache(maxsize=64)
def _problem_of_base(folder: Path, values: bool, *_: object) -> str | None:
    base = BaseFiles(folder)
    try:
        config, vocabulary = read_config(base), read_vocabulary(base.vocab)
        sizes = sizes_of_config(config, vocabulary.tokens)
        given = config["model_args"].get("gpt_n_heads")
        heads = _HEADS if given is None else given
        if type(heads) is not int or heads < 1 or sizes.width % heads:
            return f"{base.config}: {heads} heads cannot share {sizes.width} channels evenly; fetch the base again"
        problem = _of_model(read_directory(base.model), base, values, of_base=True)
        if problem:
            return _with_the_cure_of_a_base(f"{base.model}: {problem}")
        for path in (base.dvae, base.mel_stats):
            container = read_container(path)
            tensors = weights_in(container)
            is_dvae = path == base.dvae
            problem = (
                problem_of_dvae(tensors, sizes.audio_tokens) if is_dvae else problem_of_mel_stats(tensors)
            )
            if problem is None and (values or not is_dvae):
                problem = problem_of_values(container, tensors, of_base=True)
                if problem is None and not is_dvae:
                    problem = problem_of_divisors(container, tensors[""])
            if problem:
                return _with_the_cure_of_a_base(f"{path}: {problem}")
    except UserError as error:
        return _with_the_cure_of_a_base(str(error))
    return None


def _with_the_cure_of_a_base(problem: str) -> str:
    """Of a base's file nobody has another one to name: it is fetched again, where nothing better is said."""
    found, _, cure = problem.rpartition("; ")
    if not found:
        return f"{problem}; fetch all five files again"
    if any(word in cure for word in ("fetch", "download", "unpack it first")):
        return problem
    return f"{found}; fetch all five files again"


@lru_cache(maxsize=256)
def _problem_of_weights(path: Path, base_folder: Path, values: bool, *_: object) -> str | None:
    base = BaseFiles(base_folder)
    of_base = path == base.model
    try:
        problem = _of_model(read_directory(path), base, values, of_base)
        if problem is None and not of_base:
            problem = _other_vocabulary(path, base)
    except UserError as error:
        problem = str(error)
    else:
        problem = f"{path}: {problem}" if problem else None
    return _with_the_cure_of_a_base(problem) if problem and of_base else problem


def _of_model(
    directory: WeightsDirectory, base: BaseFiles, values: bool, of_base: bool = False
) -> str | None:
    tensors: Mapping[str, StoredTensor] = {name: entry.tensor for name, entry in directory.weights.items()}
    shapes = {name: tensor.shape for name, tensor in tensors.items()}
    dtypes = {name: tensor.dtype for name, tensor in tensors.items()}
    problem = problem_of_shapes(shapes, dtypes, base, of_base)
    if problem is None and values:
        problem = problem_of_values(directory.container, tensors, of_base)
    return problem


def _other_vocabulary(path: Path, base: BaseFiles) -> str | None:
    """A vocab.json beside the checkpoint in which the numbers of the base's tokens mean something else."""
    beside = path.parent / base.vocab.name
    if not beside.is_file():
        return None
    try:
        theirs = read_vocabulary(beside)
    except UserError:
        return None  # some other program's file of that name
    found = differs(theirs, read_vocabulary(base.vocab))
    if found is None:
        return None
    return (
        f"it was trained with another vocab.json than the base's ({beside}: {found}); use the base that has that "
        "vocab.json, or another checkpoint"
    )
