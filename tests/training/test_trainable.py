"""What a phase trains: parts of the GPT, or adapters that are added up in everything that is saved."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from TTS.tts.configs.xtts_config import XttsConfig
from TTS.tts.models.xtts import Xtts

from testbed.random_base import BaseSize, make_random_base
from tests.training.conftest import declaration_of, open_trainer, run_of, train
from xtts_finetune.errors import UserError
from xtts_finetune.records.metrics import EvalRecord, StepRecord, read_metrics
from xtts_finetune.spec.phase import PhaseSpec
from xtts_finetune.spec.train import LoraSpec, TrainLora
from xtts_finetune.spec.utterances import InferenceSpec
from xtts_finetune.training.optimizing.optimizer import keep_moments, make_optimizer, trained_names
from xtts_finetune.training.optimizing.trainable import PARTS, make_trainable
from xtts_finetune.training.phase_data import PhaseData
from xtts_finetune.training.phase_model import PhaseModel
from xtts_finetune.training.recorder import evaluate
from xtts_finetune.xtts.base import BaseFiles
from xtts_finetune.xtts.model import left_as_it_was, load_model
from xtts_finetune.xtts.speech.speech import Speaker, Speech
from xtts_finetune.xtts.state import StateDict

LORA = "phase1.train={lora: {rank: 4, dropout: 0.1}}"


def of_checkpoint(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = torch.load(path, weights_only=True)
    return found


def same(found: StateDict, expected: StateDict) -> bool:
    return found.keys() == expected.keys() and all(torch.equal(value, expected[key]) for key, value in found.items())


def timeless(record: StepRecord | EvalRecord) -> dict[str, object]:
    return {key: value for key, value in asdict(record).items() if "seconds" not in key}


def test_every_weight_of_the_gpt_is_of_one_part(tiny_base: BaseFiles) -> None:
    for name, _ in load_model(tiny_base).gpt.named_parameters():
        assert len([part for part, begins in PARTS.items() if name.startswith(begins)]) == 1, name


@pytest.mark.parametrize("parts", [["gpt"], ["heads", "embeddings"], ["embeddings"], ["conditioning"]])
def test_the_declared_parts_change_and_no_others(project: Path, parts: list[str]) -> None:
    train(project, "phase1", f"phase1.train={parts}", "phase1.steps=1", "phase2.resume_from.checkpoint=last")
    folder = run_of(project).candidate("phase1")
    ((_, path),) = folder.checkpoints()
    checkpoint, before = of_checkpoint(path), load_model(BaseFiles(project / "base")).state_dict()
    begins = tuple(f"gpt.{begin}" for part in parts for begin in PARTS[part])
    changed = {
        name.removeprefix("xtts.")
        for name, value in checkpoint["model"].items()
        if not torch.equal(value, before[name.removeprefix("xtts.")])
    }
    assert changed
    assert all(name.startswith(begins) for name in changed)
    assert {name for name in before if name.startswith(begins) and name.endswith("weight")} <= changed
    moments = checkpoint["optimizer"][0]["state"]
    assert len(moments) == len([name for name in before if name.startswith(begins)])
    info = json.loads(folder.model_info.read_text(encoding="utf-8"))
    assert info["hyperparameters"]["train"] == parts


@pytest.fixture(scope="module")
def adapted(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose first phase has trained adapters; read it, do not write to it."""
    folder = Path(shutil.copytree(prepared, tmp_path_factory.mktemp("adapted") / "project"))
    train(folder, "phase1", LORA, "phase2.resume_from.optimizer=reset")
    return folder


def test_adapters_learn_and_what_is_saved_has_them_added_up(adapted: Path) -> None:
    folder = run_of(adapted).candidate("phase1")
    evals = read_metrics(folder.metrics).evals
    assert evals[-1].mel_ce < evals[0].mel_ce
    base = BaseFiles(adapted / "base")
    plain = load_model(base).state_dict()
    for path in (folder.best_model, folder.checkpoint(6)):
        model = load_model(base, path)  # raises for a name that stock does not have
        changed = {name for name, value in model.state_dict().items() if not torch.equal(value, plain[name])}
        assert changed == {
            f"gpt.gpt.h.{block}.{layer}.weight"
            for block in range(2)
            for layer in ("attn.c_attn", "attn.c_proj", "mlp.c_fc", "mlp.c_proj")
        }
        declared = declaration_of(adapted)
        data = PhaseData(run_of(adapted), base, declared.phases["phase1"], declared.pipeline.datasets)
        again = evaluate(model.gpt, data.eval_batches(), 6)
        data.close()
        assert again.mel_ce == pytest.approx(evals[-1].mel_ce, rel=1e-5)


def test_stock_xtts_loads_the_best_model_of_adapters(adapted: Path) -> None:
    folder = run_of(adapted).candidate("phase1")
    config = XttsConfig()
    config.load_json(str(folder.config))
    Xtts(config).load_checkpoint(
        config, checkpoint_path=str(folder.best_model), vocab_path=str(folder.vocab), strict=True, eval=False
    )


def test_only_adapters_have_moments(adapted: Path) -> None:
    checkpoint = of_checkpoint(run_of(adapted).candidate("phase1").checkpoint(6))
    assert len(checkpoint["optimizer"][0]["state"]) == 2 * 4 * 2  # blocks, layers, A and B
    assert all(".lora_" in name for name in checkpoint["trained"])


