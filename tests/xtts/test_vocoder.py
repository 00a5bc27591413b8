"""Codes and latents to sound."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from testbed.random_base import BaseSize, make_random_base
from xtts_finetune.errors import UserError
from xtts_finetune.xtts.base import PREVIEW_NAME, BaseFiles
from xtts_finetune.xtts.encoder import AudioEncoder, dvae_mel, load_dvae, load_mel_stats
from xtts_finetune.xtts.model import load_model
from xtts_finetune.xtts.speech.latent_mels import LatentMels, save_latent_mels
from xtts_finetune.xtts.speech.vocoder import (
    CodesPreview,
    Generated,
    HifiganVocoder,
    LatentsPreview,
    has_hifigan,
    make_vocoder,
)


def no_latents() -> torch.Tensor:
    raise AssertionError("the preview needs no latents")


@pytest.fixture(scope="module")
def preview(tiny_base: BaseFiles) -> CodesPreview:
    return CodesPreview(load_dvae(tiny_base.dvae), load_mel_stats(tiny_base.mel_stats))


@pytest.mark.parametrize(("speed", "samples"), [(1.0, 20 * 1024), (2.0, 10 * 1024), (0.5, 40 * 1024)])
def test_preview_gives_1024_samples_a_code(preview: CodesPreview, speed: float, samples: int) -> None:
    wave = preview.wave(Generated(torch.arange(20), no_latents), speed)
    assert (wave.dtype, wave.shape) == (np.float32, (samples,))
    assert np.isfinite(wave).all() and 0 < np.abs(wave).max() <= 1


def test_preview_undoes_the_normalisation_of_the_mel(preview: CodesPreview, tiny_base: BaseFiles) -> None:
    codes = torch.tensor([3, 1, 4, 1, 5])
    decoded, _ = load_dvae(tiny_base.dvae).decode(codes[None])
    expected = decoded[0] * load_mel_stats(tiny_base.mel_stats)[:, None]
    assert torch.equal(preview.log_mel(codes), expected)


def test_preview_leaves_out_tokens_that_are_no_codes(preview: CodesPreview) -> None:
    with_start = preview.wave(Generated(torch.tensor([5, 1024, 6]), no_latents))
    assert np.array_equal(with_start, preview.wave(Generated(torch.tensor([5, 6]), no_latents)))


def test_preview_of_nothing_is_silence(preview: CodesPreview) -> None:
    wave = preview.wave(Generated(torch.zeros(0, dtype=torch.int64), no_latents))
    assert len(wave) > 0 and not wave.any()


@pytest.fixture(scope="module")
def with_network(tiny_base: BaseFiles, tmp_path_factory: pytest.TempPathFactory) -> BaseFiles:
    """The tiny base with a preview.pth of random weights."""
    folder = shutil.copytree(tiny_base.folder, tmp_path_factory.mktemp("network") / "base")
    torch.manual_seed(1)
    save_latent_mels(folder / PREVIEW_NAME, LatentMels(load_model(tiny_base).gpt.model_dim, 16))
    return BaseFiles(folder)


def test_a_base_with_a_network_is_heard_through_its_latents(with_network: BaseFiles) -> None:
    model, rng = load_model(with_network), np.random.default_rng(1)
    latents = torch.randn(1, 21, model.gpt.model_dim)  # one more than codes: what the stop token gave
    sounds = {}
    for name in ("one", "other"):
        reference = torch.from_numpy(rng.normal(0, 0.1, (1, 44_100)).astype(np.float32))
        vocoder = make_vocoder("preview", with_network, model, [reference])
        assert isinstance(vocoder, LatentsPreview)
        for speed, samples in ((1.0, 20 * 1024), (2.0, 10 * 1024)):
            wave = vocoder.wave(Generated(torch.arange(20), lambda: latents), speed)
            assert (wave.dtype, wave.shape) == (np.float32, (samples,))
            assert np.isfinite(wave).all() and 0 < np.abs(wave).max() <= 1
            sounds[name, speed] = wave
        assert not vocoder.wave(Generated(torch.zeros(0, dtype=torch.int64), no_latents)).any()
    assert not np.array_equal(sounds["one", 1.0], sounds["other", 1.0]), "the voice makes no difference"


def test_hifigan_without_weights_is_refused(tiny_base: BaseFiles) -> None:
    assert not has_hifigan(tiny_base)
    with pytest.raises(UserError, match="vocoder: preview"):
        make_vocoder("hifigan", tiny_base, load_model(tiny_base), [])


def test_hifigan_speaks_at_24_khz(tmp_path_factory: pytest.TempPathFactory) -> None:
    base = make_random_base(tmp_path_factory.mktemp("hifigan"), BaseSize(with_hifigan=True))
    noise = torch.rand(1, 22_050, generator=torch.Generator().manual_seed(1)) - 0.5
    vocoder = make_vocoder("hifigan", base, load_model(base), [noise, noise[:, :11_025]])
    assert isinstance(vocoder, HifiganVocoder)
    latents = torch.rand(1, 12, 64, generator=torch.Generator().manual_seed(2))
    generated = Generated(torch.arange(12), lambda: latents)
    wave = vocoder.wave(generated)
    assert vocoder.sample_rate == 24_000
    assert len(wave) == pytest.approx(12 * 1024 * 24_000 / 22_050, abs=2 * 256)
    assert np.isfinite(wave).all() and np.abs(wave).max() > 0
    assert len(vocoder.wave(generated, speed=2.0)) == pytest.approx(len(wave) / 2, abs=2 * 256)
    assert np.array_equal(wave, vocoder.wave(generated))


@pytest.mark.parametrize("name", ["set_a/wavs/demo_a_001", "set_b/wavs/demo_b_045"])
def test_preview_of_a_recordings_codes_is_that_recording_again(demo_folder: Path, name: str) -> None:
    base = BaseFiles(demo_folder / "base")
    if base.missing():
        pytest.skip("the demo's base is not there")
    wave, _ = soundfile.read(str(demo_folder / f"data/{name}.flac"), dtype="float32")
    mel_stats = load_mel_stats(base.mel_stats)
    codes = torch.from_numpy(AudioEncoder(base).codes(wave)).long()
    vocoder = CodesPreview(load_dvae(base.dvae), mel_stats)
    again = vocoder.wave(Generated(codes, no_latents))
    mel = dvae_mel(mel_stats)
    before, after = (mel(torch.from_numpy(sound)[None])[0] for sound in (wave, again[: len(wave)]))
    decoded = vocoder.log_mel(codes) / mel_stats[:, None]
    frames = min(found.shape[1] for found in (before, after, decoded))
    before, after, decoded = (found[:, :frames] for found in (before, after, decoded))
    # The sound has the mel that the DVAE gave; how near that is to the recording, and how much of its voice is left, is
    # up to the DVAE: the demo's keeps words. What makes sound of the demo is preview.pth, from latents.
    assert (after - decoded).abs().mean() < 0.05
    assert (after - before).abs().mean() < 0.75 * (before - before.mean(dim=1, keepdim=True)).abs().mean()
