"""Whether files of weights fit each other: the base's own five, and a checkpoint with the base. Without torch.

Each answer is one line for whoever brought the file: what it holds, what is wanted, and what to do. It is kept for as
long as the process lives and the files keep their size and time of change.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from xtts_finetune.errors import UserError
from xtts_finetune.numbers.fixed import MEL_CHANNELS
from xtts_finetune.xtts.base import FILE_NAMES, BaseFiles, read_config
from xtts_finetune.xtts.weights.containers import read_container
from xtts_finetune.xtts.weights.directory import WeightsDirectory, read_directory, weights_in
from xtts_finetune.xtts.weights.form import FLOATS, problem_of_shapes
from xtts_finetune.xtts.weights.gpt_shapes import sizes_of_config
from xtts_finetune.xtts.weights.stored_tensors import Container, NotRead, StoredTensor
from xtts_finetune.xtts.weights.values import FETCH_AGAIN as AGAIN
from xtts_finetune.xtts.weights.values import numbers_of, problem_of_values
from xtts_finetune.xtts.weights.vocabulary_file import differs, read_vocabulary

_CODEBOOK, _FIRST = "codebook.embed", "encoder.0.0.weight"
_SMALLEST = 1e-30  # of a norm; below it float32 has no more than zero, or nearly so
_SPECIAL_TOKENS = 2  # of the audio tokens, those that are no codes: start and stop


def problem_of_dvae(tensors: Mapping[str, StoredTensor], audio_tokens: int) -> str | None:
    """Why these weights are not the DVAE of a base with so many audio tokens; None where they are."""
    if _CODEBOOK not in tensors or _FIRST not in tensors:
        return f"this is not a DVAE that fits XTTS; {AGAIN}"
    if missing := [name for name in _names(tensors) if name not in tensors]:
        return f"this DVAE lacks {missing[0]}; {AGAIN}"
    codes, channels = tensors[_CODEBOOK].shape[-1], tensors[_FIRST].shape[1:2]
    if channels != (MEL_CHANNELS,):
        return f"this DVAE is for mels of {channels} channels, XTTS has {MEL_CHANNELS}; {AGAIN}"
    if codes != audio_tokens - _SPECIAL_TOKENS:
        return (
            f"this DVAE has {codes:,} codes; config.json has {audio_tokens:,} audio tokens, "
            f"{audio_tokens - _SPECIAL_TOKENS:,} of them codes; {AGAIN}"
        )
    return None


def problem_of_mel_stats(tensors: Mapping[str, StoredTensor]) -> str | None:
    """Why this is not the file of mel norms; None where it is."""
    (name, tensor), *more = tensors.items() if tensors else [("", None)]
    if more or name or tensor is None or tensor.shape != (MEL_CHANNELS,) or tensor.dtype not in FLOATS:
        return f"this is not one row of {MEL_CHANNELS} numbers, as mel_stats.pth is; {AGAIN}"
    return None


def problem_of_divisors(container: Container, tensor: StoredTensor) -> str | None:
    """Why mels cannot be divided by these norms, which are numbers; None where they can."""
    try:
        numbers = numbers_of(container, tensor)
    except NotRead as error:
        return str(error)
    zeros = sum(abs(number) < _SMALLEST for number in numbers)
    if not zeros:
        return None
    which = "all" if zeros == len(numbers) else f"{zeros} of"
    return f"{which} its {len(numbers)} numbers are zero, and mels are divided by them; {AGAIN}"


def _names(tensors: Mapping[str, StoredTensor]) -> list[str]:
    """All weights of a DVAE with as many layers and blocks as this one shows."""

    def numbers(pattern: str) -> int:
        return len({found.group(1) for name in tensors if (found := re.match(pattern, name))})

    layers = max(numbers(r"encoder\.(\d+)\.0\.weight"), numbers(r"decoder\.(\d+)\.0\.conv\.weight"))
    blocks = max(numbers(r"encoder\.(\d+)\.net\."), numbers(r"decoder\.(\d+)\.net\."))
    parts = [f"encoder.{number}.0" for number in range(layers)]
    parts += [f"encoder.{layers + number}.net.{part}" for number in range(blocks) for part in (0, 2, 4)]
    parts += [f"encoder.{layers + blocks}", "decoder.0"]
    parts += [f"decoder.{1 + number}.net.{part}" for number in range(blocks) for part in (0, 2, 4)]
    parts += [f"decoder.{1 + blocks + number}.0.conv" for number in range(layers)]
    parts += [f"decoder.{1 + blocks + layers}"]
    return [f"{part}.{kind}" for part in parts for kind in ("weight", "bias")]


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
            problem = problem_of_dvae(tensors, sizes.audio_tokens) if is_dvae else problem_of_mel_stats(tensors)
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


def _of_model(directory: WeightsDirectory, base: BaseFiles, values: bool, of_base: bool = False) -> str | None:
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
