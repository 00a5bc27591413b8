"""The HiFi-GAN never trains: checkpoints leave it out, and models have it all the same."""

from __future__ import annotations

from pathlib import Path

import torch

from tests.training.conftest import declaration_of, run_of, train
from xtts_finetune.xtts.base import BaseFiles
from xtts_finetune.xtts.model import load_model
from xtts_finetune.xtts.state import StateDict, hifigan_of


def weights(path: Path) -> StateDict:
    found: StateDict = torch.load(path, weights_only=True)["model"]
    return found


def same(found: StateDict, expected: StateDict) -> bool:
    return found.keys() == expected.keys() and all(torch.equal(value, expected[key]) for key, value in found.items())


def test_checkpoints_lack_it_and_every_best_model_has_the_bases(trained: Path) -> None:
    whole = hifigan_of({f"xtts.{k}": v for k, v in load_model(BaseFiles(trained / "base")).state_dict().items()})
    for name in declaration_of(trained).phases:  # phase 2 starts from a checkpoint, not from a best model
        folder = run_of(trained).candidate(name)
        assert folder.checkpoints()
        assert all(not hifigan_of(weights(path)) for _, path in folder.checkpoints())
        assert same(hifigan_of(weights(folder.best_model)), whole)


def test_that_of_a_file_from_elsewhere_goes_through_every_checkpoint(
    trained: Path, project: Path, tmp_path: Path
) -> None:
    best = run_of(trained).candidate("phase1").best_model
    saved = torch.load(best, weights_only=True)
    own = {name: value * 2 for name, value in hifigan_of(saved["model"]).items()}
    torch.save({**saved, "model": saved["model"] | own}, tmp_path / "own.pth")
    start = f"phase1.resume_from={{checkpoint: '{(tmp_path / 'own.pth').as_posix()}'}}"
    train(project, "phase1", start, stop_at=3)
    train(project, "phase1", start)
    train(project, "phase2", start)
    for name in ("phase1", "phase2"):
        folder = run_of(project).candidate(name)
        for path in (folder.best_model, *(path for _, path in folder.checkpoints())):
            assert same(hifigan_of(weights(path)), own), path
