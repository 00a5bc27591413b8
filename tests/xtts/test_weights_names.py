"""Wrappers around a model are seen through, and no name of XTTS itself is hurt."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from testbed.random_base import BaseSize, make_random_base
from xtts_finetune.xtts.base import BaseFiles, read_config
from xtts_finetune.xtts.weights.form import may_be_missing
from xtts_finetune.xtts.weights.gpt_shapes import gpt_shapes, hifigan_names, sizes_of_config
from xtts_finetune.xtts.weights.names import WRAPPERS, coqui_names, flatten
from xtts_finetune.xtts.weights.vocabulary_file import read_vocabulary

NAMES = ["gpt.mel_embedding.weight", "gpt.gpt.h.0.attn.c_attn.weight", "hifigan_decoder.speaker_encoder.fc.bias",
         "gpt.conditioning_perceiver.layers.0.1.0.weight", "mel_stats", "gpt.text_head.bias"]  # fmt: skip


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[BaseFiles, dict[str, torch.Tensor]]:
    base = make_random_base(tmp_path_factory.mktemp("whole"), BaseSize(with_hifigan=True))
    return base, torch.load(base.model, weights_only=True)["model"]


def test_the_names_of_a_whole_model_stay_as_they_are(
    whole: tuple[BaseFiles, dict[str, torch.Tensor]],
) -> None:
    names = list(whole[1])
    assert coqui_names(names) == {name: name for name in names}
    assert not {part for name in names for part in name.split(".")} & WRAPPERS


def test_the_computed_shapes_are_those_of_coquis_model(
    whole: tuple[BaseFiles, dict[str, torch.Tensor]],
) -> None:
    base, weights = whole
    sizes = sizes_of_config(read_config(base), read_vocabulary(base.vocab).tokens)
    gpt = {name: tuple(value.shape) for name, value in weights.items() if name.startswith("gpt.")}
    assert gpt_shapes(sizes) == gpt
    hifigan = {name for name in weights if name.startswith("hifigan_decoder.")}
    assert {name for name in hifigan if not may_be_missing(name)} == hifigan_names()


@given(
    st.lists(st.sampled_from(sorted(WRAPPERS)), max_size=4),
    st.lists(st.sampled_from(sorted(WRAPPERS)), max_size=2),
)
def test_wrappers_in_any_order_before_and_within_a_name(before: list[str], within: list[str]) -> None:
    wrapped = {}
    for name in NAMES:
        first, *rest = name.split(".")
        wrapped[".".join([*before, first, *within, *rest])] = name
    assert coqui_names(wrapped) == {name: wrong for wrong, name in wrapped.items()}


@given(st.lists(st.text("abcdefgh_", min_size=1, max_size=6), min_size=1, max_size=3).map(".".join))
def test_an_unknown_wrapper_is_seen_by_where_the_gpt_begins(before: str) -> None:
    assert coqui_names(f"{before}.{name}" for name in NAMES) == {name: f"{before}.{name}" for name in NAMES}


def test_a_gpt_alone_gets_its_prefix_back() -> None:
    alone = [name.removeprefix("gpt.") for name in NAMES if name.startswith("gpt.")]
    assert coqui_names(alone) == {f"gpt.{name}": name for name in alone}


def test_of_a_model_and_its_average_the_model_counts() -> None:
    names = [f"{which}.{name}" for which in ("ema_model", "model_state") for name in NAMES]
    assert coqui_names(names) == {name: f"model_state.{name}" for name in NAMES}


def test_what_does_not_belong_to_the_model_is_left_out() -> None:
    others = ["optimizer.state.x", "dvae.encoder.0.0.weight", "gpt.gpt.wte.weight",
              "gpt.gpt_inference.final_norm.weight", "gpt.gpt.h.3.attn.masked_bias", "discriminator.a",
              "torch_mel_spectrogram_dvae.mel_stft"]  # fmt: skip
    assert set(coqui_names([*NAMES, *others])) == set(NAMES)


def test_a_tree_without_an_end_is_refused() -> None:
    tree: dict[str, object] = {}
    tree["again"] = tree
    with pytest.raises(ValueError, match="nested without an end"):
        flatten(tree, lambda value: False)
    for _ in range(30):
        tree = {"one": tree, "two": tree}
    with pytest.raises(ValueError, match="nested without an end"):
        flatten(tree, lambda value: False)


def test_the_sizes_of_v2_make_its_published_shapes() -> None:
    """As they are named in reports of people whose checkpoints did not fit."""
    config = {"model_args": {"gpt_num_audio_tokens": 1026, "gpt_use_perceiver_resampler": True}}
    shapes = gpt_shapes(sizes_of_config(config, 6681))
    assert shapes["gpt.text_embedding.weight"] == (6681, 1024)
    assert shapes["gpt.mel_pos_embedding.emb.weight"] == (608, 1024)
    assert shapes["gpt.text_pos_embedding.emb.weight"] == (404, 1024)
    assert shapes["gpt.mel_head.weight"] == (1026, 1024)
