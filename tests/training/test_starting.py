"""Where a phase goes on from when its checkpoints are damaged, or not what they say they are."""

from __future__ import annotations

import pickle
import random
import re
import shutil
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from tests.training.conftest import open_trainer, run_of, train
from xtts_finetune.errors import UserError
from xtts_finetune.records.candidates.checkpoints import read_checkpoint_records, write_checkpoint_record
from xtts_finetune.records.metrics import read_metrics
from xtts_finetune.records.run_folder import CandidateFolder
from xtts_finetune.training.starting import resume
from xtts_finetune.xtts.base import BaseFiles
from xtts_finetune.xtts.model import load_model

Damage = Callable[[Path], object]


class MakesAFile:
    """Unpickled by a loader that runs code, it makes a file."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.target,)


def cut_at(share: float) -> Damage:
    return lambda path: path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])


def flip_a_bit(seed: int) -> Damage:
    def flip(path: Path) -> None:
        content, chance = bytearray(path.read_bytes()), random.Random(seed)
        content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
        path.write_bytes(content)

    return flip


def other_shapes(path: Path) -> None:
    checkpoint = torch.load(path, weights_only=True)
    checkpoint["model"] = {name: torch.zeros(3, 5, 7) for name in checkpoint["model"]}
    torch.save(checkpoint, path)


def harmful(path: Path) -> None:
    checkpoint = torch.load(path, weights_only=True)
    torch.save({**checkpoint, "date": MakesAFile(path.parent / "made_by_the_pickle")}, path)


def harmful_without_zip(path: Path) -> None:
    path.write_bytes(pickle.dumps(MakesAFile(path.parent / "made_by_the_pickle")))


def a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


DAMAGE: dict[str, Damage] = {
    **{f"cut at {share:.1%}": cut_at(share) for share in (0.001, 0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99, 0.999)},
    "last byte missing": lambda path: path.write_bytes(path.read_bytes()[:-1]),
    **{f"bit flipped, seed {seed}": flip_a_bit(seed) for seed in range(10)},
    "other shapes": other_shapes,
    "a pickle that makes a file": harmful,
    "a bare pickle that makes a file": harmful_without_zip,
    "empty": lambda path: path.write_bytes(b""),
    "a folder": a_folder,
    "a text": lambda path: path.write_text("no checkpoint\n", encoding="utf-8"),
    "not there": lambda path: path.unlink(),
}


@pytest.fixture(scope="module")
def two_checkpoints(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A phase that was interrupted at step 5, with checkpoints of steps 3 and 5."""
    folder = Path(shutil.copytree(prepared, tmp_path_factory.mktemp("two") / "project"))
    train(folder, "phase1", "phase1.keep={checkpoints: 2}", stop_at=5)
    phase = run_of(folder).candidate("phase1")
    assert [record.step for record in read_checkpoint_records(phase)] == [3, 5]
    return folder


@pytest.fixture
def interrupted(two_checkpoints: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(two_checkpoints, tmp_path / "project"))


def pretend_it_was_written_so(folder: CandidateFolder, step: int) -> None:
    """Let the record fit the damaged file: the damage has to be found by reading it."""
    content = folder.checkpoint(step).read_bytes()
    record = next(record for record in read_checkpoint_records(folder) if record.step == step)
    write_checkpoint_record(folder, replace(record, bytes=len(content), crc32=zlib.crc32(content)))


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_checkpoint_is_named_and_the_older_one_is_used(interrupted: Path, damage: str) -> None:
    folder, said = run_of(interrupted).candidate("phase1"), []
    whole = torch.load(folder.checkpoint(3), weights_only=True)["model"]
    DAMAGE[damage](folder.checkpoint(5))
    trainer = open_trainer(interrupted, "phase1", said.append)
    assert trainer.step == 3
    assert len(said) == 1
    assert "checkpoint_5.pth" in said[0]
    became = "it is gone" if damage == "not there" else "now checkpoint_5.damaged"
    assert f"({became}); continuing from the older checkpoint of step 3" in said[0]
    assert not folder.checkpoint(5).exists()
    now = trainer.model.state_dict()
    assert all(torch.equal(value, now[name]) for name, value in whole.items())
    assert [record.step for record in read_metrics(folder.metrics).steps] == [1, 2, 3]
    assert not (folder.path / "made_by_the_pickle").exists()


