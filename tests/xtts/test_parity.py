"""Codes and cross-entropies equal those of stock GPTTrainer."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from testbed.random_base import BaseSize, make_random_base
from testbed.stock import stock_eval_batches, stock_eval_losses, stock_model
from tests.voices import make_clips
from xtts_finetune.xtts.base import BaseFiles
from xtts_finetune.xtts.encoder import AudioEncoder
from xtts_finetune.xtts.losses import TEXT_CE_UNIT, GptBatch, gpt_cross_entropies
from xtts_finetune.xtts.model import load_model
from xtts_finetune.xtts.tokenizer import Tokenizer


@pytest.fixture(scope="module", params=["demo_base", "stock_sized_dvae"])
def base(request: pytest.FixtureRequest, demo_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> BaseFiles:
    if request.param == "demo_base":
        return BaseFiles(demo_folder / "base")
    size = BaseSize(layers=2, width=128, heads=4, dvae_hidden=512, dvae_codebook=512)
    return make_random_base(tmp_path_factory.mktemp("base"), size)


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Path, str]]:
    return make_clips(tmp_path_factory.mktemp("clips"), 20)


def one_clip(encoder: AudioEncoder, tokenizer: Tokenizer, path: Path, text: str) -> GptBatch:
    wave, _ = soundfile.read(path, dtype="float32")
    tokens, codes = tokenizer.encode(text, "en"), encoder.codes(wave)
    return GptBatch(
        text=torch.tensor([tokens]),
        text_lengths=torch.tensor([len(tokens)]),
        codes=torch.from_numpy(codes.astype(np.int64))[None],
        code_lengths=torch.tensor([len(codes)]),
        conditioning=torch.from_numpy(encoder.eval_conditioning(wave))[None],
    )


def test_codes_and_eval_cross_entropies_equal_stocks(base: BaseFiles, clips: list[tuple[Path, str]]) -> None:
    encoder, tokenizer = AudioEncoder(base), Tokenizer(base.vocab)
    gpt = load_model(base).gpt.eval()
    stock = stock_model(base)
    theirs = stock_eval_losses(stock, clips)
    for (path, text), batch, (mel_ce, text_ce) in zip(clips, stock_eval_batches(stock, clips), theirs, strict=True):
        ours = one_clip(encoder, tokenizer, path, text)
        stock_codes = batch["audio_codes"][0, : int(ours.code_lengths)]
        assert torch.equal(ours.codes[0], stock_codes)
        with torch.no_grad():
            ce = gpt_cross_entropies(gpt, ours)
        assert float(ce.mel) == pytest.approx(mel_ce, abs=1e-4)
        assert TEXT_CE_UNIT * float(ce.text) == pytest.approx(text_ce, abs=1e-4)


def test_the_parity_would_notice_other_weights(base: BaseFiles, clips: list[tuple[Path, str]]) -> None:
    encoder, tokenizer = AudioEncoder(base), Tokenizer(base.vocab)
    gpt = load_model(base).gpt.eval()
    with torch.no_grad():
        gpt.mel_head.weight.mul_(1.02)
        ce = gpt_cross_entropies(gpt, one_clip(encoder, tokenizer, *clips[0]))
    (mel_ce, _), *_ = stock_eval_losses(stock_model(base), clips[:1])
    assert abs(float(ce.mel) - mel_ce) > 1e-4