def test_an_interrupted_phase_with_adapters_goes_on_bit_for_bit(adapted: Path, project: Path) -> None:
    for stop_at in (3, 5, None):
        train(project, "phase1", LORA, "phase2.resume_from.optimizer=reset", stop_at=stop_at)
    ours, untouched = (run_of(folder).candidate("phase1") for folder in (project, adapted))
    again, theirs = read_metrics(ours.metrics), read_metrics(untouched.metrics)
    assert list(map(timeless, again.steps)) == list(map(timeless, theirs.steps))
    assert list(map(timeless, again.evals)) == list(map(timeless, theirs.evals))
    final, expected = of_checkpoint(ours.checkpoint(6)), of_checkpoint(untouched.checkpoint(6))
    assert same(final["model"], expected["model"])
    assert same(final["lora"], expected["lora"])
    assert of_checkpoint(ours.checkpoint(3))["lora"] is None  # phase 2 starts from its weights alone


def test_a_later_phase_trains_on_from_what_adapters_made(adapted: Path, project: Path) -> None:
    shutil.copytree(run_of(adapted).candidate("phase1").path, run_of(project).candidate("phase1").path)
    train(project, "phase2", LORA, "phase2.resume_from={phase: phase1, checkpoint: step 3}", "phase2.steps=1")
    start = read_metrics(run_of(project).candidate("phase2").metrics).evals[0]
    recorded = {record.step: record for record in read_metrics(run_of(adapted).candidate("phase1").metrics).evals}
    assert recorded[2].mel_ce > start.mel_ce > recorded[4].mel_ce


def test_the_model_speaks_with_its_adapters_in_place(tmp_path: Path) -> None:
    base = make_random_base(tmp_path / "base", BaseSize(max_audio_tokens=15, max_text_tokens=60))
    model = PhaseModel(load_model(base), PhaseSpec(learning_rate=1e-3, steps=1, train=TrainLora(lora=LoraSpec())), 1)
    model.set_training()
    torch.manual_seed(0)
    for name, weight in model.named_parameters():
        if ".lora_B." in name:
            torch.nn.init.normal_(weight.data, std=0.1)
    modes = [module.training for module in model.modules()]
    before = {name: value.clone() for name, value in model.state_dict().items()}
    torch.save({"model": model.weights()}, tmp_path / "merged.pth")

    def spoken(xtts: Xtts) -> Speech:
        noise = np.random.default_rng(1).uniform(-0.3, 0.3, 44_100).astype(np.float32)
        return Speaker.with_references(base, xtts, "preview", [noise], sampling=False).speak(
            "Hello.", "en", InferenceSpec(), 1
        )

    with left_as_it_was(model.xtts):
        speech = spoken(model.xtts)
    assert same(dict(model.state_dict()), before)
    assert [module.training for module in model.modules()] == modes
    merged = spoken(load_model(base, tmp_path / "merged.pth"))
    assert np.allclose(speech.wave, merged.wave, atol=1e-3)
    assert not np.allclose(speech.wave[:1000], spoken(load_model(base)).wave[:1000], atol=1e-3)


def test_a_checkpoint_of_other_adapters_is_refused(project: Path) -> None:
    reset = "phase2.resume_from.optimizer=reset"
    train(project, "phase1", LORA, reset, stop_at=3)
    with pytest.raises(UserError, match=r"checkpoint_3\.pth: it is of another model than this phase trains"):
        train(project, "phase1", "phase1.train={lora: {rank: 8}}", reset)
    with pytest.raises(UserError, match="it is of another model than this phase trains"):
        open_trainer(project, "phase1", lambda _: None)


def gpt_that_trains(base: BaseFiles, train: Any) -> Any:
    gpt = load_model(base).gpt
    make_trainable(gpt, train, seed=1)
    return gpt


def test_what_both_phases_train_keeps_its_moments(tiny_base: BaseFiles) -> None:
    old = gpt_that_trains(tiny_base, ("heads", "embeddings"))
    optimizer = make_optimizer(old, 1e-3, 0.01)
    for number, parameter in enumerate(old.parameters()):
        if parameter.requires_grad:
            parameter.grad = torch.full_like(parameter, 0.1 + number)
    optimizer.step()
    names = [name for group in trained_names(old) for name in group]
    checkpoint = {"optimizer": [optimizer.state_dict()], "trained": names}
    new = gpt_that_trains(tiny_base, ("gpt", "heads"))
    fresh = make_optimizer(new, 5e-6, 0.01)
    keep_moments(fresh, new, checkpoint, "x.pth")
    name_of = {parameter: name for name, parameter in new.named_parameters()}
    theirs = {
        name: optimizer.state[parameter]["exp_avg"] for name, parameter in old.named_parameters() if name in names
    }
    kept = {name_of[parameter]: state["exp_avg"] for parameter, state in fresh.state.items()}
    assert kept.keys() == {name for name in names if name.startswith(PARTS["heads"])}
    assert all(torch.equal(value, theirs[name]) for name, value in kept.items())
    conditioning = gpt_that_trains(tiny_base, ("conditioning",))
    with pytest.raises(UserError, match=r"x\.pth: nothing that this phase trains was trained there"):
        keep_moments(make_optimizer(conditioning, 1e-6, 0.0), conditioning, checkpoint, "x.pth")
