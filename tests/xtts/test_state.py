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
from xtts_finetune.xtts.weights.directory import read_directory

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
def test_code_in_a_file_never_runs_and_the_weights_beside_it_are_read(tmp_path: Path, as_zip: bool) -> None:
    made = tmp_path / "made_by_the_pickle"
    content = {"model": GPT, "more": Harmful(made), "step": 7}
    path = tmp_path / "harmful.pth"
    torch.save(content, path, _use_new_zipfile_serialization=as_zip)
    checkpoint = read_checkpoint(path)
    assert list(read_directory(path).weights) == list(GPT)
    assert not made.exists()
    assert checkpoint["step"] == 7
    assert torch.equal(checkpoint["model"]["gpt.mel_head.weight"], GPT["gpt.mel_head.weight"])


def test_a_plain_pickle_with_code_is_refused_and_does_not_run(tmp_path: Path) -> None:
    made = tmp_path / "made_by_the_pickle"
    path = tmp_path / "harmful.pth"
    path.write_bytes(pickle.dumps({"more": Harmful(made)}))
    with pytest.raises(UserError, match=r"harmful\.pth: this is not a checkpoint of XTTS"):
        read_checkpoint(path)
    assert not made.exists()


def test_an_optimizer_beside_objects_of_other_kinds_comes_out_whole(tmp_path: Path) -> None:
    parameter = torch.nn.Parameter(torch.ones(3, 2))
    adam = torch.optim.Adam([parameter])
    parameter.sum().backward()
    adam.step()
    path = saved(tmp_path / "c.pth", {"model": GPT, "optimizer": [adam.state_dict()], "more": Harmful(tmp_path / "x")})
    found = read_checkpoint(path)["optimizer"][0]
    again = torch.optim.Adam([torch.nn.Parameter(torch.ones(3, 2))])
    again.load_state_dict(found)
    moment = again.state_dict()["state"][0]["exp_avg"]
    assert torch.equal(moment, adam.state_dict()["state"][0]["exp_avg"])


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "this file is empty"),
        (b"not a checkpoint\n", "this is a text file"),
        (b"PK\x03\x04" + bytes(100), "this file is not whole"),
    ],
)
def test_a_file_that_is_no_checkpoint_is_named(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "x.pth"
    path.write_bytes(content)
    with pytest.raises(UserError, match=rf"x\.pth: {reason}"):
        read_checkpoint(path)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.99])
def test_a_truncated_checkpoint_is_named(tmp_path: Path, share: float) -> None:
    path = saved(tmp_path / "c.pth", {"model": {"gpt.w": torch.randn(1000)}})
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(UserError, match=r"c\.pth: this file is not whole"):
        read_checkpoint(path)


def test_a_missing_file_and_a_folder_are_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"nothing\.pth: there is no such file"):
        read_checkpoint(tmp_path / "nothing.pth")
    with pytest.raises(UserError, match="this is a folder"):
        read_checkpoint(tmp_path)


@pytest.mark.parametrize("content", [{"step": 3}, [1, 2], {"model": 5}, {}])
def test_weights_of_something_else_are_named(tmp_path: Path, content: object) -> None:
    with pytest.raises(UserError, match="not a checkpoint of XTTS: it has no weights"):
        read_checkpoint(saved(tmp_path / "c.pth", content))


def test_a_flipped_bit_is_found_unless_the_file_was_compared_before(tmp_path: Path) -> None:
    path = saved(tmp_path / "c.pth", {"model": {"gpt.w": torch.full((1000,), 1.5)}})
    content = bytearray(path.read_bytes())
    content[content.find(torch.full((9,), 1.5).numpy().tobytes()) + 99] ^= 1
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"damaged \(its part .*data/0 has another CRC-32\)"):
        read_checkpoint(path)
    assert read_checkpoint(path, checked=True)["model"]["gpt.w"].shape == (1000,)
