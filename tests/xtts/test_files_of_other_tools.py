"""Files as people have them: each is read, with the weights that went in, or refused with its true reason."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest
import torch

from tests.xtts.foreign_files import READ, REFUSED, ROUNDED, ForeignFile
from xtts_finetune.errors import UserError
from xtts_finetune.xtts.base import BaseFiles
from xtts_finetune.xtts.model import load_model
from xtts_finetune.xtts.weights.directory import read_directory
from xtts_finetune.xtts.weights.fit import problem_of_weights


@pytest.fixture(scope="session")
def weights(tiny_base: BaseFiles) -> dict[str, torch.Tensor]:
    found: dict[str, torch.Tensor] = torch.load(tiny_base.model, weights_only=True)["model"]
    return found


def made(file: ForeignFile, folder: Path, base: BaseFiles, weights: dict[str, torch.Tensor]) -> Path:
    shutil.copyfile(base.vocab, folder / "of_base.json")
    return file.make(folder, dict(weights))


@pytest.mark.parametrize("file", [*READ, *ROUNDED], ids=lambda file: file.what)
def test_it_is_read_and_its_weights_come_out(
    file: ForeignFile, tmp_path: Path, tiny_base: BaseFiles, weights: dict[str, torch.Tensor]
) -> None:
    path = made(file, tmp_path, tiny_base, weights)
    assert problem_of_weights(path, tiny_base) is None
    directory = read_directory(path)
    assert {name: entry.shape for name, entry in directory.weights.items()} == {
        name: tuple(value.shape) for name, value in weights.items()
    }
    found = load_model(tiny_base, path).gpt.state_dict()
    tolerance = 0.01 if file in ROUNDED else 0
    for name, value in weights.items():
        torch.testing.assert_close(found[name.removeprefix("gpt.")], value, rtol=tolerance, atol=tolerance / 1000)


@pytest.mark.parametrize("file", REFUSED, ids=lambda file: file.what)
def test_it_is_refused_with_its_true_reason(
    file: ForeignFile, tmp_path: Path, tiny_base: BaseFiles, weights: dict[str, torch.Tensor]
) -> None:
    path = made(file, tmp_path, tiny_base, weights)
    assert file.refused is not None
    problem = problem_of_weights(path, tiny_base)
    assert problem is not None
    assert str(path) in problem
    assert "\n" not in problem and len(problem) < 400 + 2 * len(str(path))
    with pytest.raises(UserError, match=file.refused):
        raise UserError(problem)


@pytest.mark.parametrize("file", REFUSED, ids=lambda file: file.what)
def test_loading_it_says_the_same(
    file: ForeignFile, tmp_path: Path, tiny_base: BaseFiles, weights: dict[str, torch.Tensor]
) -> None:
    path = made(file, tmp_path, tiny_base, weights)
    with pytest.raises(UserError) as error:
        load_model(tiny_base, path)
    assert str(error.value) == problem_of_weights(path, tiny_base)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pipes in folders")
def test_what_is_no_ordinary_file_is_not_called_absent(tiny_base: BaseFiles, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.pth")
    (tmp_path / "device.pth").symlink_to(os.devnull)
    for name in ("pipe", "device"):
        path = tmp_path / f"{name}.pth"
        reason = f"{path}: this is not an ordinary file but a {name}; name a file of weights"
        assert problem_of_weights(path, tiny_base) == reason
        with pytest.raises(UserError) as error:
            load_model(tiny_base, path)
        assert str(error.value) == reason
