"""A model speaks in the middle of its training, and trains on as if it had not."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch

from testbed.random_base import BaseSize, make_random_base
from tests.evaluation.test_utterances import declare
from xtts_finetune.errors import UserError
from xtts_finetune.evaluation.spoken_quality import KEPT_STEPS, SpokenQuality
from xtts_finetune.records.clips import ClipRecord, write_clips
from xtts_finetune.records.metrics import QualityRecord
from xtts_finetune.records.run_folder import RunFolder
from xtts_finetune.spec.phase import PhaseSpec
from xtts_finetune.training.phase_model import PhaseModel
from xtts_finetune.xtts.base import BaseFiles, find_base
from xtts_finetune.xtts.model import left_as_it_was, load_model

SENTENCES = [{"id": "one", "text": "Yes."}, {"id": "two", "text": "Hello there."}]
UTTERANCES: dict[str, Any] = {"sentences": SENTENCES, "seeds": [7, 8], "reference": {"clips": 2}}


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> BaseFiles:
    size = BaseSize(max_audio_tokens=13, with_hifigan=True)
    return make_random_base(tmp_path_factory.mktemp("base"), size)


@pytest.fixture
def run(tmp_path: Path, demo_folder: Path) -> RunFolder:
    """A run whose clips are prepared."""
    run = RunFolder(tmp_path / "run")
    wavs = sorted((demo_folder / "data/set_a/wavs").glob("*.flac"))[:9]
    clips = [
        ClipRecord(wav.stem, "set", wav, "The old box and the good door.", "a", "en", 2.0, wav.stem, "train", 9)
        for wav in wavs
    ]
    write_clips(run.clips, clips)
    return run


def in_training(base: BaseFiles) -> PhaseModel:
    """A model that has been trained a little: gradients, modes and random state are as in a phase."""
    phase = PhaseSpec.model_validate({"goal": "-", "learning_rate": 1e-3, "steps": 10})
    model = PhaseModel(load_model(base), phase, total_steps=10)
    model.set_training()
    for number, weights in enumerate(model.xtts.gpt.parameters()):
        weights.grad = torch.full_like(weights, 0.01 * number) if number % 3 else None
    return model


def state_of(model: PhaseModel) -> dict[str, Any]:
    """Everything of a model that a training step could notice, and the random state."""
    state: dict[str, Any] = {f"weight {key}": value.clone() for key, value in model.state_dict().items()}
    for name, module in model.named_modules(remove_duplicate=False):
        plain = (bool, int, float, str, type(None), tuple)
        for key, value in vars(module).items():
            if isinstance(value, plain) or (key.endswith("_hooks") and not value):
                state[f"{name}.{key}"] = value
    for name, weights in model.named_parameters():
        state[f"grad {name}"] = None if weights.grad is None else weights.grad.clone()
        state[f"trains {name}"] = weights.requires_grad
        state[f"place {name}"] = weights.data_ptr()
    state["python"], state["torch"] = random.getstate(), torch.get_rng_state()
    state["numpy"] = np.random.get_state()[1].tolist()
    state["threads"] = torch.get_num_threads()
    return state


def assert_unchanged(model: PhaseModel, before: dict[str, Any]) -> None:
    after = state_of(model)
    assert list(after) == list(before)
    changed = [
        key
        for key, value in before.items()
        if not (torch.equal(value, after[key]) if isinstance(value, torch.Tensor) else value == after[key])
    ]
    assert changed == []


@pytest.mark.parametrize("vocoder", ["preview", "hifigan"])
def test_the_model_is_left_as_it_was(base: BaseFiles, run: RunFolder, vocoder: str) -> None:
    model = in_training(base)
    quality = SpokenQuality(with_vocoder(declare(base, run, UTTERANCES), vocoder), run, "phase1")
    before = state_of(model)
    quality(model.xtts, 0)
    assert_unchanged(model, before)
    names = {name for name, _ in model.xtts.named_modules(remove_duplicate=False)}
    assert not {name for name in names if "gpt_inference" in name or "wte" in name}


def with_vocoder(declaration: Any, vocoder: str) -> Any:
    pipeline = declaration.pipeline.model_copy(update={"vocoder": vocoder})
    return type(declaration)(**{**vars(declaration), "pipeline": pipeline})


def test_the_next_step_is_the_same_as_without_speaking(base: BaseFiles, run: RunFolder) -> None:
    quality = SpokenQuality(declare(base, run, UTTERANCES), run, "phase1")
    after = []
    for speaks in (False, True):
        model = in_training(base)
        optimizer = torch.optim.AdamW(model.xtts.gpt.parameters(), lr=1e-3)
        torch.manual_seed(3)
        step(model, optimizer)
        if speaks:
            quality(model.xtts, 1)
        step(model, optimizer)
        after.append(model.state_dict())
    assert all(torch.equal(after[0][key], after[1][key]) for key in after[0])


def step(model: PhaseModel, optimizer: torch.optim.Optimizer) -> None:
    """One training step, with the GPT's dropout."""
    gpt = model.xtts.gpt
    text, codes = torch.randint(5, 20, (1, 6)), torch.randint(0, 1000, (1, 8))
    mel = torch.randn(1, 80, 100)
    text_loss, mel_loss, _ = gpt(text, torch.tensor([6]), codes, torch.tensor([8 * 1024]), cond_mels=mel[:, None])
    optimizer.zero_grad(set_to_none=True)
    (text_loss + mel_loss).backward()
    optimizer.step()


