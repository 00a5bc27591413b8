"""The stock side of train_speed: `python -m benchmarks.train_speed_stock JOB`."""

from __future__ import annotations

import contextlib
import json
import sys
import time
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch
from trainer import Trainer, TrainerArgs
from TTS.tts.layers.xtts.dvae import DiscreteVAE

from benchmarks.train_speed_measure import LEARNING_RATE, Clock, bytes_of, evaluated, peak_memory, write_result
from testbed.stock import MODULE, STOCK_DVAE_WIDTH, read_with_soundfile, stock_model
from xtts_finetune.records.clips import ClipRecord, read_clips
from xtts_finetune.records.run_folder import RunFolder
from xtts_finetune.xtts.base import BaseFiles

WORKERS = 8  # as in the recipe for XTTS v2 that comes with coqui-tts


def main(job: dict[str, Any]) -> None:
    folder, out = Path(job["folder"]), Path(job["out"])
    base, run = BaseFiles(folder / "base"), RunFolder(folder / "run" / "speed")
    model = stock_model(base)
    torch.set_num_threads(1)  # what importing stock's data set does; the helper that makes the model undoes it
    train, held_out = read_clips(run.clips, "train"), read_clips(run.clips, "eval")
    clock = Clock(job)
    with patch(f"{MODULE}.dataset.load_audio", read_with_soundfile):
        trainer = Trainer(
            TrainerArgs(gpu=0 if torch.cuda.is_available() else None),
            recipe(model.config, job, out, len(train)),
            output_path=str(out),
            model=model,
            train_samples=[sample_of(clip) for clip in train],
            eval_samples=[sample_of(clip) for clip in held_out],
            callbacks={
                "on_train_epoch_start": lambda _: clock.pause(),
                "on_train_step_end": lambda done: clock.step(done.total_steps_done),
            },
            parse_command_line_args=False,
        )
        clock.stop_at(job["steps"])
        with contextlib.suppress(StopIteration):
            trainer._fit()
        memory = peak_memory()
        began = time.perf_counter()
        trainer.eval_epoch()
        evaluation = time.perf_counter() - began
        if job["own_dvae"]:
            model.dvae = _own_dvae()
        trainer.save_checkpoint()
        trainer.save_best_model()
    figures = {
        **clock.figures(train),
        "evaluation_seconds": evaluation,
        "peak_memory": memory,
        "bytes": bytes_of(Path(trainer.output_path)),
        "threads": torch.get_num_threads(),
        "mel_ce": evaluated(model.xtts.gpt, run),
    }
    write_result(out, figures)


def _own_dvae() -> DiscreteVAE:
    """The DVAE as GPTTrainer makes it, which stands in every checkpoint of the stock recipe."""
    return DiscreteVAE(
        channels=80,
        normalization=None,
        positional_dims=1,
        num_tokens=1024,
        codebook_dim=STOCK_DVAE_WIDTH,
        hidden_dim=STOCK_DVAE_WIDTH,
        num_resnet_blocks=3,
        kernel_size=3,
        num_layers=2,
        use_transposed_convs=False,
    )


def recipe(config: Any, job: dict[str, Any], out: Path, clips: int) -> Any:
    """The recipe's settings: batch, workers, optimizer; everything else is a default of the configuration."""
    config.output_path = str(out)
    config.batch_size = config.eval_batch_size = job["batch"]
    config.num_loader_workers = config.num_eval_loader_workers = WORKERS
    config.epochs = 10_000
    config.lr = LEARNING_RATE
    config.optimizer = "AdamW"
    config.optimizer_wd_only_on_weights = True
    config.optimizer_params = {"betas": [0.9, 0.96], "eps": 1e-8, "weight_decay": 1e-2}
    config.lr_scheduler = "MultiStepLR"
    config.lr_scheduler_params = {
        "milestones": [900_000, 2_700_000, 5_400_000],
        "gamma": 0.5,
        "last_epoch": -1,
    }
    config.training_seed = job["seed"]
    config.print_step = 50
    config.run_eval = True
    config.save_n_checkpoints = 1
    return config


def sample_of(clip: ClipRecord) -> dict[str, str]:
    return {
        "audio_file": str(clip.audio),
        "text": clip.text,
        "language": clip.language,
        "speaker_name": clip.speaker,
    }


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
