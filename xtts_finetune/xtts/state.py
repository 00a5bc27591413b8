"""Weights on disk: read from any form that XTTS comes in, without ever running code from the file."""

from __future__ import annotations

import pickle
import zipfile
import zlib
from pathlib import Path
from typing import Any

import torch

from xtts_finetune.errors import UserError
from xtts_finetune.xtts.weights.containers import read_container
from xtts_finetune.xtts.weights.directory import read_directory
from xtts_finetune.xtts.weights.file_kind import not_a_file
from xtts_finetune.xtts.weights.names import coqui_names, flatten, under_coquis_names
from xtts_finetune.xtts.weights.pickle import attributes
from xtts_finetune.xtts.weights.stored_tensors import (
    DAMAGED_ZIP,
    SIZES,
    Container,
    NotRead,
    Storage,
    StoredTensor,
    chunks_of,
)

StateDict = dict[str, torch.Tensor]

# Under stock's names and this package's. It never trains, so a checkpoint lacks it where it is the base's.
HIFIGAN = ("hifigan_decoder.", "xtts.hifigan_decoder.")

# What torch.load raises for files that it does not read.
_OF_TORCH = (
    pickle.UnpicklingError,
    zipfile.BadZipFile,
    RuntimeError,
    EOFError,
    OSError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
)
# Quantised numbers as the plain ones that they are stored as.
_TYPES = {
    "qint8": torch.int8,
    "quint8": torch.uint8,
    "qint32": torch.int32,
    "quint4x2": torch.uint8,
    "quint2x4": torch.uint8,
}
_DEEPEST = 32  # dictionaries in dictionaries of a checkpoint; real ones have 5


def read_checkpoint(path: Path, checked: bool = False) -> dict[str, Any]:
    """A checkpoint as a dictionary with at least 'model', memory-mapped where the file allows it.

    Accepts what Coqui's Trainer and this package write, XTTS's published model.pth, a bare state dict, safetensors, and
    what other programs wrap these in (see `weights_names`). Only tensors and plain values come out. Where the file
    holds objects of other kinds torch refuses it; its tensors are then read without them, and no code of it runs. The
    sums that a zip file holds of its parts are compared first, unless `checked` says that the file's own sum was: torch
    passes over them, and a flipped bit would be trained on.

    Raises UserError with the reason if the file is not there, is damaged or holds no weights of an XTTS model.
    """
    content = read_content(path, checked)
    if isinstance(content, dict):
        model = content.get("model")
        if isinstance(model, dict) and any(isinstance(value, torch.Tensor) for value in model.values()):
            found = {str(name): value for name, value in model.items() if isinstance(value, torch.Tensor)}
            if _has_gpt(found):
                return content
        found = flatten(content, lambda value: isinstance(value, torch.Tensor))
        if _has_gpt(found):
            return {**_without_tensors(content), "model": found}
    read_directory(path)  # says what it holds instead
    raise UserError(f"{path}: this is not a checkpoint of XTTS: it has no weights of a GPT")


def read_content(path: Path, checked: bool = False) -> Any:
    """All that a file of weights holds: tensors and plain values in dictionaries and lists (see `read_checkpoint`).

    Raises UserError with the reason if it cannot be read.
    """
    if reason := not_a_file(path):
        raise UserError(f"{path}: {reason}")
    try:
        if not checked:
            _check_parts(path)
        with path.open("rb") as file:
            is_safetensors = file.read(9)[8:] == b"{"
        if is_safetensors:
            return _of_safetensors(path)
        if _is_packed(path):
            return _without_objects(read_container(path))
        return torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except UserError:
        raise
    except _OF_TORCH:
        # The old format, objects of other kinds, or damage: what it is, reading it ourselves tells.
        return _without_objects(read_container(path))


def model_weights(checkpoint: dict[str, Any]) -> StateDict:
    """The weights under the names of Coqui's `Xtts` ('gpt.', 'hifigan_decoder.', 'mel_stats')."""
    return under_coquis_names(checkpoint["model"])