@pytest.mark.parametrize("fails_at", ["conditioning", "generating"])
def test_an_exception_leaves_the_model_as_it_was(base: BaseFiles, run: RunFolder, fails_at: str) -> None:
    model = in_training(base)
    quality = SpokenQuality(declare(base, run, UTTERANCES), run, "phase1")
    with torch.no_grad():
        if fails_at == "conditioning":
            model.xtts.config.gpt_cond_chunk_len = 0  # it cannot cut the reference into these
        else:
            model.xtts.gpt.mel_head.bias[:] = 1e38
            model.xtts.gpt.mel_head.weight[:] = torch.inf  # NaN is not to be drawn from
    before = state_of(model)
    with pytest.raises((RuntimeError, ValueError)):
        quality(model.xtts, 5)
    assert_unchanged(model, before)


def test_the_record_counts_what_was_found(base: BaseFiles, run: RunFolder) -> None:
    model = in_training(base)
    with torch.no_grad():
        model.xtts.gpt.mel_head.bias[model.xtts.gpt.stop_audio_token] = 1e4  # it ends at once
    record = SpokenQuality(declare(base, run, UTTERANCES), run, "phase1")(model.xtts, 100)
    assert record is not None
    assert (record.step, record.spoken, record.passed, record.faults) == (100, 2, 0, {"near silent": 2})
    assert (record.share, record.seconds > 0) == (0.0, True)
    assert QualityRecord.from_json(json.loads(json.dumps(record.to_json()))) == record

    with torch.no_grad():
        model.xtts.gpt.mel_head.bias[model.xtts.gpt.stop_audio_token] = -1e4  # it never ends
    record = SpokenQuality(declare(base, run, UTTERANCES), run, "phase1")(model.xtts, 101)
    assert record is not None
    assert (record.passed, record.faults["cut"]) == (0, 2)
    assert list(record.faults)[-1] == "cut"

    folder = run.candidate("phase1").utterances / "step_100"
    assert sorted(file.name for file in folder.iterdir()) == ["faults.json", "one.wav", "two.wav"]
    info = soundfile.info(str(folder / "one.wav"))
    assert (info.subtype, info.samplerate, info.channels) == ("PCM_16", 22_050, 1)
    faults = json.loads((folder / "faults.json").read_text(encoding="utf-8"))
    assert list(faults) == ["one", "two"] and faults["one"][0].startswith("near silent: ")


def test_the_same_weights_give_the_same_speech(base: BaseFiles, run: RunFolder) -> None:
    model = in_training(base)
    quality = SpokenQuality(declare(base, run, UTTERANCES), run, "phase1")
    records = []
    for number in (1, 2):
        records.append(quality(model.xtts, number))
        torch.rand(5), np.random.rand(5)
    assert read_step(run, 1) == read_step(run, 2)
    assert records[0].passed == records[1].passed and records[0].faults == records[1].faults


def test_the_voice_is_made_anew_from_the_weights_of_the_step(base: BaseFiles, run: RunFolder) -> None:
    """The encoder of the voice is trained as well: what it once made of the references must not be remembered."""
    model = in_training(base)
    quality = SpokenQuality(declare(base, run, UTTERANCES), run, "phase1")
    with torch.no_grad():
        for block in model.xtts.gpt.gpt.h:  # random weights hardly listen to the voice otherwise
            block.attn.c_attn.weight *= 20
            block.attn.c_proj.weight *= 20
    quality(model.xtts, 1)
    with torch.no_grad():
        model.xtts.gpt.conditioning_perceiver.norm.gamma *= -1
    quality(model.xtts, 2)
    assert read_step(run, 1) != read_step(run, 2)


def read_step(run: RunFolder, step: int) -> dict[str, bytes]:
    folder = run.candidate("phase1").utterances / f"step_{step}"
    return {file.name: file.read_bytes() for file in folder.glob("*.wav")}


def test_a_phase_speaks_as_the_finished_candidate_does(base: BaseFiles, run: RunFolder) -> None:
    from xtts_finetune.evaluation.utterances import speak_candidate

    declaration = declare(base, run, UTTERANCES)
    SpokenQuality(declaration, run, "phase1")(in_training(base).xtts, 0)
    speak_candidate(declaration, run, "base", "cpu", lambda *_: None)
    finished = run.candidate("base").utterances
    assert read_step(run, 0) == {f"{id}.wav": (finished / f"{id}_s7.wav").read_bytes() for id in ("one", "two")}


