"""The base that shipping is measured with: random, yet as sure of what it says as a trained model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from benchmarks.sure_base import fit_head, made_up
from testbed.random_base import BaseSize, make_random_base
from xtts_finetune.spec.utterances import InferenceSpec
from xtts_finetune.xtts.model import load_model
from xtts_finetune.xtts.speech.generation import without_hints
from xtts_finetune.xtts.speech.verification import speak_greedily
from xtts_finetune.xtts.speech.voice import voice_of

START, STOP = 1024, 1025


def test_made_up_speech_is_as_sure_as_the_demos_model() -> None:
    speech = made_up([(f"text {number}", 60) for number in range(10)], START, STOP)
    odds = torch.cat([one.odds for one in speech])
    torch.testing.assert_close(odds.sum(dim=-1), torch.ones(len(odds), dtype=torch.float64))
    entropy = -(odds * odds.log()).sum(dim=-1).mean()
    # The demo's: 2.45 nats, 0.40. Not surer than that, as what is sure survives any rounding.
    assert float(entropy) == pytest.approx(2.45, abs=0.2) and 0.3 < float(odds.max(dim=-1).values.mean()) < 0.42
    for one in speech:
        assert one.odds.argmax(dim=-1).equal(one.codes) and int(one.codes[-1]) == STOP
        assert len(one.codes) == 61 and len(set(one.codes.tolist())) == 61


def test_the_fitted_base_says_what_was_made_up_and_ends(tmp_path: Path) -> None:
    base = make_random_base(tmp_path / "base", BaseSize(with_hifigan=True))
    noise = np.random.default_rng(1).standard_normal(4 * 22_050) * 0.1
    soundfile.write(str(tmp_path / "voice.wav"), noise, 22_050)
    sentences = [("Hello.", 8), ("Good morning.", 12)]
    assert fit_head(base, str(tmp_path / "voice.wav"), sentences)["share_as_made_up"] == 1.0
    model = load_model(base)
    with without_hints():
        model.eval()
    voice = voice_of(model, [soundfile.read(str(tmp_path / "voice.wav"), dtype="float32")[0]])
    for one in made_up(sentences, START, STOP):
        said = speak_greedily(model, voice, one.text, "en", InferenceSpec())
        assert said.codes.equal(one.codes)
