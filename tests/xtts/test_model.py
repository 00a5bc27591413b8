"""Building Coqui's model from a base, and refusing weights that do not fit."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from TTS.tts.models.xtts import Xtts

from testbed.random_base import BaseSize, make_random_base
from xtts_finetune.errors import UserError
from xtts_finetune.xtts.base import BaseFiles
from xtts_finetune.xtts.encoder import load_dvae
from xtts_finetune.xtts.model import has_own_hifigan, load_config, load_model
from xtts_finetune.xtts.state import hifigan_of, without_hifigan
from xtts_finetune.xtts.tokenizer import load_vocabulary


@pytest.fixture
def base(tiny_base: BaseFiles, tmp_path: Path) -> BaseFiles:
    return BaseFiles(Path(shutil.copytree(tiny_base.folder, tmp_path / "base")))


def test_every_model_of_a_base_without_hifigan_gets_the_same_one(base: BaseFiles) -> None:
    torch.manual_seed(1)
    first = load_model(base).hifigan_decoder.state_dict()
    torch.manual_seed(2)
    second = load_model(base).hifigan_decoder.state_dict()
    assert all(torch.equal(value, second[key]) for key, value in first.items())


def test_weights_without_a_hifigan_get_the_bases(tmp_path: Path) -> None:
    base = make_random_base(tmp_path / "base", BaseSize(with_hifigan=True))
    whole = torch.load(base.model, weights_only=True)["model"]
    torch.save({"model": {f"xtts.{key}": value for key, value in without_hifigan(whole).items()}}, tmp_path / "c.pth")
    model = load_model(base, tmp_path / "c.pth")
    found = hifigan_of(model.state_dict())
    assert found
    assert all(torch.equal(value, whole[key]) for key, value in found.items())
    assert not has_own_hifigan(model, base)
    next(iter(found.values())).add_(1e-3)
    assert has_own_hifigan(model, base)


def test_nothing_of_a_model_is_left_as_it_was_in_memory(tmp_path: Path) -> None:
    """Also what is in no file: each tensor is that of a model all of whose weights were drawn first, as stock does."""
    base = make_random_base(tmp_path / "base", BaseSize(with_hifigan=True))
    ours = load_model(base)
    theirs = Xtts(load_config(base))
    theirs.tokenizer = load_vocabulary(base.vocab)
    theirs.init_models()
    theirs.load_state_dict(torch.load(base.model, weights_only=True)["model"], strict=False)
    theirs.mel_stats = torch.load(base.mel_stats, weights_only=True)
    expected = dict(theirs.named_parameters()) | dict(theirs.named_buffers())
    found = dict(ours.named_parameters()) | dict(ours.named_buffers())
    assert found.keys() == expected.keys()
    assert [name for name, value in found.items() if not torch.equal(value, expected[name])] == []


def test_half_precision_weights_become_float32(base: BaseFiles) -> None:
    saved = torch.load(base.model, weights_only=True)["model"]
    torch.save({"model": {key: value.half() for key, value in saved.items()}}, base.model)
    gpt = load_model(base).gpt
    assert {parameter.dtype for parameter in gpt.parameters()} == {torch.float32}


def test_loading_leaves_the_number_of_threads_alone(base: BaseFiles) -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    load_model(base)
    assert torch.get_num_threads() == 2
    torch.set_num_threads(before)


def test_weights_of_another_size_are_named(base: BaseFiles, tmp_path: Path) -> None:
    other = make_random_base(tmp_path / "other", BaseSize(width=32))
    with pytest.raises(UserError, match="it has 2 layers of width 32; the base has 2 of 64"):
        load_model(base, other.model)


@pytest.mark.parametrize(
    ("change", "said"), [("missing", r"it lacks gpt\.mel_head\.weight"), ("unknown", r"it has gpt\.more")]
)
def test_missing_and_unknown_weights_are_named(base: BaseFiles, change: str, said: str) -> None:
    saved = torch.load(base.model, weights_only=True)["model"]
    if change == "missing":
        del saved["gpt.mel_head.weight"]
    else:
        saved["gpt.more"] = torch.ones(1)
    torch.save({"model": saved}, base.model)
    with pytest.raises(UserError, match=said):
        load_model(base)


def test_a_dvae_of_another_kind_is_named(base: BaseFiles) -> None:
    torch.save({"weight": torch.ones(1)}, base.dvae)
    with pytest.raises(UserError, match=r"dvae\.pth: this is not a DVAE"):
        load_dvae(base.dvae)


def test_a_dvae_that_lacks_weights_is_named(base: BaseFiles) -> None:
    state = torch.load(base.dvae, weights_only=True)
    del state["decoder.0.weight"]
    torch.save(state, base.dvae)
    with pytest.raises(UserError, match=r"lacks decoder\.0\.weight"):
        load_dvae(base.dvae)


def test_a_broken_vocabulary_is_named(base: BaseFiles) -> None:
    base.vocab.write_text(json.dumps({"model": {}}), encoding="utf-8")
    with pytest.raises(UserError, match=r"vocab\.json"):
        load_model(base)
