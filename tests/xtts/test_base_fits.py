"""The five files of a base fit each other, or it is said which does not and why."""

# ruff: noqa: E501  (a line of the table is one fault)

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from testbed.random_base import BaseSize, make_random_base
from xtts_finetune.spec.utterances import InferenceSpec
from xtts_finetune.xtts.base import BaseFiles, read_config
from xtts_finetune.xtts.encoder import load_dvae, load_mel_stats
from xtts_finetune.xtts.model import load_model
from xtts_finetune.xtts.speech.packing import write_config
from xtts_finetune.xtts.tokenizer import Tokenizer
from xtts_finetune.xtts.weights.fit import problem_of_base, problem_of_weights


@pytest.fixture
def base(tiny_base: BaseFiles, tmp_path: Path) -> BaseFiles:
    return BaseFiles(Path(shutil.copytree(tiny_base.folder, tmp_path / "base")))


def _configured(**values: object) -> Callable[[BaseFiles], None]:
    def change(base: BaseFiles) -> None:
        config = json.loads(base.config.read_text(encoding="utf-8"))
        config["model_args"].update(values)
        base.config.write_text(json.dumps(config), encoding="utf-8")

    return change


def _resaved(name: str, change: Callable[[Any], object]) -> Callable[[BaseFiles], None]:
    def resave(base: BaseFiles) -> None:
        content = torch.load(base.folder / name, weights_only=True)
        torch.save(change(content), base.folder / name)

    return resave


def _more_tokens(base: BaseFiles) -> None:
    vocab = json.loads(base.vocab.read_text(encoding="utf-8"))
    vocab["model"]["vocab"] |= {f"new {number}": 128 + number for number in range(12)}
    base.vocab.write_text(json.dumps(vocab), encoding="utf-8")


def _written(name: str, content: bytes) -> Callable[[BaseFiles], None]:
    def write(base: BaseFiles) -> None:
        (base.folder / name).write_bytes(content)

    return write


def _cut(name: str) -> Callable[[BaseFiles], None]:
    return lambda base: (base.folder / name).write_bytes((base.folder / name).read_bytes()[:900]) and None


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (_configured(gpt_layers=30), r"model\.pth: it has 2 layers of width 64; config\.json says 30 of 64"),
        (_configured(gpt_num_audio_tokens=8194), r"model\.pth: it has 1,026 audio tokens; config\.json says 8,194"),
        (_configured(gpt_use_perceiver_resampler=False), r"weights of XTTS v2 \(1,026 audio tokens, a perceiver\); config"),
        (_configured(gpt_max_audio_tokens=300), "608 positions of sound; config.json says 303"),
        (_configured(gpt_n_heads=0), r"config\.json: 0 heads cannot share 64 channels evenly"),
        (_written("config.json", b""), r"config\.json: this file is empty; fetch the base again"),
        (_written("config.json", b"\xef\xbb\xbf\n"), r"config\.json: this file is empty; fetch the base again"),
        (_written("config.json", b"{\n,}"), r"config\.json: this is not readable JSON \(see line 2, column 1\)"),
        (_written("config.json", b'{"a": "\xff"}'), r"config\.json: this is not a text in UTF-8; fetch"),
        (_written("vocab.json", b""), r"vocab\.json: this file is empty; fetch it again"),
        (lambda base: base.vocab.unlink(), r"vocab\.json: there is no such file; fetch it again"),
        (_configured(gpt_n_heads=3), r"config\.json: 3 heads cannot share 64 channels evenly"),
        (_configured(gpt_layers="many"), r"model_args\.gpt_layers: expected a positive number but got 'many'"),
        (_more_tokens, r"rows for 128 text tokens; the base's vocab\.json has 140: fetch both files of one release"),
        (_cut("model.pth"), r"model\.pth: this file is not whole: it ends after 900 bytes"),
        (_cut("dvae.pth"), r"dvae\.pth: this file is not whole"),
        (_resaved("model.pth", lambda content: content["model"]["gpt.mel_head.weight"]), r"model\.pth: this is a single tensor"),
        (_resaved("dvae.pth", lambda content: {"a": torch.ones(1)}), r"dvae\.pth: this is not a DVAE that fits XTTS"),
        (_resaved("dvae.pth", lambda content: {k: v for k, v in content.items() if k != "decoder.0.weight"}),
         r"dvae\.pth: this DVAE lacks decoder\.0\.weight"),
        (_resaved("dvae.pth", lambda content: content | {"codebook.embed": torch.ones(32, 512)}),
         r"dvae\.pth: this DVAE has 512 codes; config\.json has 1,026 audio tokens, 1,024 of them codes"),
        (_resaved("dvae.pth", lambda content: content | {"codebook.embed": content["codebook.embed"] / 0}),
         r"dvae\.pth: it holds .*values, first in codebook\.embed\); fetch it again with the rest of its release"),
        (_resaved("mel_stats.pth", lambda content: torch.ones(100)), r"mel_stats\.pth: this is not one row of 80 numbers"),
        (_resaved("mel_stats.pth", lambda content: {"mel": content}), r"mel_stats\.pth: this is not one row of 80"),
        (_resaved("mel_stats.pth", lambda content: content * float("nan")),
         r"mel_stats\.pth: it holds NaN \(80 values\); fetch it again with the rest of its release"),
        (_resaved("mel_stats.pth", lambda content: content * 0), r"mel_stats\.pth: all its 80 numbers are zero, .*; fetch it again"),
        (_resaved("mel_stats.pth", lambda content: (content * (torch.arange(80) != 7)).bfloat16()), r"1 of its 80 numbers are zero"),
        (_resaved("mel_stats.pth", lambda content: content.double() * 1e-300), r"all its 80 numbers are zero"),
        (lambda base: shutil.copyfile(base.dvae, base.model) and None, r"looks like a DVAE .*; fetch all five files again"),
        (_written("model.pth", b"Thank you for downloading!"), r"model\.pth: this is a text file .*; fetch all five files again"),
        (_resaved("model.pth", lambda content: {"model": {k: v * float("nan") for k, v in content["model"].items()}}),
         r"model\.pth: it holds NaN \([\d,]+ values, first in gpt\.\S+; fetch it again with the rest"),
        (lambda base: base.vocab.write_text("[]", encoding="utf-8") and None, r"vocab\.json: this is not the vocabulary"),
    ],
)  # fmt: skip
def test_a_base_whose_files_do_not_fit(base: BaseFiles, change: Callable[[BaseFiles], None], reason: str) -> None:
    assert problem_of_base(base) is None
    change(base)
    with pytest.raises(ValueError, match=reason):
        raise ValueError(problem_of_base(base))