@pytest.mark.parametrize("damage", ["other shapes", "empty", "a text", "cut at 50.0%"])
def test_a_checkpoint_is_read_with_care_even_if_its_record_fits(interrupted: Path, damage: str) -> None:
    folder, said = run_of(interrupted).candidate("phase1"), []
    DAMAGE[damage](folder.checkpoint(5))
    pretend_it_was_written_so(folder, 5)
    assert open_trainer(interrupted, "phase1", said.append).step == 3
    assert "checkpoint_5.pth" in said[0]


def test_of_a_checkpoint_with_code_the_values_are_read_and_the_code_does_not_run(interrupted: Path) -> None:
    folder = run_of(interrupted).candidate("phase1")
    DAMAGE["a pickle that makes a file"](folder.checkpoint(5))
    pretend_it_was_written_so(folder, 5)
    assert open_trainer(interrupted, "phase1", print).step == 5
    assert not (folder.path / "made_by_the_pickle").exists()


def test_the_step_of_a_damaged_checkpoint_gets_a_whole_one_again(interrupted: Path) -> None:
    folder = run_of(interrupted).candidate("phase1")
    for _ in range(2):
        a_folder(folder.checkpoint(5))
        train(interrupted, "phase1", "phase1.keep={checkpoints: 2}", stop_at=5)
        assert [record.step for record in read_checkpoint_records(folder)] == [3, 5]
    assert (folder.path / "checkpoint_5.damaged1").is_dir()
    train(interrupted, "phase1")
    assert [record.step for record in read_metrics(folder.metrics).steps] == [1, 2, 3, 4, 5, 6]


def test_without_a_whole_checkpoint_nothing_is_thrown_away(interrupted: Path) -> None:
    folder = run_of(interrupted).candidate("phase1")
    for step in (3, 5):
        folder.checkpoint(step).write_bytes(b"spoiled")
    before = folder.metrics.read_bytes()
    with pytest.raises(UserError) as error:
        open_trainer(interrupted, "phase1", lambda _: None)
    for said in ("checkpoint_3.pth", "checkpoint_5.pth", "run_pipeline phase1 --fresh"):
        assert said in str(error.value)
    assert folder.metrics.read_bytes() == before
    assert folder.best_model.is_file()


def test_a_checkpoint_whose_moments_are_of_another_model_is_refused(interrupted: Path) -> None:
    trainer, said = open_trainer(interrupted, "phase1", lambda _: None), []
    path = trainer.job.folder.checkpoint(5)
    checkpoint = torch.load(path, weights_only=True)
    checkpoint["optimizer"][0]["state"][0]["exp_avg"] = torch.zeros(2)
    torch.save(checkpoint, path)
    pretend_it_was_written_so(trainer.job.folder, 5)
    resume(trainer, said.append)
    assert trainer.step == 3
    assert re.search("checkpoint_5.*moments differ", said[0])


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_base_or_starting_checkpoint_that_is_damaged_is_named(
    tiny_base: BaseFiles, tmp_path: Path, damage: str
) -> None:
    path = Path(shutil.copy(tiny_base.model, tmp_path / "model.pth"))
    whole = load_model(tiny_base).state_dict()
    DAMAGE[damage](path)
    try:
        model = load_model(tiny_base, path)
    except UserError as error:
        assert "model.pth" in str(error)
        assert "\n" not in str(error)
    else:
        # A bit between two parts of the file, in none of them; code is passed over.
        assert "bit flipped" in damage or "pickle" in damage
        assert all(torch.equal(value, whole[name]) for name, value in model.state_dict().items())
    assert not (tmp_path / "made_by_the_pickle").exists()
