"""Whose voice it is: embeddings of speakers, compared with those of the voice's own recordings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from xtts_finetune.evaluation.instruments.frames import HOP_SECONDS, Wave, frames_of
from xtts_finetune.evaluation.instruments.instrument import Instrument, Shown, Take
from xtts_finetune.evaluation.instruments.panel import NotMeasured, installed_file
from xtts_finetune.machine.packages import librosa_loaded
from xtts_finetune.records.heard.scores import Reading, UtteranceScores

Embedding = npt.NDArray[np.float32]

INSTALL = "pip install --no-deps resemblyzer"
# resemblyzer's own settings (its hparams.py): what its weights were trained on.
SAMPLE_RATE = 16_000
FRAME, HOP, MEL_BANDS = 400, 160, 40
HIDDEN, LAYERS, SIZE = 256, 3, 256
WINDOW_FRAMES, STEP_FRAMES = 160, 77
LEAST_COVERAGE = 0.75
LEVEL_DBFS = -30.0
# A window of 1.6 s; less speech leaves it half empty, and the embedding says more of that than of the voice.
WINDOW_SECONDS = 1.6
# Pauses up to this long stay, as resemblyzer keeps them.
KEPT_PAUSE_SECONDS = 0.18
# Of the recordings' own similarity. Strangers have 0.5 to 0.75; a demo model of a few million weights 0.8 to 0.95.
LEAST = 0.75


class SpeakerEncoder:
    """The GE2E encoder (Wan et al. 2018) with resemblyzer's weights, on torch and librosa alone.

    resemblyzer itself is never imported: it needs webrtcvad, which needs a compiler. Pauses are left out by
    the same frames as in the gate instead.

    It was trained on English speakers of telephone and audiobook quality: it tells voices apart in other
    languages too, less sharply, and also hears the channel. Silence and noise score plausibly: gate first.
    """

    def __init__(self) -> None:
        """Raises NotMeasured if resemblyzer's weights are not installed."""
        import torch  # noqa: PLC0415  heavy

        weights = installed_file("resemblyzer", "pretrained.pt", INSTALL)
        try:
            state = torch.load(weights, map_location="cpu", weights_only=True)["model_state"]
            self._lstm = torch.nn.LSTM(MEL_BANDS, HIDDEN, LAYERS, batch_first=True)
            self._linear = torch.nn.Linear(HIDDEN, SIZE)
            for name, module in (("lstm", self._lstm), ("linear", self._linear)):
                module.load_state_dict(
                    {key.removeprefix(f"{name}."): value for key, value in state.items() if key.startswith(f"{name}.")}
                )
        except Exception as error:  # torch raises what unpickling raises
            raise NotMeasured(f"resemblyzer's weights cannot be read ({error}): {INSTALL}") from None

    def embed(self, wave: Wave, sample_rate: int) -> Embedding | None:
        """(256,) of unit length for (samples,); None if nothing is audible.

        The mean over windows of 1.6 s, as in resemblyzer's `embed_utterance`.
        """
        import torch  # noqa: PLC0415  heavy

        spoken = _without_pauses(wave, sample_rate)
        if not len(spoken):
            return None
        with torch.inference_mode():
            windows = torch.from_numpy(_windows(_raised(spoken)))
            _, (hidden, _) = self._lstm(windows)
            raw = torch.relu(self._linear(hidden[-1]))
            partial = raw / raw.norm(dim=1, keepdim=True).clamp_min(1e-12)
        return _unit(partial.numpy().mean(axis=0))


def mean_voice(embeddings: Sequence[Embedding]) -> Embedding:
    """(256,) of unit length: the voice of all recordings together."""
    return _unit(np.mean(embeddings, axis=0))


def own_similarity(embeddings: Sequence[Embedding]) -> list[float]:
    """Cosine of each recording's (256,) with the mean of all the others; needs at least two."""
    total = np.sum(embeddings, axis=0)
    return [float(one @ _unit(total - one)) for one in embeddings]


def relative_similarity(embedding: Embedding, voice: Embedding, own: float) -> float:
    """Cosine of an utterance's (256,) with the `voice`'s (256,), over `own`, the mean among its recordings.

    1.0 is as similar as one recording to the others. The scale has no fixed zero: strangers of the same sex
    lie around 0.6 to 0.8.
    """
    return float(embedding @ voice) / own


