"""How much disk a plan needs, before anything is written: from a base's config.json, how large what trains is."""

from __future__ import annotations

import contextlib
import shutil
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from xtts_finetune.errors import UserError
from xtts_finetune.numbers.fixed import V2_SIZES
from xtts_finetune.records.run_folder import CandidateFolder
from xtts_finetune.spec.phase import Keep, PhaseSpec
from xtts_finetune.spec.sources import KeptStep
from xtts_finetune.spec.train import Train, TrainLora
from xtts_finetune.xtts.weights.safetensors import of_safetensors
from xtts_finetune.xtts.weights.stored_tensors import DAMAGED_ZIP, NotRead

# The HiFi-GAN with its speaker encoder: 26 M weights in fp32. A model file has one, a checkpoint none.
HIFIGAN_BYTES = 100_000_000

# Rows and columns of a block's linear layers together, and their weights, in widths of the model.
_SIDES = {"attention": (1 + 3) + (1 + 1), "mlp": (1 + 4) + (4 + 1)}
_WEIGHTS = {"attention": 3 + 1, "mlp": 4 + 4}


@dataclass(frozen=True)
class TrainedSizes:
    """Bytes in fp32.

    model     a model file: the GPT and the HiFi-GAN
    trained   what has gradients and moments
    extra     what a checkpoint holds beside the GPT and moments: adapters, and the weights that they add to
    halved    whether moments are kept in 16 bit
    """

    model: int
    trained: int
    extra: int = 0
    halved: bool = False

    @property
    def gpt(self) -> int:
        """What a model file holds besides the HiFi-GAN."""
        return max(0, self.model - HIFIGAN_BYTES)

    @property
    def checkpoint(self) -> int:
        """About the size of a checkpoint that resumes: the GPT, Adam's two moments of what trains, and the rest."""
        return self.gpt + self.moments + self.extra

    @property
    def moments(self) -> int:
        """Adam's two moments of what trains."""
        return self.trained if self.halved else 2 * self.trained


def sizes_of(model_bytes: int, config: Mapping[str, Any], phase: PhaseSpec) -> TrainedSizes:
    """The sizes for a phase; `model_bytes` is a model file in fp32, `config` the base's config.json.

    Raises UserError for a size in it that is none.
    """
    return replace(trained_sizes(model_bytes, config, phase.train), halved=phase.optimizer_moments == "bf16")


def trained_sizes(model_bytes: int, config: Mapping[str, Any], train: Train) -> TrainedSizes:
    """The sizes for `train`, with moments in fp32."""
    gpt = max(0, model_bytes - HIFIGAN_BYTES)
    if train == "all":
        return TrainedSizes(model_bytes, gpt)
    layers, width, _ = gpt_sizes(config)
    if isinstance(train, TrainLora):
        targets = set(train.lora.targets)
        adapters = 4 * layers * train.lora.rank * width * sum(_SIDES[target] for target in targets)
        held = 4 * layers * width**2 * sum(_WEIGHTS[target] for target in targets)
        return TrainedSizes(model_bytes, adapters, adapters + min(held, gpt))
    parts = _parts(config, gpt)
    return TrainedSizes(model_bytes, min(gpt, sum(parts[part] for part in set(train))))


def gpt_sizes(config: Mapping[str, Any]) -> tuple[int, int, int]:
    """Layers, width and heads of the GPT, from a base's config.json or as XTTS v2 has them.

    Raises UserError for a size that is none.
    """
    return (
        _size(config, "gpt_layers"),
        _size(config, "gpt_n_model_channels"),
        _size(config, "gpt_n_heads"),
    )


def _parts(config: Mapping[str, Any], gpt: int) -> dict[str, int]:
    """Bytes of each part of a GPT of so many bytes."""
    layers, width, _ = gpt_sizes(config)
    tokens = _size(config, "gpt_number_text_tokens") + _size(config, "gpt_num_audio_tokens")
    positions = _size(config, "gpt_max_text_tokens") + _size(config, "gpt_max_audio_tokens")
    parts = {
        "gpt": 4 * layers * (12 * width**2 + 13 * width),
        "heads": 4 * tokens * (width + 1),
        "embeddings": 4 * (tokens + positions) * width,
    }
    return {**parts, "conditioning": max(0, gpt - sum(parts.values()))}


def _size(config: Mapping[str, Any], name: str) -> int:
    size = config["model_args"].get(name) or V2_SIZES[name]
    if not isinstance(size, int) or size < 1:
        raise UserError(
            f"the base's config.json: model_args.{name}: expected a positive number but got {size!r}; "
            "fetch the base again"
        )
    return size


@dataclass(frozen=True)
class DiskUse:
    """What a stage does to the disk, in bytes.

    stays     what it leaves
    writing   what it needs beside that for a moment: an old file stays until the new one is whole
    written   what goes to the disk in all, each time a file is written anew; None while steps are not counted
    there     what is on the disk already and is part of `stays`, or is cleared away before
    """

    stays: int = 0
    writing: int = 0
    written: int | None = 0
    there: int = 0


