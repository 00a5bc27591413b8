"""Sound while the GPT still speaks: early, and the same as of the whole."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from TTS.tts.models.xtts import Xtts

from testbed.random_base import BaseSize, make_random_base
from xtts_finetune.spec.utterances import InferenceSpec
from xtts_finetune.xtts.base import BaseFiles
from xtts_finetune.xtts.model import load_model
from xtts_finetune.xtts.speech.speech import Speaker

CODES = 70
TEXT = "A text of a few words, and of a few words more. This is another sentence of it."


def voice() -> np.ndarray:
    return np.random.default_rng(1).uniform(-0.3, 0.3, 44_100).astype(np.float32)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> BaseFiles:
    size = BaseSize(max_audio_tokens=CODES + 3, max_text_tokens=120, with_hifigan=True)
    return make_random_base(tmp_path_factory.mktemp("base"), size)


@pytest.fixture(scope="module")
def model(base: BaseFiles) -> Xtts:
    """Its sound is loud, as that of a trained one is: with random weights the HiFi-GAN hardly moves."""
    loaded = load_model(base)
    with torch.no_grad():
        loaded.hifigan_decoder.waveform_decoder.conv_post.weight *= 30
    return loaded


def never_ending(model: Xtts, never: bool) -> None:
    with torch.no_grad():
        model.gpt.mel_head.bias[model.gpt.stop_audio_token] = -1e4 if never else 1.0


@pytest.mark.parametrize("speed", [1.0, 0.8])
@pytest.mark.parametrize("never", [True, False], ids=["cut off", "ended"])
def test_windows_are_the_whole_but_for_rounding(base: BaseFiles, model: Xtts, speed: float, never: bool) -> None:
    never_ending(model, never)
    speaker = Speaker.with_references(base, model, "hifigan", [voice()])
    settings = InferenceSpec(speed=speed)
    whole = speaker.speak(TEXT, "en", settings, seed=3).wave
    parts = list(speaker.stream(TEXT, "en", settings, seed=3))
    assert np.abs(whole).max() > 0.1
    streamed = np.concatenate(parts)
    assert streamed.shape == whole.shape
    assert np.abs(streamed - whole).max() < 1e-5 * np.abs(whole).max()


def test_sound_comes_before_the_piece_is_said(base: BaseFiles, model: Xtts) -> None:
    never_ending(model, True)
    speaker = Speaker.with_references(base, model, "hifigan", [voice()])
    steps = 0

    def count() -> None:
        nonlocal steps
        steps += 1

    first = next(speaker.stream(TEXT, "en", InferenceSpec(), 4, count))
    assert steps < CODES / 5
    assert len(first) > 0.2 * speaker.sample_rate


def test_a_preview_streams_piece_by_piece(base: BaseFiles, model: Xtts) -> None:
    never_ending(model, False)
    speaker = Speaker.with_references(base, model, "preview", [voice()])
    whole = speaker.speak(TEXT, "en", InferenceSpec(), seed=4)
    parts = list(speaker.stream(TEXT, "en", InferenceSpec(), seed=4))
    assert len(parts) == len(whole.pieces)
    assert np.array_equal(np.concatenate(parts), whole.wave)


def test_what_is_given_up_is_not_said(base: BaseFiles, model: Xtts, tmp_path: Path) -> None:
    class Left(Exception):
        pass

    def leave() -> None:
        raise Left

    speaker = Speaker.with_references(base, model, "preview", [voice()])
    with pytest.raises(Left):
        list(speaker.stream(TEXT, "en", InferenceSpec(), 4, leave))
