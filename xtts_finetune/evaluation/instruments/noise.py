"""How clean the background is, to a model of listeners."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from xtts_finetune.evaluation.instruments.frames import Wave
from xtts_finetune.evaluation.instruments.instrument import Instrument, Shown, Take
from xtts_finetune.evaluation.instruments.panel import NotMeasured, installed_file
from xtts_finetune.machine.packages import librosa_loaded
from xtts_finetune.records.heard.scores import Reading, UtteranceScores

INSTALL = "pip install onnxruntime speechmos"
MODEL = "dnsmos_models/sig_bak_ovr.onnx"
SAMPLE_RATE = 16_000
# The model's input: 9.01 s; shorter sounds are repeated, as its authors do.
WINDOW = 144_160
STEP = SAMPLE_RATE
# From the network's scale to that of listeners (Microsoft's dnsmos_local.py), for the background.
TO_LISTENERS = (-0.13166888, 1.60915514, -0.39604546)
# Marks beneath the recordings.
LOSS = 1.0


class NoiseJudge:
    """The background mark (BAK) of DNSMOS P.835 (Reddy, Gopal and Cutler 2022), 1 to 5, 5 is clean.

    Its model travels in the package speechmos and runs in onnxruntime; nothing is loaded from elsewhere.

    A noise check and no mark of naturalness: it was trained on noisy calls, gives silence a middling mark
    and a robot a better one than a human. Read it beside that of the voice's own recordings.
    """

    def __init__(self) -> None:
        """Raises NotMeasured if the model or onnxruntime is not installed."""
        model = installed_file("speechmos", MODEL, INSTALL)
        try:
            import onnxruntime  # noqa: PLC0415  heavy, and optional
        except ImportError as error:
            raise NotMeasured(f"onnxruntime cannot be loaded ({error}): {INSTALL}") from None
        options = onnxruntime.SessionOptions()
        # Left alone, it takes a thread a core and lets them spin; several utterances are read at once instead.
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(
            str(model), sess_options=options, providers=["CPUExecutionProvider"]
        )
        self._input = self._session.get_inputs()[0].name

    def background(self, wave: Wave, sample_rate: int) -> float | None:
        """The mean mark, 1 to 5, of (samples,) over windows of 9 s, one each second; None without a sample."""
        if not len(wave):
            return None
        wave = librosa_loaded().resample(wave, orig_sr=sample_rate, target_sr=SAMPLE_RATE, res_type="soxr_hq")
        # Cut to one window: further ones of a repeated sound would hear the same again.
        whole = np.resize(wave, WINDOW) if len(wave) < WINDOW else wave
        marks = [self._mark(whole[start : start + WINDOW]) for start in _starts(len(whole))]
        return float(np.mean(marks))

    def _mark(self, window: Wave) -> float:
        """Signal, background and overall come out; only the background is asked."""
        outputs = self._session.run(None, {self._input: np.clip(window, -1.0, 1.0)[None].astype(np.float32)})
        return float(np.polyval(TO_LISTENERS, outputs[0][0][1]))


def _starts(samples: int) -> range:
    return range(0, samples - WINDOW + 1, STEP)


def _read(take: Take) -> Mapping[str, Reading]:
    judge = take.panel.model("noise_mos", NoiseJudge)
    return {} if judge is None else {"noise_mos": judge.background(take.sound.wave, take.sound.sample_rate)}


def _judge(take: Take, scores: UtteranceScores) -> tuple[float, float, str] | None:
    found, usual = scores.number("noise_mos"), take.voice.number("noise_mos")
    if found is None or usual is None or found >= usual - LOSS:
        return None
    return found, usual - LOSS, "of 5"


NOISE = Instrument(
    name="noise_mos",
    unit="1 to 5",
    source="DNSMOS P.835, background, Reddy et al. 2022",
    better="higher",
    read=_read,
    fault="noisy",
    judge=_judge,
    shown=(Shown("noise_mos", "cleanness", "{:.1f} of 5"),),
    meaning="How free of noise a sample sounds, from 1 to 5; as clean as the recordings is clean enough.",
    packages=("onnxruntime", "speechmos", "librosa"),
    optional=True,
    slow=True,
    version=0,
)
