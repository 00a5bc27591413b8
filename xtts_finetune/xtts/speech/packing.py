"""A model folder for use: weights without anything of training, and what stock XTTS wants beside them.

Stock's `Xtts.load_checkpoint(config, checkpoint_dir=folder)` loads such a folder with no key missing, and so does
`TTS(model_path=folder, config_path=folder/config.json)`; the voice is a speaker of the model, by its name.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from TTS.tts.configs.xtts_config import XttsConfig

from xtts_finetune.numbers.fixed import SAMPLE_RATE
from xtts_finetune.spec.utterances import InferenceSpec
from xtts_finetune.xtts.base import PREVIEW_NAME, BaseFiles, read_config
from xtts_finetune.xtts.speech.mel_inversion import Wave
from xtts_finetune.xtts.speech.voice import Voice
from xtts_finetune.xtts.state import StateDict

Weights = Literal["half", "full"]

MODEL, CONFIG, VOCABULARY, SPEAKERS, REFERENCE = (
    "model.pth",
    "config.json",
    "vocab.json",
    "speakers_xtts.pth",
    "reference.wav",
)
# What the preview vocoder needs, for a base without a trained HiFi-GAN: a network, or else the DVAE.
PREVIEW, PREVIEW_DVAE = Path("preview") / PREVIEW_NAME, Path("preview") / "dvae.pth"

_GAP_SECONDS = 0.2


def packed_weights(weights: StateDict, precision: Weights) -> StateDict:
    """The weights as they are written, on the CPU; a copy where anything changes.

    'half' is float16 for matrices alone, which are all but a thousandth of the whole: norms, biases and statistics
    stay float32, and so does a matrix with a number that float16 cannot hold.
    """
    return {name: _packed(weight.detach().cpu(), precision) for name, weight in weights.items()}


def _packed(weight: torch.Tensor, precision: Weights) -> torch.Tensor:
    if precision == "full" or not weight.is_floating_point() or weight.dim() < 2:
        return weight.contiguous()
    half = weight.to(torch.float16).contiguous()
    return half if bool(torch.isfinite(half).all()) else weight.contiguous()


def write_model(path: Path, weights: Mapping[str, torch.Tensor]) -> None:
    """Write model.pth in the form that XTTS's own has."""
    torch.save({"model": dict(weights)}, path)


def write_config(path: Path, base: BaseFiles, language: str, settings: InferenceSpec) -> None:
    """Write config.json: the base's, with the declared settings of inference as the model's defaults."""
    config: Any = XttsConfig()
    config.from_dict(read_config(base))
    config.check_values()
    for name in ("temperature", "top_k", "top_p", "repetition_penalty"):
        setattr(config, name, getattr(settings, name))
    if language not in config.languages:
        config.languages = [*config.languages, language]
    config.save_json(str(path))


def write_voices(path: Path, voices: Mapping[str, Voice]) -> None:
    """Write speakers_xtts.pth with these speakers, as XTTS v2's own has them: stock takes the values in this order."""
    speakers = {
        name: {
            "gpt_cond_latent": voice.latents.detach().float().cpu().clone(),
            "speaker_embedding": voice.embedding.detach().float().cpu().clone(),
        }
        for name, voice in voices.items()
    }
    torch.save(speakers, path)


def write_reference(path: Path, references: Sequence[Wave]) -> None:
    """Write the recordings, (samples,) at 22 050 Hz, as one: for those who clone the voice instead of naming it."""
    import soundfile  # noqa: PLC0415  heavy

    gap = np.zeros(round(_GAP_SECONDS * SAMPLE_RATE), dtype=np.float32)
    parts = [part for wave in references for part in (np.asarray(wave, dtype=np.float32), gap)][:-1]
    soundfile.write(str(path), np.concatenate(parts).clip(-1, 1), SAMPLE_RATE, subtype="PCM_16")


def copy_preview(folder: Path, base: BaseFiles) -> None:
    """Put into the model's folder what the preview vocoder makes sound with."""
    (folder / PREVIEW).parent.mkdir(exist_ok=True)
    if base.preview.is_file():
        shutil.copyfile(base.preview, folder / PREVIEW)
    else:
        shutil.copyfile(base.dvae, folder / PREVIEW_DVAE)
