"""Coqui's own GPTTrainer on our bases and clips: what this package's numbers are held against."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import soundfile
import torch

from xtts_finetune.xtts.base import BaseFiles
from xtts_finetune.xtts.encoder import load_dvae
from xtts_finetune.xtts.model import load_config

STOCK_DVAE_WIDTH = 512
MODULE = "TTS.tts.layers.xtts.trainer"


@contextmanager
def all_threads() -> Iterator[None]:
    """Coqui's dataset module sets torch to one thread when it is imported; give them back."""
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)


def stock_config(base: BaseFiles) -> Any:
    """The configuration that the stock recipe would use for this base."""
    config = load_config(base)
    arguments = config.model_args
    arguments.tokenizer_file = str(base.vocab)
    arguments.mel_norm_file = str(base.mel_stats)
    arguments.dvae_checkpoint = str(base.dvae)
    arguments.xtts_checkpoint = str(base.model)
    return config


def stock_model(base: BaseFiles) -> Any:
    """Stock GPTTrainer with a base's weights.

    Its DVAE has one size, written into the code: a slim one is put in its place for a base that has one.
    """
    with all_threads():
        from TTS.tts.layers.xtts.trainer.gpt_trainer import GPTTrainer  # noqa: PLC0415

        dvae = load_dvae(base.dvae)
        if dvae.codebook.embed.shape[0] == STOCK_DVAE_WIDTH and dvae.encoder[0][0].out_channels == STOCK_DVAE_WIDTH:
            return GPTTrainer(stock_config(base))
        with patch(f"{MODULE}.gpt_trainer.DiscreteVAE", lambda **_: dvae):
            return GPTTrainer(stock_config(base))


def stock_eval_batches(model: Any, clips: Sequence[tuple[Path, str]], batch_size: int = 1) -> Iterator[dict[str, Any]]:
    """Eval batches as stock's data loader and `format_batch_on_device` make them, from 22 050 Hz files.

    Only the reading of a file is replaced: stock's wants FFmpeg's libraries.
    """
    from TTS.tts.layers.xtts.trainer.dataset import XTTSDataset  # noqa: PLC0415

    samples = [{"audio_file": str(path), "text": text, "language": "en"} for path, text in clips]
    with patch(f"{MODULE}.dataset.load_audio", read_with_soundfile):
        dataset = XTTSDataset(model.config, samples, model.xtts.tokenizer, 22_050, is_eval=True)
        for start in range(0, len(dataset), batch_size):
            items = [dataset[index] for index in range(start, min(start + batch_size, len(dataset)))]
            yield model.format_batch_on_device(model.format_batch(dataset.collate_fn(items)))


def stock_eval_losses(model: Any, clips: Sequence[tuple[Path, str]]) -> list[tuple[float, float]]:
    """(mel CE, text CE in Coqui's unit) of each clip alone, by stock's eval_step."""
    torch.nn.Module.eval(model)
    losses = []
    with torch.no_grad():
        for batch in stock_eval_batches(model, clips):
            _, values = model.eval_step(batch, None)
            losses.append((float(values["loss_mel_ce"]), float(values["loss_text_ce"])))
    return losses


def read_with_soundfile(path: str, sampling_rate: int) -> torch.Tensor:
    """What stock's `load_audio` gives for a file that has the rate already."""
    wave, rate = soundfile.read(path, dtype="float32", always_2d=True)
    assert rate == sampling_rate
    return torch.from_numpy(wave.mean(axis=1))[None].clip(-1, 1)
