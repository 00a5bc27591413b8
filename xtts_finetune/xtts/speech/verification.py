"""Whether a shipped model is the candidate: the same weights, the same voice, the same speech, by stock code alone."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from TTS.tts.configs.xtts_config import XttsConfig
from TTS.tts.models.xtts import Xtts

from xtts_finetune.spec.utterances import InferenceSpec
from xtts_finetune.xtts.speech.generation import Choice, scores_after, without_hints
from xtts_finetune.xtts.speech.mel_inversion import Wave
from xtts_finetune.xtts.speech.voice import Voice
from xtts_finetune.xtts.state import StateDict


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


def speak_greedily(model: Xtts, voice: Voice, text: str, language: str, settings: InferenceSpec) -> StockSpeech:
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


# Two codes of which the candidate itself holds one to be at least so likely as the other are equally likely: drawn
# a hundred times, as XTTS speaks, each comes as often as the other but for one time.
EQUALLY_LIKELY = 0.99
# Of the difference of two sounds to the sound, in dB. Rounding leaves about -60; a listener hears none below -30.
LOUDEST_DIFFERENCE = -30.0


@dataclass(frozen=True)
class Sentence:
    """What both are asked to say."""

    id: str
    text: str
    language: str


@dataclass(frozen=True)
class Compared:
    """One sentence, said greedily by both.

    codes          that the candidate said
    parts_at       the first code in which the shipped model differs, from 1; None where none does
    odds           how likely the candidate holds the shipped model's code there to be, over its own: 1.0 is equally
    difference_db  level of the difference of the two sounds to the candidate's; None where they are one, or part
    """

    sentence: str
    codes: int
    parts_at: int | None = None
    odds: float | None = None
    difference_db: float | None = None

    @property
    def same(self) -> bool:
        """Whether both say the same, code for code, in the same sound."""
        return self.parts_at is None and (self.difference_db or -math.inf) <= LOUDEST_DIFFERENCE

    @property
    def equally_likely(self) -> bool:
        """Whether both say the same, or part where either could be said."""
        return self.same or (self.parts_at is not None and (self.odds or 0.0) >= EQUALLY_LIKELY)

    def __str__(self) -> str:
        if self.parts_at is None:
            sound = "" if self.difference_db is None else f", with a difference of {self.difference_db:.0f} dB"
            return f"'{self.sentence}' has the same {self.codes} codes{sound}"
        odds = f"{self.odds:.1%}" if self.odds is not None else "not at all"
        return (
            f"'{self.sentence}' parts at code {self.parts_at} of {self.codes}, where the candidate holds the other "
            f"code to be {odds} as likely as its own"
        )


class Original:
    """The candidate: what it says, and how likely it holds each code to be."""

    def __init__(self, model: Xtts, voice: Voice, sentences: Sequence[Sentence], settings: InferenceSpec) -> None:
        self._model, self._voice, self._settings = model, voice, settings
        self.sentences = tuple(sentences)
        self.said = [self._speech(model, voice, sentence) for sentence in sentences]

    def compare(self, shipped: Xtts, name: str) -> list[Compared]:
        """Every sentence with what `shipped` says to it in the voice called `name`."""
        voice = voice_in(shipped, name)
        return [
            self._compared(sentence, said, self._speech(shipped, voice, sentence))
            for sentence, said in zip(self.sentences, self.said, strict=True)
        ]

    def _speech(self, model: Xtts, voice: Voice, sentence: Sentence) -> StockSpeech:
        return speak_greedily(model, voice, sentence.text, sentence.language, self._settings)

    def _compared(self, sentence: Sentence, said: StockSpeech, heard: StockSpeech) -> Compared:
        own, other = said.codes, heard.codes
        place = first_difference(own, other)
        if place is None:
            return Compared(sentence.id, len(own), difference_db=difference_db(said.wave, heard.wave))
        if place >= min(len(own), len(other)):  # one goes on where the other was cut off
            return Compared(sentence.id, len(own), place + 1)
        text = sentence.text.strip().lower()
        tokens: Any = self._model.tokenizer.encode(text, lang=sentence.language.split("-")[0])
        scores = scores_after(
            self._model.gpt,
            self._voice.latents,
            torch.tensor(tokens, dtype=torch.int32, device=self._model.device),
            own[:place],
            Choice(self._settings, sampling=False),
        )
        odds = math.exp(min(0.0, float(scores[other[place]] - scores[own[place]])))
        return Compared(sentence.id, len(own), place + 1, odds)


def first_difference(own: torch.Tensor, other: torch.Tensor) -> int | None:
    """Index of the first code in which two (codes,) differ, or the length of the shorter; None if they are equal."""
    if torch.equal(own, other):
        return None
    shared = min(len(own), len(other))
    differing = (own[:shared] != other[:shared]).nonzero()
    return int(differing[0]) if len(differing) else shared


def difference_db(own: Wave, other: Wave) -> float | None:
    """Power of the difference over that of the first, in dB, both (samples,); None where they are equal."""
    if len(own) != len(other):
        return math.inf
    power, difference = (float(np.mean(np.square(wave, dtype=np.float64))) for wave in (own, own - other))
    if difference == 0.0:
        return None
    return 10 * math.log10(difference / power) if power > 0.0 else math.inf


def wrong_weights(shipped: Xtts, written: StateDict) -> list[str]:
    """Names of the weights that stock code did not read as they were written."""
    found = shipped.state_dict()
    return [
        name
        for name, weight in written.items()
        if name not in found or not torch.equal(found[name].cpu(), weight.to(found[name].dtype))
    ]


def same_voice(shipped: Xtts, name: str, voice: Voice) -> bool:
    """Whether stock code found the voice of this name as it was written."""
    speakers: Mapping[str, Any] = shipped.speaker_manager.speakers
    if name not in speakers:
        return False
    found = voice_in(shipped, name)
    return torch.equal(found.latents, voice.latents) and torch.equal(found.embedding, voice.embedding)
