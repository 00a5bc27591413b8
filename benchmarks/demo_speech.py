"""How well a run's candidates speak: measured on their utterances, with the recordings beside them.

    python -m benchmarks.demo_speech run/demo            prints a table, writes run/demo/speech.json
    python -m benchmarks.demo_speech run/demo --base samples/demo/base      and what the base's codec leaves of the
                                                                            recordings: no candidate can do better

Wants, beyond the package: `pip install pocketsphinx` and `pip install --no-deps resemblyzer` (its own
webrtcvad needs a compiler and is not used here). English only, because pocketsphinx is. Read the gates first: silence
and noise score plausibly on speaker similarity.
"""

from __future__ import annotations

import argparse
import importlib
import json
import re
import sys
import types
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean

import numpy as np
import soundfile
import torch
from numpy.typing import NDArray
from pocketsphinx import Decoder

from benchmarks.acoustics import RATE, flatness, longest_pause_s, voiced_share
from xtts_finetune.evaluation.instruments.characters import character_error_rate
from xtts_finetune.fixed import SAMPLE_RATE
from xtts_finetune.packages import librosa_loaded
from xtts_finetune.xtts.base import find_base
from xtts_finetune.xtts.encoder import AudioEncoder, load_dvae, load_mel_stats
from xtts_finetune.xtts.speech.vocoder import CodesPreview, Generated

ORDINARY = re.compile(r"[A-Z][a-z]*( [A-Za-z]+){4,10}\.( [A-Z][a-z]*( [A-Za-z]+){4,10}\.)?")
"""What is counted for the error rate: one or two sentences of 5 to 11 words, without digits, quotes or questions."""
RECORDINGS = 12
"""As many recordings are measured as a candidate has utterances in the demo."""


@dataclass(frozen=True)
class Spoken:
    audio: NDArray[np.float32]
    """(samples,) at 16 kHz."""
    text: str


@dataclass(frozen=True)
class Measures:
    """Means over the clips of one speaker, but for the pause, which is the longest of all."""

    clips: int
    voiced_share: float
    """Of the frames that are not silent: those YIN finds periodic. Speech 0.5 to 0.9, noise near 0."""
    flatness: float
    """Spectral flatness of the frames that are not silent: 1 white noise, speech below 0.1."""
    duration_ratio: float
    """Duration over what the text takes at the recordings' pace."""
    worst_duration_ratio: float
    longest_pause_s: float
    clipped_share: float
    similarity: float
    """Cosine of speaker embeddings with the recordings' mean; for recordings, with the mean of the others."""
    character_error_rate: float
    """Of pocketsphinx on ordinary sentences, against the text."""
    sentences_heard: int


@dataclass(frozen=True)
class Pace:
    """The recordings' durations as a line over the number of characters: a clip has ends that no character pays for."""

    characters_a_second: float
    ends_s: float

    @classmethod
    def of(cls, recordings: list[Spoken]) -> Pace:
        seconds = [len(clip.audio) / RATE for clip in recordings]
        slope, offset = np.polyfit([len(clip.text) for clip in recordings], seconds, 1)
        return cls(float(1 / slope), max(float(offset), 0.0))

    def ratio(self, clip: Spoken) -> float:
        """Duration over expected duration."""
        return len(clip.audio) / RATE / (self.ends_s + len(clip.text) / self.characters_a_second)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, help="folder of a run, such as run/demo")
    parser.add_argument("--candidates", nargs="*", help="default: every folder with utterances")
    parser.add_argument("--base", type=Path, help="a base's folder, whose codec then speaks the recordings")
    parser.add_argument("--json", type=Path, help="default: speech.json in the run's folder")
    args = parser.parse_args()
    torch.set_num_threads(1)

    found = sorted(path.parent.parent.name for path in args.run.glob("*/utterances/utterances.json"))
    recordings = read_recordings(args.run / "clips.jsonl")
    pace = Pace.of(recordings)
    judge = Judge(pace, recordings)
    measures = {name: judge.measure(read_utterances(args.run / name)) for name in args.candidates or found}
    if args.base:
        measures["codec"] = judge.measure(through_codec(recordings[:RECORDINGS], args.base))
    measures["recordings"] = judge.measure(recordings[:RECORDINGS])
    target = args.json or args.run / "speech.json"
    report = {
        "characters_a_second": pace.characters_a_second,
        **{name: asdict(values) for name, values in measures.items()},
    }
    target.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    print_table(measures)


def read_utterances(candidate: Path) -> list[Spoken]:
    folder = candidate / "utterances"
    listed = json.loads((folder / "utterances.json").read_text(encoding="utf-8"))["utterances"]
    return [Spoken(_read(folder / entry["file"]), entry["text"]) for entry in listed]


