"""A voice as XTTS knows it: what the GPT begins with and what the HiFi-GAN is told, both from recordings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from TTS.tts.models.xtts import Xtts

from xtts_finetune.errors import UserError
from xtts_finetune.numbers.fixed import SAMPLE_RATE
from xtts_finetune.xtts.speech.mel_inversion import Wave


@dataclass(frozen=True)
class Voice:
    """What `Xtts.get_conditioning_latents` gives.

    latents     (1, latents, model width), the beginning of everything that the GPT says
    embedding   (1, 512, 1), the speaker as the HiFi-GAN is told
    """

    latents: torch.Tensor
    embedding: torch.Tensor


def voice_of(model: Xtts, references: Sequence[Wave]) -> Voice:
    """The voice of recordings, (samples,) each at 22 050 Hz.

    Raises UserError if there is none, or if all together are too short.
    """
    prepared = as_xtts_wants(references, model)
    return Voice(conditioning_latents(model, prepared), speaker_embedding(model, prepared))


def as_xtts_wants(references: Sequence[Wave], model: Xtts) -> list[torch.Tensor]:
    """(1, samples) of each, cut and levelled as config.json says (`Xtts.get_conditioning_latents`)."""
    config = model.config
    prepared = []
    for wave in references:
        samples = np.array(wave[: SAMPLE_RATE * config.max_ref_len], dtype=np.float32)
        audio = torch.from_numpy(samples)[None].clip(-1, 1)
        if config.sound_norm_refs:
            audio = audio / audio.abs().max().clamp(min=1e-6) * 0.75
        prepared.append(audio.to(model.device))
    return prepared


def conditioning_latents(model: Xtts, prepared: Sequence[torch.Tensor]) -> torch.Tensor:
    """(1, latents, model width) from all references one after the other. Raises UserError as `voice_of`."""
    if not prepared:
        raise UserError("utterances: no reference recording of the voice was given; name at least one")
    config = model.config
    try:
        latents: torch.Tensor = model.get_gpt_cond_latents(
            torch.cat(list(prepared), dim=-1),
            SAMPLE_RATE,
            length=config.gpt_cond_len,
            chunk_length=config.gpt_cond_chunk_len,
        )
    except RuntimeError as error:
        if "too short" not in str(error):
            raise
        raise UserError(f"utterances: {error} Name a longer recording under 'reference:'.") from None
    return latents


def speaker_embedding(model: Xtts, prepared: Sequence[torch.Tensor]) -> torch.Tensor:
    """(1, 512, 1): the mean over the references."""
    embeddings = [model.get_speaker_embedding(reference, SAMPLE_RATE) for reference in prepared]
    return torch.stack(embeddings).mean(dim=0)
