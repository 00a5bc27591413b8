"""What pretraining reads: every clip as text tokens and codes, and every voice as one long conditioning mel."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from corpus import Clip
from made_voices import SPEEDS, with_other_speeds
from mels import coded_mel, conditioning_mel
from TTS.tts.layers.xtts.dvae import DiscreteVAE
from TTS.tts.layers.xtts.tokenizer import VoiceBpeTokenizer

CODE_STRIDE = 1024
SILENCE_POWER = 1e-5
"""The floor of the mel before its logarithm: what zero padding of audio becomes."""


SPACE_TOKEN = 2
JOINED = 0.6
"""Share of the clips that are two sentences of one voice, one after the other. It makes of a small corpus a large one
and teaches that a sentence may follow a full stop."""

SPELLINGS, BROKEN = 3, 0.25
"""Of every text, and the share of merges that all but the first leave out (BPE dropout, Provilkov et al. 2020): so
pieces of words are learned too, from which other words are spelled."""
SPELLED_PLAINLY = 0.65

TAKES = 6
"""Of every clip at every speed. So small a model memorises one within ten epochs, and three within twenty."""


@dataclass(frozen=True)
class Take:
    codes: torch.Tensor
    """(codes,) int64; one for every 1,024 samples begun."""
    samples: int


@dataclass(frozen=True)
class Example:
    voice: str
    spellings: tuple[torch.Tensor, ...]
    """Text tokens, each (tokens,) int32: as the tokenizer writes it, then with words broken into smaller pieces."""
    takes: tuple[Take, ...]
    """The same clip, begun at several places of a code's 46 ms: other codes for the same sound."""

    @property
    def samples(self) -> int:
        """Length of the clip as it was spoken, which orders the clips."""
        return self.takes[0].samples