def read_recordings(clips: Path) -> list[Spoken]:
    """All recordings, the ordinary sentences first."""
    entries = [json.loads(line) for line in clips.read_text(encoding="utf-8").splitlines()]
    entries.sort(key=lambda entry: ORDINARY.fullmatch(entry["text"]) is None)
    return [Spoken(_read(clips.parent / entry["audio"]), entry["text"]) for entry in entries]


def through_codec(recordings: list[Spoken], base: Path) -> list[Spoken]:
    """The recordings as codes and back, by the preview vocoder."""
    files = find_base(str(base))
    encoder = AudioEncoder(files)
    vocoder = CodesPreview(load_dvae(files.dvae), load_mel_stats(files.mel_stats))
    spoken = []
    for clip in recordings:
        wave = librosa_loaded().resample(clip.audio, orig_sr=RATE, target_sr=SAMPLE_RATE)
        codes = torch.from_numpy(encoder.codes(wave).astype(np.int64))
        heard = vocoder.wave(Generated(codes, latents=torch.Tensor))
        spoken.append(Spoken(librosa_loaded().resample(heard, orig_sr=SAMPLE_RATE, target_sr=RATE), clip.text))
    return spoken


def _read(path: Path) -> NDArray[np.float32]:
    audio, rate = soundfile.read(path, dtype="float32")
    mono = audio if audio.ndim == 1 else audio.mean(axis=1)
    return librosa_loaded().resample(mono, orig_sr=rate, target_sr=RATE).astype(np.float32)


class Judge:
    """Holds what all candidates are measured against: pace and embeddings of the recordings."""

    def __init__(self, pace: Pace, recordings: list[Spoken]) -> None:
        self.pace = pace
        self.encoder = _speaker_encoder()
        self.recorded = {id(clip.audio): self._embed(clip.audio) for clip in recordings}
        self.decoder = Decoder(samprate=RATE, loglevel="FATAL")

    def measure(self, clips: list[Spoken]) -> Measures:
        ratios = [self.pace.ratio(clip) for clip in clips]
        ordinary = [clip for clip in clips if ORDINARY.fullmatch(clip.text)][:6]
        return Measures(
            clips=len(clips),
            voiced_share=fmean(voiced_share(clip.audio) for clip in clips),
            flatness=fmean(flatness(clip.audio) for clip in clips),
            duration_ratio=fmean(ratios),
            worst_duration_ratio=max(ratios, key=lambda ratio: abs(np.log(max(ratio, 1e-3)))),
            longest_pause_s=max(longest_pause_s(clip.audio) for clip in clips),
            clipped_share=fmean(float((np.abs(clip.audio) > 0.999).mean()) for clip in clips),
            similarity=fmean(self._similarity(clip.audio) for clip in clips),
            character_error_rate=fmean(self._error_rate(clip) for clip in ordinary) if ordinary else float("nan"),
            sentences_heard=len(ordinary),
        )

    def _embed(self, audio: NDArray[np.float32]) -> NDArray[np.float32]:
        loudness = 0.03 / max(float(np.sqrt((audio**2).mean())), 1e-6)
        embedding: NDArray[np.float32] = self.encoder.embed_utterance(audio * loudness)
        return embedding

    def _similarity(self, audio: NDArray[np.float32]) -> float:
        mean = np.mean([value for key, value in self.recorded.items() if key != id(audio)], axis=0)
        own = self.recorded[id(audio)] if id(audio) in self.recorded else self._embed(audio)
        return float(own @ mean / np.linalg.norm(own) / np.linalg.norm(mean))

    def _error_rate(self, clip: Spoken) -> float:
        self.decoder.start_utt()
        self.decoder.process_raw((np.clip(clip.audio, -1, 1) * 32767).astype(np.int16).tobytes(), full_utt=True)
        self.decoder.end_utt()
        heard = self.decoder.hyp()
        return character_error_rate(clip.text, heard.hypstr if heard else "") or 0.0


def _speaker_encoder() -> types.SimpleNamespace:
    """resemblyzer's, without the voice activity detector that its audio module imports and this does not use."""
    sys.modules.setdefault("webrtcvad", types.ModuleType("webrtcvad"))
    encoder: types.SimpleNamespace = importlib.import_module("resemblyzer").VoiceEncoder("cpu", verbose=False)
    return encoder


def print_table(measures: dict[str, Measures]) -> None:
    names = list(measures)
    print(f"{'':24}" + "".join(f"{name:>12}" for name in names))
    rows: Iterable[str] = asdict(measures[names[0]])
    for row in rows:
        print(f"{row:24}" + "".join(f"{getattr(measures[name], row):12.3f}" for name in names))


if __name__ == "__main__":
    main()