def test_what_an_editor_puts_in_front_of_a_text_is_passed_over(base: BaseFiles, tmp_path: Path) -> None:
    expected, read = load_model(base), read_config(base)
    tokens = Tokenizer(base.vocab).encode("one two", "en")
    for path in (base.config, base.vocab):
        path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert problem_of_base(base) is None
    assert read_config(base) == read
    assert load_model(base).config.to_dict() == expected.config.to_dict()
    assert Tokenizer(base.vocab).encode("one two", "en") == tokens
    write_config(tmp_path / "packed.json", base, "en", InferenceSpec())
    assert (
        json.loads((tmp_path / "packed.json").read_text(encoding="utf-8"))["model_args"]["gpt_layers"]
        == read["model_args"]["gpt_layers"]
    )


def test_the_largest_number_of_float32_is_no_infinity(base: BaseFiles, tmp_path: Path) -> None:
    weights = {name: value.double() for name, value in torch.load(base.model, weights_only=True)["model"].items()}
    weights["gpt.mel_head.bias"][0] = float(2**128 - 2**103) - 2.0**75
    torch.save({"model": weights}, tmp_path / "large.pth")
    assert problem_of_weights(tmp_path / "large.pth", base) is None
    assert load_model(base, tmp_path / "large.pth").gpt.mel_head.bias[0].isfinite()


def test_a_base_in_other_containers_is_read(base: BaseFiles) -> None:
    expected = load_model(base).gpt.state_dict()
    mels, dvae = load_mel_stats(base.mel_stats), load_dvae(base.dvae).state_dict()
    save_file(torch.load(base.model, weights_only=True)["model"], base.model)
    save_file(torch.load(base.dvae, weights_only=True), base.dvae)
    torch.save(mels, base.mel_stats, _use_new_zipfile_serialization=False)
    assert problem_of_base(base) is None
    assert all(torch.equal(value, expected[name]) for name, value in load_model(base).gpt.state_dict().items())
    assert torch.equal(load_mel_stats(base.mel_stats), mels)
    assert all(torch.equal(value, dvae[name]) for name, value in load_dvae(base.dvae).state_dict().items())


def test_a_hifigan_of_an_older_torch_is_whole(tmp_path: Path) -> None:
    base = make_random_base(tmp_path / "base", BaseSize(with_hifigan=True))
    weights = torch.load(base.model, weights_only=True)["model"]
    old = {
        name.replace(".parametrizations.weight.original0", ".weight_g").replace(
            ".parametrizations.weight.original1", ".weight_v"
        ): value
        for name, value in weights.items()
        if "num_batches_tracked" not in name
    }
    path = tmp_path / "old.pth"
    torch.save({"model": old}, path)
    assert problem_of_weights(path, base) is None
    found = load_model(base, path).state_dict()
    assert all(torch.equal(found[name], value) for name, value in weights.items())
    torch.save({"model": {name: value for name, value in old.items() if "resblocks.7" not in name}}, path)
    assert "its HiFi-GAN is not whole: it lacks hifigan_decoder.waveform_decoder.resblocks.7" in str(
        problem_of_weights(path, base)
    )