@dataclass(frozen=True)
class Pretraining:
    examples: list[Example]
    voices: dict[str, torch.Tensor]
    """Per voice all its clips' conditioning mels end to end, (80, frames) float16."""
    mel_stats: torch.Tensor

    def split(self, held_out: int) -> tuple[Pretraining, Pretraining]:
        """All but `held_out` clips with all their speeds, and these, drawn by a fixed seed."""
        speeds = 1 + len(SPEEDS)
        order = np.random.default_rng(0).permutation(len(self.examples) // speeds)
        parts = (
            [example for index in sorted(part) for example in self.examples[speeds * index : speeds * (index + 1)]]
            for part in (order[held_out:], order[:held_out])
        )
        return tuple(replace(self, examples=part) for part in parts)  # type: ignore[return-value]


@torch.no_grad()
def prepare(clips: Iterable[Clip], dvae: DiscreteVAE, mel_stats: Path, vocabulary: Path) -> Pretraining:
    """Codes of all `clips` at all speeds (each coded alone) and their conditioning mels."""
    tokenizer = VoiceBpeTokenizer(str(vocabulary))
    to_code, to_condition = coded_mel(mel_stats), conditioning_mel(mel_stats)
    examples: list[Example] = []
    streams: dict[str, list[torch.Tensor]] = defaultdict(list)
    rng = np.random.default_rng(1)
    for clip in with_other_speeds(clips):
        audio = torch.from_numpy(clip.audio)[None]
        spellings = tuple(_spelled(tokenizer, clip.text, BROKEN if number else None) for number in range(SPELLINGS))
        delays = [0, *rng.integers(1, CODE_STRIDE, TAKES - 1)]
        takes = tuple(_take(F.pad(audio, (int(delay), 0)), dvae, to_code) for delay in delays)
        examples.append(Example(clip.voice, spellings, takes))
        streams[clip.voice].append(to_condition(audio)[0].half())
    voices = {name: torch.cat(pieces, dim=1) for name, pieces in streams.items()}
    return Pretraining(examples, voices, torch.load(mel_stats, weights_only=True))


def _spelled(tokenizer: VoiceBpeTokenizer, text: str, dropout: float | None) -> torch.Tensor:
    tokenizer.tokenizer.model.dropout = dropout
    return torch.tensor(tokenizer.encode(text, "en"), dtype=torch.int32)


def _take(audio: torch.Tensor, dvae: DiscreteVAE, to_code: torch.nn.Module) -> Take:
    codes = dvae.get_codebook_indices(to_code(audio))[0]
    return Take(codes[: -(-audio.shape[1] // CODE_STRIDE)], audio.shape[1])


@dataclass(frozen=True)
class Batch:
    text: torch.Tensor
    text_lengths: torch.Tensor
    codes: torch.Tensor
    samples: torch.Tensor
    """(clips,) audio samples in each clip: GPT.forward computes the code lengths from it."""
    conditioning: torch.Tensor
    """(groups, 1, 80, frames): one for each run of clips // groups clips of one voice."""

    def with_conditioning(self, conditioning: torch.Tensor) -> Batch:
        return replace(self, conditioning=conditioning)


class Batches:
    """Batches as a function of the step: groups of clips of one voice, all of about one length.

    A group shares one conditioning mel, of other speech of its voice (so that content cannot leak from it), which
    spares most of the cost of the conditioning encoder. Two batches of three condition on an unpadded stretch, as
    inference does, the third on a stretch padded with silence to `padded_frames`, as training on clips does.
    """

    def __init__(self, data: Pretraining, clips: int, groups: int, padded_frames: int, seed: int) -> None:
        self.data, self.groups, self.clips_a_group = data, groups, clips // groups
        self.padded_frames, self.seed = padded_frames, seed
        self.by_length: dict[str, list[Example]] = defaultdict(list)
        for example in sorted(data.examples, key=lambda example: example.samples):
            self.by_length[example.voice].append(example)
        self.names = sorted(self.by_length)
        self.floor = np.log(SILENCE_POWER) / data.mel_stats[:, None]

    def at(self, step: int, longest_s: float) -> Batch:
        """The batch of `step`; no clip in it is longer than `longest_s`."""
        rng = np.random.default_rng((self.seed, step))
        place = rng.random()
        frames = int(rng.integers(40, self.padded_frames))
        padded = rng.random() < 1 / 3
        voices = rng.choice(self.names, self.groups, replace=self.groups > len(self.names))
        chosen = [example for voice in voices for example in self._group(voice, place, longest_s, rng)]
        spoken = [self._maybe_joined(example, longest_s, rng) for example in chosen]
        conditioning = torch.stack([self._conditioning(voice, frames, padded, rng) for voice in voices])
        return Batch(
            text=_stack([tokens for tokens, _ in spoken]),
            text_lengths=torch.tensor([len(tokens) for tokens, _ in spoken]),
            codes=_stack([take.codes for _, take in spoken]),
            samples=torch.tensor([take.samples for _, take in spoken]),
            conditioning=conditioning[:, None],
        )

    def _maybe_joined(self, first: Example, longest_s: float, rng: np.random.Generator) -> tuple[torch.Tensor, Take]:
        """Text tokens and a take of the clip; often with another clip of its voice after it."""
        take = first.takes[rng.integers(len(first.takes))]
        second = self.by_length[first.voice][rng.integers(len(self.by_length[first.voice]))]
        too_long = first.samples + second.samples > longest_s * 22_050
        if rng.random() > JOINED or too_long:
            return self._spelling(first, rng), take
        other = second.takes[rng.integers(len(second.takes))]
        space = torch.tensor([SPACE_TOKEN], dtype=torch.int32)
        after = self._spelling(second, rng)[1:]  # without its language token
        tokens = torch.cat([self._spelling(first, rng), space, after])
        codes = torch.cat([take.codes, other.codes])
        return tokens, Take(codes, CODE_STRIDE * len(codes))

    def _spelling(self, example: Example, rng: np.random.Generator) -> torch.Tensor:
        plain = rng.random() < SPELLED_PLAINLY
        return example.spellings[0 if plain else rng.integers(1, SPELLINGS)]

    def _group(self, voice: str, place: float, longest_s: float, rng: np.random.Generator) -> list[Example]:
        """Clips of `voice` around one place of its order of lengths."""
        examples = self.by_length[voice]
        end = next((n for n, e in enumerate(examples) if e.samples > longest_s * 22_050), len(examples))
        end = max(end, min(self.clips_a_group, len(examples)))  # a voice may have none so short
        window = 6 * self.clips_a_group
        first = int(place * max(end - window, 1))
        there = min(window, end - first)
        return [examples[first + i] for i in rng.choice(there, self.clips_a_group, replace=there < self.clips_a_group)]

    def _conditioning(self, voice: str, frames: int, padded: bool, rng: np.random.Generator) -> torch.Tensor:
        stream = self.data.voices[voice]
        start = int(rng.integers(stream.shape[1] - frames))
        mel = stream[:, start : start + frames].float()
        if not padded:
            return mel
        return torch.cat([mel, self.floor.expand(-1, self.padded_frames - frames)], dim=1)


def _stack(sequences: list[torch.Tensor]) -> torch.Tensor:
    """Padded with zeros, which GPT.forward masks by the lengths it is given."""
    return torch.nn.utils.rnn.pad_sequence(sequences, batch_first=True)
