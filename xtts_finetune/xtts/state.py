"""Weights on disk: read from any form that XTTS comes in, without ever running code from the file."""

from __future__ import annotations

import pickle
import zipfile
import zlib
from pathlib import Path
from typing import Any

import torch
from TTS.tts.models.xtts import _legacy_safe_globals

from xtts_finetune.errors import UserError

StateDict = dict[str, torch.Tensor]

# Under stock's names and this package's. It never trains, so a checkpoint lacks it where it is the base's.
HIFIGAN = ("hifigan_decoder.", "xtts.hifigan_decoder.")

# Left out when weights are taken over: the DVAE and the mels of stock's trainer, and the second copy of
# the GPT that inference makes.
_NOT_OF_THE_MODEL = ("dvae.", "torch_mel_spectrogram_", "gpt.gpt_inference.", "gpt.gpt.wte.")


def read_checkpoint(path: Path, checked: bool = False) -> dict[str, Any]:
    """A checkpoint as a dictionary with at least 'model', memory-mapped where the file allows it.

    Accepts what Coqui's Trainer and this package write, XTTS's published model.pth and a bare state dict.
    Only tensors and plain values are read (`weights_only`), besides the configuration classes that the
    published model.pth holds; an object of any other kind in the file is refused. The sums that a zip file
    holds of its parts are compared first, unless `checked` says that the file's own sum was: torch passes
    over them, and a flipped bit would be trained on.

    Raises UserError if the file is not there, is damaged or is no checkpoint.
    """
    if not path.is_file():
        raise UserError(f"checkpoint: {'this is a folder' if path.is_dir() else 'there is no file'} {path}")
    if not checked:
        _check_parts(path)
    try:
        checkpoint = _load(path)
    except pickle.UnpicklingError as error:
        raise UserError(
            f"{path}: this is not a whole checkpoint, or it holds more than weights and plain values, which is "
            "never run; use another one"
        ) from error
    except (RuntimeError, EOFError, OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UserError(f"{path}: this is not a whole checkpoint ({reason}); use another one") from error
    if isinstance(checkpoint, dict) and isinstance(checkpoint.get("model"), dict):
        return checkpoint
    if (
        isinstance(checkpoint, dict)
        and checkpoint
        and all(isinstance(v, torch.Tensor) for v in checkpoint.values())
    ):
        return {"model": checkpoint}
    raise UserError(f"{path}: this is not a checkpoint of XTTS: it has no 'model' with weights")


def _check_parts(path: Path) -> None:
    """Raise UserError when a part of a zip file does not have its sum; other files have none."""
    if not zipfile.is_zipfile(path):
        return
    try:
        with zipfile.ZipFile(path) as archive:
            damaged = archive.testzip()
    except (
        zipfile.BadZipFile,
        zlib.error,
        OSError,
        EOFError,
        ValueError,
        NotImplementedError,
        RuntimeError,
    ) as error:
        raise UserError(f"{path}: this file is damaged ({error}); use another one") from None
    if damaged is not None:
        raise UserError(
            f"{path}: this file is damaged (its part {damaged!r} has another sum); use another one"
        )


def model_weights(checkpoint: dict[str, Any]) -> StateDict:
    """The weights under the names of Coqui's `Xtts` ('gpt.', 'hifigan_decoder.', 'mel_stats')."""
    weights = {key.removeprefix("xtts."): value for key, value in checkpoint["model"].items()}
    return {key: value for key, value in weights.items() if not key.startswith(_NOT_OF_THE_MODEL)}


def without_hifigan(weights: StateDict) -> StateDict:
    """All weights but the HiFi-GAN's."""
    return {key: value for key, value in weights.items() if not key.startswith(HIFIGAN)}


def hifigan_of(weights: StateDict) -> StateDict:
    """The HiFi-GAN's weights alone; empty where there are none."""
    return {key: value for key, value in weights.items() if key.startswith(HIFIGAN)}


def _load(path: Path) -> Any:
    try:
        return torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except pickle.UnpicklingError:
        with _legacy_safe_globals():  # the published model.pth holds its configuration as an object
            return torch.load(path, map_location="cpu", weights_only=True)
    except RuntimeError as error:
        if "mmap" not in str(error):
            raise
        return torch.load(path, map_location="cpu", weights_only=True)  # the old, unzipped format
