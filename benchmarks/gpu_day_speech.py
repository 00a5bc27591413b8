"""Sections of gpu_day.py that compare a GPU with the CPU by what they compute, and measure how fast it speaks."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import torch

from benchmarks import train_speed_prepare
from benchmarks.gpu_day_bench import Day
from xtts_finetune.records.clips import read_clips
from xtts_finetune.records.run_folder import RunFolder
from xtts_finetune.spec.utterances import InferenceSpec
from xtts_finetune.training.phase_data import EvalData
from xtts_finetune.training.recorder import evaluate
from xtts_finetune.training.stepping import halved
from xtts_finetune.xtts.base import BaseFiles
from xtts_finetune.xtts.encoder import AudioEncoder
from xtts_finetune.xtts.model import load_model
from xtts_finetune.xtts.speech.speech import Line, Speaker, Speech

CLIPS = 8
TEXTS = (
    "The captain walked down the road in the morning.",
    "My sister found a letter under the tree.",
    "We bought bread and milk at the station.",
    "The doctor closed the door after dinner.",
)
AT_ONCE = 12
MEL_CE_APART, MEL_CE_APART_BF16 = 2e-4, 0.02
"""Nats that a GPU may be away from the CPU, in float32 and in bf16."""


def as_on_the_cpu(day: Day) -> dict[str, Any]:
    """Codes, mel CE and samples of the demo's base and voice: on the CPU, and how far the GPU is from that."""
    folder = day.work / "demo"
    train_speed_prepare.main({"folder": str(folder), "size": "demo"})
    base, run = BaseFiles(folder / "base"), RunFolder(folder / "run" / "speed")
    paths = [run.root / clip.audio for clip in read_clips(run.clips, "train")[:CLIPS]]
    waves = [soundfile.read(path, dtype="float32")[0] for path in paths]
    on_cpu = _computed(base, run, waves, "cpu")
    found: dict[str, Any] = {"CPU": _in_short(on_cpu)}
    if day.device == "cpu":
        return found
    on_gpu = _computed(base, run, waves, day.device)
    codes = np.concatenate(on_cpu["codes"]) != np.concatenate(on_gpu["codes"])
    found["GPU"] = _in_short(on_gpu) | {
        "codes that differ": f"{codes.sum()} of {codes.size}",
        "samples of another length": sum(
            len(one.wave) != len(other.wave) for one, other in zip(on_cpu["said"], on_gpu["said"], strict=True)
        ),
    }
    apart = abs(on_cpu["mel_ce"] - on_gpu["mel_ce"])
    apart_bf16 = abs(on_cpu["mel_ce"] - on_gpu["mel_ce in bf16"])
    assert apart < MEL_CE_APART, f"mel CE is {apart} nats from the CPU's"
    assert apart_bf16 < MEL_CE_APART_BF16, f"mel CE in bf16 is {apart_bf16} nats from the CPU's"
    return found


def _computed(base: BaseFiles, run: RunFolder, waves: list[Any], device: str) -> dict[str, Any]:
    encoder = AudioEncoder(base, device)
    began = time.perf_counter()
    codes = [encoder.codes(wave) for wave in waves]
    encoded = time.perf_counter()
    model = load_model(base, device=device)
    mel_ce = evaluate(model.gpt, EvalData(run).batches(), 0).mel_ce
    with halved(torch.device(device), "bf16"):
        in_16_bit = evaluate(model.gpt, EvalData(run).batches(), 0).mel_ce
    evaluated = time.perf_counter()
    speaker = Speaker.with_references(base, model, "preview", waves[:3])
    lines = [Line(text, "en", number) for number, text in enumerate(TEXTS)]
    said = [speech for _, speech in sorted(speaker.speak_many(lines, InferenceSpec(temperature=0.4)))]
    seconds = (encoded - began, evaluated - encoded, time.perf_counter() - evaluated)
    return {"codes": codes, "mel_ce": mel_ce, "mel_ce in bf16": in_16_bit, "said": said, "seconds": seconds}


def _in_short(computed: dict[str, Any]) -> dict[str, Any]:
    encoding, evaluating, speaking = computed["seconds"]
    return {
        "mel CE": computed["mel_ce"],
        "mel CE in bf16": computed["mel_ce in bf16"],
        "codes of the samples": [speech.codes for speech in computed["said"]],
        "encoding s": encoding,
        "two evaluations s": evaluating,
        "speaking s": speaking,
    }


def speaking(day: Day) -> dict[str, float]:
    """How much sound a second, at XTTS v2's size through the HiFi-GAN: many lines at once, and one alone."""
    recordings = sorted((Path(train_speed_prepare.DEMO) / "data").rglob("*.flac"))[:3]
    voice = [soundfile.read(path, dtype="float32")[0] for path in recordings]
    speaker = Speaker.with_references(day.base, load_model(day.base, device=day.device), "hifigan", voice)
    lines = [Line(TEXTS[number % len(TEXTS)], "en", number) for number in range(AT_ONCE)]
    alone = _spoken(speaker, lines[:1])
    at_once = _spoken(speaker, lines)
    return {"sound a second, alone": alone[0], f"sound a second, {AT_ONCE} at once": at_once[0]} | {
        "the same alone and at once": float(_same(alone[1][0], at_once[1][0]))
    }


def _spoken(speaker: Speaker, lines: list[Line]) -> tuple[float, list[Speech]]:
    began = time.perf_counter()
    said = [speech for _, speech in sorted(speaker.speak_many(lines, InferenceSpec()))]
    return sum(speech.seconds for speech in said) / (time.perf_counter() - began), said


def _same(one: Speech, other: Speech) -> bool:
    return len(one.wave) == len(other.wave) and bool(np.allclose(one.wave, other.wave, atol=1e-3))