def _without_pauses(wave: Wave, sample_rate: int) -> Wave:
    """At 16 kHz, without silence at the ends and pauses longer than 0.18 s."""
    from scipy.ndimage import binary_closing  # noqa: PLC0415  heavy

    wave = librosa_loaded().resample(wave, orig_sr=sample_rate, target_sr=SAMPLE_RATE, res_type="soxr_hq")
    audible = frames_of(wave, SAMPLE_RATE).audible
    if not audible.any():
        return wave[:0]
    kept = binary_closing(audible, np.ones(round(KEPT_PAUSE_SECONDS / HOP_SECONDS))) | audible
    samples = np.repeat(kept, HOP)[: len(wave)]
    spoken: Wave = wave[: len(samples)][samples]
    return spoken


def _raised(wave: Wave) -> Wave:
    """At -30 dBFS or louder."""
    level = 10.0 * np.log10(max(float(np.mean(np.square(wave, dtype=np.float64))), 1e-12))
    return np.asarray(wave * 10.0 ** (max(LEVEL_DBFS - level, 0.0) / 20.0), dtype=np.float32)


def _windows(wave: Wave) -> npt.NDArray[np.float32]:
    """(windows, 160, 40) mel powers; the last window counts if three quarters of it are filled."""
    frames = -(-(len(wave) + 1) // HOP)
    starts = list(range(0, max(1, frames - WINDOW_FRAMES + STEP_FRAMES + 1), STEP_FRAMES))
    if len(starts) > 1 and len(wave) - starts[-1] * HOP < LEAST_COVERAGE * WINDOW_FRAMES * HOP:
        starts.pop()
    padded = np.pad(wave, (0, max((starts[-1] + WINDOW_FRAMES) * HOP - len(wave), 0)))
    mels: Any = librosa_loaded().feature.melspectrogram(
        y=padded, sr=SAMPLE_RATE, n_fft=FRAME, hop_length=HOP, n_mels=MEL_BANDS
    )
    return np.stack([mels.T[start : start + WINDOW_FRAMES] for start in starts]).astype(np.float32)


def _unit(vector: npt.NDArray[Any]) -> Embedding:
    return np.asarray(vector / max(float(np.linalg.norm(vector)), 1e-12), dtype=np.float32)


def _embedding(take: Take) -> Embedding | None:
    encoder = take.panel.model("similarity", SpeakerEncoder)
    return None if encoder is None else encoder.embed(take.sound.wave, take.sound.sample_rate)


def _read(take: Take) -> Mapping[str, Reading]:
    encoder = take.panel.model("similarity", SpeakerEncoder)
    voice, own = take.voice.usual.get("embedding"), take.voice.number("own_similarity")
    if encoder is None or voice is None or not own:
        return {}
    embedding = encoder.embed(take.sound.wave, take.sound.sample_rate)
    if embedding is None:
        return {}
    return {"similarity": relative_similarity(embedding, np.array(voice, dtype=np.float32), own)}


def _usual(embeddings: Sequence[Embedding]) -> Mapping[str, Any]:
    """(256,) of all recordings together, and how similar each is to the others on average."""
    if len(embeddings) < 2:
        return {"embedding": None, "own_similarity": None}
    own = float(np.mean(own_similarity(embeddings)))
    return {"embedding": list(map(float, mean_voice(embeddings))), "own_similarity": own}


def _judge(take: Take, scores: UtteranceScores) -> tuple[float, float, str] | None:
    found = scores.number("similarity")
    if found is None or found >= LEAST or take.sound.frames.speech_seconds < WINDOW_SECONDS:
        return None
    return found, LEAST, "of the recordings' own similarity"


SIMILARITY = Instrument(
    name="similarity",
    unit="of the recordings' own similarity",
    source="GE2E, Wan et al. 2018",
    better="higher",
    read=_read,
    note=_embedding,
    usual=_usual,
    fault="other voice",
    judge=_judge,
    shown=(Shown("similarity", "likeness", "{:.2f} of 1"),),
    meaning="How much a sample sounds like the recordings of the voice; 1 is as much as those sound like each other.",
    card="similarity of the voice {:.2f} (1.00: as similar as its recordings are among themselves)",
    packages=("torch", "librosa", "resemblyzer"),
    optional=True,
    version=0,
)
