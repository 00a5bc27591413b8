"""A tiny model with random weights and two voices: what it says is noise, as long as it may be."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from testbed.random_base import BaseSize, make_random_base
from xtts_finetune.evaluation.checking import Checked
from xtts_finetune.speaking.speaking_models import SpeakingModel
from xtts_finetune.spec.utterances import InferenceSpec
from xtts_finetune.xtts.base import BaseFiles

RATE = 22_050


def tiny_model(folder: Path, most_codes: int = 10) -> SpeakingModel:
    """The model, its base in `folder`; each piece of text has `most_codes` codes of 46 ms at most."""
    from xtts_finetune.xtts.encoder import load_mel_stats
    from xtts_finetune.xtts.model import load_model
    from xtts_finetune.xtts.speech.speech import Speaker
    from xtts_finetune.xtts.speech.vocoder import make_preview
    from xtts_finetune.xtts.speech.voice import voice_of

    base: BaseFiles = make_random_base(folder, BaseSize(max_audio_tokens=most_codes + 3))

    noise = np.random.default_rng(1).normal(0, 0.1, 3 * RATE).astype(np.float32)

    def another(speaker: Speaker, voice: str) -> Speaker:
        """Random weights say the same whatever voice they hear, so the vocoder makes it sound otherwise."""
        own, stats = voice_of(speaker.model, [noise]).latents, 1.2 * load_mel_stats(base.mel_stats)
        return speaker.in_voice(own, make_preview(base.preview, base.dvae, stats, own))

    return SpeakingModel(
        name="tiny",
        language="en",
        judged=InferenceSpec().model_dump(mode="json"),
        vocab=base.vocab,
        load=lambda device: Speaker.with_references(base, load_model(base), "preview", [noise]),
        identity="tiny",
        voices=("anna", "anna-question"),
        another=another,
        check=lambda speed, say: sound_as_it_is,
    )


def sound_as_it_is(*_: object) -> Checked:
    """Nothing is wrong with it."""
    return Checked(())
