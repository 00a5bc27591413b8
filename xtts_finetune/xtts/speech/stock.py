"""What stock code makes of a model folder: nothing here but Coqui's own loading and speaking."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from TTS.tts.configs.xtts_config import XttsConfig
from TTS.tts.models.xtts import Xtts

from xtts_finetune.spec.utterances import InferenceSpec
from xtts_finetune.xtts.speech.mel_inversion import Wave
from xtts_finetune.xtts.speech.quiet import without_hints
from xtts_finetune.xtts.speech.voice import Voice


@dataclass(frozen=True)
class StockSpeech:
    """What `Xtts.inference` gives without sampling.

    codes   (codes,) int64, with the stop token if there is one
    wave    (samples,) float32 at the model's output rate
    """

    codes: torch.Tensor
    wave: Wave


def load_stock(folder: Path, device: str = "cpu") -> Xtts:
    """The model of `folder`, loaded as Coqui's documentation says, with every key checked.

    Raises whatever Coqui's code raises for a folder that it cannot load: RuntimeError for keys that are missing.
    """
    config: Any = XttsConfig()
    config.load_json(str(folder / "config.json"))
    with without_hints():
        model = Xtts(config)
        model.load_checkpoint(config, checkpoint_dir=str(folder), eval=True, strict=True)
    moved: Xtts = model.to(device)
    return moved


def voice_in(model: Xtts, name: str) -> Voice:
    """The voice of this name that stock found in speakers_xtts.pth. Raises KeyError when there is none."""
    latents, embedding = model.speaker_manager.speakers[name].values()
    return Voice(latents.to(model.device), embedding.to(model.device))


def speak_greedily(
    model: Xtts, voice: Voice, text: str, language: str, settings: InferenceSpec
) -> StockSpeech:
    """`text` by `Xtts.inference`, always with the likeliest code, so that the same weights say the same."""
    said: list[torch.Tensor] = []
    generate = model.gpt.generate

    def overheard(**arguments: Any) -> torch.Tensor:
        said.append(generate(**arguments))
        return said[-1]

    model.gpt.generate = overheard  # inference tells its sound, not its codes
    try:
        with without_hints():
            spoken = model.inference(
                text,
                language,
                voice.latents,
                voice.embedding,
                do_sample=False,
                repetition_penalty=float(settings.repetition_penalty),
                speed=settings.speed,
            )
    finally:
        del model.gpt.generate
    return StockSpeech(said[0][0].cpu(), np.asarray(spoken["wav"], dtype=np.float32))