def without_hifigan(weights: StateDict) -> StateDict:
    """All weights but the HiFi-GAN's."""
    return {key: value for key, value in weights.items() if not key.startswith(HIFIGAN)}


def hifigan_of(weights: StateDict) -> StateDict:
    """The HiFi-GAN's weights alone; empty where there are none."""
    return {key: value for key, value in weights.items() if key.startswith(HIFIGAN)}


def _has_gpt(names: Any) -> bool:
    return any(name.startswith("gpt.") for name in coqui_names(names))


def _without_tensors(content: dict[Any, Any]) -> dict[Any, Any]:
    """What a checkpoint holds besides tensors of its own."""
    return {key: value for key, value in content.items() if not isinstance(value, torch.Tensor)}


def _check_parts(path: Path) -> None:
    """Raise UserError when a part of a zip file does not have its sum; other files have none."""
    if not zipfile.is_zipfile(path):
        return
    try:
        with zipfile.ZipFile(path) as archive:
            damaged = archive.testzip()
    except (*DAMAGED_ZIP, zlib.error, OSError) as error:
        raise UserError(f"{path}: this file is damaged ({error}); copy or download it again") from None
    if damaged is not None:
        raise UserError(
            f"{path}: this file is damaged (its part {damaged} has another CRC-32); copy or download it again"
        )


def _is_packed(path: Path) -> bool:
    """Whether another program made the zip file smaller: torch would take the packed bytes for weights."""
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return any(part.compress_type != zipfile.ZIP_STORED for part in archive.infolist())


def _of_safetensors(path: Path) -> StateDict:
    from safetensors import SafetensorError  # noqa: PLC0415
    from safetensors.torch import load_file  # noqa: PLC0415

    read_container(path)  # says what is wrong in words, where something is
    try:
        weights: StateDict = load_file(path)
    except (SafetensorError, KeyError) as error:
        raise UserError(f"{path}: this safetensors file cannot be read ({error}); copy or download it again") from None
    return weights


def _without_objects(container: Container) -> Any:
    """A file's content with tensors in place of their entries, mapped into memory where they lie in it as they are."""
    size = container.path.stat().st_size
    mapped = torch.UntypedStorage.from_file(str(container.path), False, size)
    storages: dict[str, torch.UntypedStorage] = {}
    known: dict[int, Any] = {}  # what the file refers to twice is made once

    def storage_of(storage: Storage) -> torch.UntypedStorage:
        if storage.key not in storages:
            place = container.places.get(storage.key)
            if place is None or place.size < storage.bytes:
                raise UserError(f"{container.path}: this file is not whole; copy or download it again")
            if place.start is not None and place.start % SIZES[storage.dtype] == 0:
                storages[storage.key] = mapped[place.start : place.start + place.size]
            else:
                copy = bytearray(b"".join(chunks_of(container, place)))
                storages[storage.key] = torch.frombuffer(copy or bytearray(1), dtype=torch.uint8).untyped_storage()
        return storages[storage.key]

    def made(value: object, depth: int = 0) -> Any:
        if depth > _DEEPEST:
            raise UserError(f"{container.path}: its dictionaries are nested without an end; use another file")
        if id(value) not in known:
            known[id(value)] = new(value, depth)
        return known[id(value)]

    def new(value: object, depth: int) -> Any:
        if isinstance(value, StoredTensor):
            tensor = torch.empty(0, dtype=_TYPES.get(value.dtype) or getattr(torch, value.dtype))
            return tensor.set_(storage_of(value.storage), value.offset, value.shape, value.stride)
        opened = attributes(value)
        if isinstance(opened, dict):
            return {key: made(part, depth + 1) for key, part in opened.items()}
        if isinstance(opened, list | tuple):
            return [made(part, depth + 1) for part in opened]
        return opened

    try:
        return made(container.tree)
    except NotRead as error:
        raise UserError(f"{container.path}: {error}") from None