@pytest.mark.parametrize("asked_before", [0, 3])
def test_who_interrupts_does_not_wait_for_a_sentence(base: BaseFiles, run: RunFolder, asked_before: int) -> None:
    model = in_training(base)
    with torch.no_grad():
        model.xtts.gpt.mel_head.bias[model.xtts.gpt.stop_audio_token] = -1e4  # it never ends
    before = state_of(model)
    asked: list[int] = []

    def interrupted() -> bool:
        asked.append(1)
        return len(asked) > asked_before

    assert SpokenQuality(declare(base, run, UTTERANCES), run, "phase1")(model.xtts, 4, interrupted) is None
    assert len(asked) == asked_before + 1
    assert_unchanged(model, before)
    assert read_step(run, 4) == {}


def test_who_interrupts_does_not_wait_for_the_vocoder_either(base: BaseFiles, run: RunFolder) -> None:
    model = in_training(base)
    with torch.no_grad():
        model.xtts.gpt.mel_head.bias[model.xtts.gpt.stop_audio_token] = 1e4  # all end at the first step
    asked: list[int] = []

    def interrupted() -> bool:
        asked.append(1)
        return len(asked) > 1

    assert SpokenQuality(declare(base, run, UTTERANCES), run, "phase1")(model.xtts, 4, interrupted) is None
    assert len(read_step(run, 4)) == 1
    assert not (run.candidate("phase1").utterances / "step_4" / "faults.json").exists()


def test_old_steps_are_removed_and_nothing_else(base: BaseFiles, run: RunFolder) -> None:
    short = {**UTTERANCES, "sentences": SENTENCES[:1]}
    quality = SpokenQuality(declare(base, run, short), run, "phase1")
    folder = run.candidate("phase1").utterances
    for name in [f"step_{number}" for number in (9, 10, 20, 30, 40, 500)] + ["step_x", "mine"]:
        (folder / name).mkdir(parents=True)
    (folder / "one_s1.wav").write_bytes(b"of the finished candidate")
    (folder / "step_40" / "gone.wav").write_bytes(b"of a sentence that is no longer declared")
    quality(in_training(base).xtts, 40)
    found = {file.name for file in folder.iterdir()}
    assert found == {"mine", "one_s1.wav", "step_x", *(f"step_{n}" for n in (9, 10, 20, 30, 40))}
    assert len(found) - 3 == KEPT_STEPS
    assert list(read_step(run, 40)) == ["one.wav"]


def test_nothing_more_is_kept_in_memory(base: BaseFiles, run: RunFolder) -> None:
    import gc

    model = in_training(base)
    short = {**UTTERANCES, "sentences": SENTENCES[:1]}
    quality = SpokenQuality(declare(base, run, short), run, "phase1")

    def tensors() -> int:
        gc.collect()
        return sum(issubclass(type(thing), torch.Tensor) for thing in gc.get_objects())

    quality(model.xtts, 0)  # what libraries remember once
    before = tensors()
    quality(model.xtts, 1)
    assert tensors() == before


def test_a_reference_that_is_gone_is_said_before_training(base: BaseFiles, run: RunFolder) -> None:
    spec = {**UTTERANCES, "reference": {"files": ["gone.wav"]}}
    with pytest.raises(UserError, match=r"there is no file gone\.wav"):
        SpokenQuality(declare(base, run, spec), run, "phase1")


def test_all_random_numbers_are_put_back(base: BaseFiles) -> None:
    model = in_training(base)
    before = state_of(model)
    with pytest.raises(ValueError, match="stop"), left_as_it_was(model.xtts):
        random.random(), np.random.rand(), torch.rand(1), model.xtts.eval()
        raise ValueError("stop")
    assert_unchanged(model, before)


def test_a_model_that_speaks_already_goes_on_speaking(base: BaseFiles) -> None:
    model = load_model(base)
    model.eval()
    keys = list(model.state_dict())
    with left_as_it_was(model):
        model.eval()
    assert list(model.state_dict()) == keys and hasattr(model.gpt, "gpt_inference")


def test_the_demos_base_speaks_soundly(demo_folder: Path, run: RunFolder) -> None:
    base = find_base(demo_folder / "base")
    inference = {"temperature": 0.6, "top_k": 30, "top_p": 0.8, "repetition_penalty": 1.3}
    sentences = [{"id": "captain", "text": "The captain walked down the road in the morning."}]
    spec = {**UTTERANCES, "sentences": sentences, "inference": inference}
    quality = SpokenQuality(declare(base, run, spec), run, "phase1")
    record = quality(in_training(base).xtts, 0)
    assert record is not None
    # So small a model may stop within the last sound; anything else would be a fault of ours.
    assert record.spoken == 1 and set(record.faults) <= {"cut end"}
