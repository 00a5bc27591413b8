"""The stock side of equal_budget: `python -m benchmarks.equal_budget_stock FOLDER SEED`."""

from __future__ import annotations

import math
import shutil
import sys
from pathlib import Path
from unittest.mock import patch

import torch
from trainer import Trainer, TrainerArgs

from benchmarks.equal_budget import best_of_stock
from benchmarks.known_order_models import Project, read_yaml
from benchmarks.train_speed_stock import recipe, sample_of
from testbed.stock import MODULE, read_with_soundfile, stock_model
from xtts_finetune.records.clips import read_clips
from xtts_finetune.xtts.base import BaseFiles

BATCH = 3


def main(folder: Path, seed: int) -> None:
    """Coqui's GPTTrainer for as many epochs as the demo's phases have clips, at least; keeps its best_model.pth."""
    project = Project(folder)
    pipeline = read_yaml(project.file)
    phases = [read_yaml(folder / "phases" / f"{name}.yaml") for name in pipeline["phases"]]
    model = stock_model(BaseFiles(Path(pipeline["base"])))
    torch.set_num_threads(1)
    train, held_out = read_clips(project.run.clips, "train"), read_clips(project.run.clips, "eval")
    out = folder / "stock" / "runs"
    config = recipe(model.config, {"batch": BATCH, "seed": seed}, out, len(train))
    config.epochs = math.ceil(sum(each["steps"] * each["batch_size"] for each in phases) / len(train))
    config.num_loader_workers = config.num_eval_loader_workers = 0
    config.lr = phases[0]["learning_rate"]
    with patch(f"{MODULE}.dataset.load_audio", read_with_soundfile):
        trainer = Trainer(
            TrainerArgs(gpu=0 if torch.cuda.is_available() else None),
            config,
            output_path=str(out),
            model=model,
            train_samples=[sample_of(clip) for clip in train],
            eval_samples=[sample_of(clip) for clip in held_out],
            parse_command_line_args=False,
        )
        trainer._fit()
    shutil.copyfile(Path(trainer.output_path) / "best_model.pth", best_of_stock(project))
    shutil.rmtree(out)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