@dataclass(frozen=True)
class PlannedDisk:
    """What a whole plan does to the disk, in bytes.

    `stays` and `peak` count what comes in addition to what is there; `written` is at least so much where the
    steps of a phase are not counted yet, and then not `exact`.
    """

    written: int = 0
    stays: int = 0
    peak: int = 0
    free: int = 0
    exact: bool = True

    @property
    def fits(self) -> bool:
        """Whether there is room for the peak."""
        return self.peak <= self.free


def planned_disk(stages: Iterable[DiskUse], free: int) -> PlannedDisk:
    """What the stages do to the disk one after another."""
    written = stays = peak = 0
    exact = True
    for stage in stages:
        peak = max(peak, stays - stage.there + stage.stays + stage.writing)
        stays += stage.stays - stage.there
        written += stage.written or 0
        exact = exact and stage.written is not None
    return PlannedDisk(written, max(0, stays), peak, free, exact)


def weights_bytes(model: Path) -> int:
    """About the size of a model file of this base as phases write it: all weights, in fp32, in bytes."""
    tensors, table = _safetensors(model), _table_of_contents(model)
    size = 4 * sum(tensors.values()) or model.stat().st_size
    if b"HalfStorage" in table or b"BFloat16Storage" in table:
        size *= 2
    return size if has_hifigan(model) else size + HIFIGAN_BYTES


def has_hifigan(model: Path) -> bool:
    """Whether a model file holds a HiFi-GAN; one whose content cannot be told is taken to."""
    tensors, table = _safetensors(model), _table_of_contents(model)
    if tensors:
        return any("hifigan_decoder" in name for name in tensors)
    return not table or b"hifigan_decoder" in table


def phase_bytes(sizes: TrainedSizes, kept: Sequence[KeptStep], keep: Keep) -> int:
    """About what a finished phase leaves: best models, newest checkpoints, and those kept for later phases."""
    for_others = sum(sizes.checkpoint if step.with_optimizer else sizes.gpt for step in kept)
    return keep.best * sizes.model + keep.checkpoints * sizes.checkpoint + for_others


def phase_disk(
    sizes: TrainedSizes,
    phase: PhaseSpec,
    kept: Sequence[KeptStep],
    steps: int | None,
    there: int = 0,
    begun: int = 0,
) -> DiskUse:
    """What a phase of `steps` steps does to the disk, of which `begun` are done.

    A phase that trains all of XTTS v2 stays within one best model (1.87 GB), one checkpoint that resumes (5.3 GB) and
    one that is being written. Written in all is as if every evaluation found a new best model and checkpoints came by
    steps alone: a slow machine writes some more of them, `checkpoint_every.minutes` apart.
    """
    stays = phase_bytes(sizes, kept, phase.keep)
    written = None
    if steps is not None:
        left, to_come = max(0, steps - begun), [each for each in kept if each.step > begun]
        saves = -(-left // phase.checkpoint_every.steps)
        saves += sum(1 for each in to_come if each.step % phase.checkpoint_every.steps and each.step < steps)
        slimmed = sum(1 for each in to_come if not each.with_optimizer)
        evaluations = 1 + -(-left // phase.eval_every_steps)
        written = saves * sizes.checkpoint + slimmed * sizes.gpt + evaluations * sizes.model
    # Of parts of a model, or of adapters, a checkpoint may be smaller than a model.
    return DiskUse(stays, max(sizes.checkpoint, sizes.model), written, min(there, stays))


def part_of_it(folder: CandidateFolder, sizes: TrainedSizes, kept: Sequence[KeptStep], keep: Keep) -> int:
    """Bytes of what is there of a phase and is part of what it will leave.

    Models and checkpoints apart: what a kill has left too many of the one is no part of the other.
    """
    checkpoints = files_bytes(folder, checkpoints_only=True)
    models = keep.best * sizes.model
    return min(files_bytes(folder) - checkpoints, models) + min(checkpoints, phase_bytes(sizes, kept, keep) - models)


def files_bytes(folder: CandidateFolder, checkpoints_only: bool = False) -> int:
    """What the models and checkpoints of a folder take up; two names of one file count once."""
    sizes = {}
    for file in (path for _, path in folder.checkpoint_files()) if checkpoints_only else folder.models():
        with contextlib.suppress(FileNotFoundError):  # a phase that is training has just removed it
            found = file.stat()
            sizes[found.st_dev, found.st_ino] = found.st_size
    return sum(sizes.values())


def free_bytes(folder: Path) -> int:
    """Free space where `folder` is or will be."""
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free


def _safetensors(model: Path) -> dict[str, int]:
    """The tensors of a safetensors file and how many values each has; nothing for another kind of file."""
    with contextlib.suppress(OSError, NotRead), model.open("rb") as file:
        if file.read(9)[8:] == b"{":
            tree = of_safetensors(model, file).tree
            if isinstance(tree, dict):
                return {name: tensor.numel for name, tensor in tree.items()}
    return {}


def _table_of_contents(model: Path) -> bytes:
    """What a torch file says of its tensors, their names and types among it; nothing for another kind of file."""
    try:
        with zipfile.ZipFile(model) as archive:
            name = next(name for name in archive.namelist() if name.endswith("data.pkl"))
            return archive.read(name)
    except (OSError, StopIteration, *DAMAGED_ZIP):
        return b""
