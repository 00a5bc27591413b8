"""Both ways with stock tools: they load what we write, and we resume from what they write."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch
from trainer import Trainer, TrainerArgs
from TTS.tts.configs.xtts_config import XttsConfig
from TTS.tts.models.xtts import Xtts

from testbed.stock import stock_config, stock_model
from tests.training.conftest import run_of, train
from xtts_finetune.records.metrics import read_metrics
from xtts_finetune.xtts.base import BaseFiles


def test_stock_xtts_loads_a_phases_folder_with_no_key_missing(trained: Path) -> None:
    folder = run_of(trained).candidate("phase2")
    config = XttsConfig()
    config.load_json(str(folder.config))
    model = Xtts(config)
    model.load_checkpoint(
        config, checkpoint_path=str(folder.best_model), vocab_path=str(folder.vocab), strict=True, eval=False
    )
    saved = torch.load(folder.best_model, weights_only=True)["model"]
    assert torch.equal(model.gpt.mel_head.weight, saved["xtts.gpt.mel_head.weight"])


def test_stock_trainer_starts_from_our_best_model(trained: Path, tmp_path: Path) -> None:
    folder = run_of(trained).candidate("phase2")
    trainer = stock_trainer(trained, tmp_path, restore_path=str(folder.best_model))
    saved = torch.load(folder.best_model, weights_only=True)["model"]
    ours = {key: value for key, value in trainer.model.state_dict().items() if key.startswith("xtts.gpt.")}
    assert ours
    assert all(torch.equal(value, saved[key]) for key, value in ours.items())


@pytest.mark.parametrize("only_weights", [False, True])
def test_a_phase_resumes_from_a_checkpoint_that_stock_trainer_saved(
    trained: Path, project: Path, tmp_path: Path, only_weights: bool
) -> None:
    best = run_of(trained).candidate("phase2").best_model
    trainer = stock_trainer(trained, tmp_path, restore_path=str(best), only_weights=only_weights)
    for parameter in trainer.model.xtts.gpt.parameters():
        parameter.grad = torch.full_like(parameter, 1e-3)
    trainer.optimizer[0].step()
    trainer.total_steps_done = 1
    trainer.save_checkpoint()
    (checkpoint,) = Path(trainer.output_path).glob("checkpoint_*.pth")
    resume = f"phase1.resume_from={{checkpoint: '{checkpoint.as_posix()}', optimizer: keep}}"
    train(project, "phase1", resume, "phase1.steps=1", "phase2.resume_from.checkpoint=last")
    folder = run_of(project).candidate("phase1")
    start = read_metrics(folder.metrics).evals[0]
    assert start.mel_ce != read_metrics(run_of(trained).candidate("phase1").metrics).evals[0].mel_ce
    state = torch.load(folder.checkpoints()[-1][1], weights_only=True)["optimizer"][0]["state"]
    assert {int(moments["step"]) for moments in state.values()} == {2}


def stock_trainer(project: Path, folder: Path, restore_path: str, only_weights: bool = False) -> Trainer:
    """The unmodified Trainer on a stock GPTTrainer of the project's base."""
    base = BaseFiles(project / "base")
    config = stock_config(base)
    config.optimizer = "AdamW"
    config.optimizer_params = {"betas": [0.9, 0.96], "eps": 1e-8, "weight_decay": 1e-2}
    config.lr = 1e-5
    config.optimizer_wd_only_on_weights = only_weights
    config.lr_scheduler = "MultiStepLR"
    config.lr_scheduler_params = {"milestones": [900000], "gamma": 0.5, "last_epoch": -1}
    config.dashboard_logger = "tensorboard"
    model = stock_model(base)
    model.config = config
    output = folder / "stock"
    shutil.rmtree(output, ignore_errors=True)
    return Trainer(
        TrainerArgs(restore_path=restore_path),
        config,
        output_path=str(output),
        model=model,
        train_samples=[],
        eval_samples=[],
        parse_command_line_args=False,
    )
