"""Checkpoints in every form that XTTS comes in, and files that are none."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest
import torch
from TTS.tts.configs.xtts_config import XttsConfig
from TTS.tts.models.xtts import _legacy_safe_globals

from xtts_finetune.errors import UserError
from xtts_finetune.xtts.state import model_weights, read_checkpoint

GPT = {"gpt.mel_head.weight": torch.ones(3, 2)}


def saved(path: Path, content: object) -> Path:
    torch.save(content, path)
    return path


@pytest.mark.parametrize(
    "content",
    [
        {"model": GPT},
        {"model": {f"xtts.{key}": value for key, value in GPT.items()}, "config": {"lr": 1.0}, "step": 3},
        {"model": {**GPT, "dvae.x": torch.ones(1), "torch_mel_spectrogram_dvae.y": torch.ones(1)}},
        {"model": {**GPT, "gpt.gpt_inference.z": torch.ones(1), "gpt.gpt.wte.weight": torch.ones(1)}},
        GPT,
    ],
    ids=["model.pth", "stock Trainer", "with DVAE and mels", "with inference's copies", "bare"],
)
def test_weights_come_out_under_one_name(tmp_path: Path, content: object) -> None:
    weights = model_weights(read_checkpoint(saved(tmp_path / "c.pth", content)))
    assert list(weights) == list(GPT)
    assert torch.equal(weights["gpt.mel_head.weight"], GPT["gpt.mel_head.weight"])


def test_the_published_form_with_its_configuration_as_an_object_is_read(tmp_path: Path) -> None:
    with _legacy_safe_globals():  # under the class names of the time when XTTS v2 was published
        path = saved(tmp_path / "model.pth", {"model": GPT, "config": XttsConfig()})
    assert b"TTS.tts.models.xtts" in path.read_bytes()
    assert list(model_weights(read_checkpoint(path))) == list(GPT)


class Harmful:
    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.target,)


@pytest.mark.parametrize("as_zip", [True, False])
def test_code_in_a_file_never_runs(tmp_path: Path, as_zip: bool) -> None:
    made = tmp_path / "made_by_the_pickle"
    content = {"model": GPT, "more": Harmful(made)}
    path = tmp_path / "harmful.pth"
    if as_zip:
        torch.save(content, path)
    else:
        path.write_bytes(pickle.dumps(content))
    with pytest.raises(UserError, match=r"harmful\.pth"):
        read_checkpoint(path)
    assert not made.exists()


@pytest.mark.parametrize("content", [b"", b"not a checkpoint\n", b"PK\x03\x04" + bytes(100)])
def test_a_file_that_is_no_checkpoint_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.pth"
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"x\.pth: this is not a whole checkpoint"):
        read_checkpoint(path)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.99])
def test_a_truncated_checkpoint_is_named(tmp_path: Path, share: float) -> None:
    path = saved(tmp_path / "c.pth", {"model": {"gpt.w": torch.randn(1000)}})
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(UserError, match="not a whole checkpoint"):
        read_checkpoint(path)


def test_a_missing_file_and_a_folder_are_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"there is no file .*nothing\.pth"):
        read_checkpoint(tmp_path / "nothing.pth")
    with pytest.raises(UserError, match="this is a folder"):
        read_checkpoint(tmp_path)


@pytest.mark.parametrize("content", [{"step": 3}, [1, 2], {"model": 5}, {}])
def test_weights_of_something_else_are_named(tmp_path: Path, content: object) -> None:
    with pytest.raises(UserError, match="not a checkpoint of XTTS"):
        read_checkpoint(saved(tmp_path / "c.pth", content))
