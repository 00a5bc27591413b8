"""What the sections of gpu_day.py share: the day itself, a model to train, made-up batches, and a clock that waits."""

from __future__ import annotations

import gc
import json
import time
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import torch

from testbed.random_base import XTTS_V2, BaseSize, make_random_base
from xtts_finetune.numbers.fixed import CODES_A_SECOND, FRAMES_A_SECOND, MEL_CHANNELS
from xtts_finetune.pipeline.plan.checks.memory import Longest, estimate
from xtts_finetune.spec.phase import PhaseSpec
from xtts_finetune.training.phase_model import PhaseModel
from xtts_finetune.training.stepping import Stepper
from xtts_finetune.xtts.base import BaseFiles
from xtts_finetune.xtts.losses import GptBatch
from xtts_finetune.xtts.model import load_model

SMALL = BaseSize(with_hifigan=True)
CONDITIONED_S = 6.0
STEPS = 1000
"""Of the phase that a bench stands for; no bench takes as many."""
TEXT_A_SECOND = 150 / 11.6
"""Tokens of text; a clip of 11.6 s, the longest that is taken, has about 150."""


@dataclass
class Day:
    """Where the sections work, on what, and what they have found; `small`: a model of two layers, to try the script."""

    work: Path
    device: str
    small: bool
    ends: float
    found: dict[str, Any] = field(default_factory=dict)

    @cached_property
    def base(self) -> BaseFiles:
        """XTTS v2's size with random weights, made once."""
        folder = self.work / ("small" if self.small else "full")
        if not (folder / "model.pth").is_file():
            make_random_base(folder, SMALL if self.small else XTTS_V2)
        return BaseFiles(folder)


class Bench:
    """A phase of the day's base, with the steps that `declared` makes of it."""

    def __init__(self, day: Day, declared: dict[str, Any]) -> None:
        given = {"learning_rate": 1e-6, "steps": STEPS, "batch_size": 3, "precision": "bf16", **declared}
        if day.device == "cpu":  # many have no units for 16 bit, and take minutes for a step
            given["precision"] = "fp32"
        self.phase = PhaseSpec.model_validate(given)
        self.day, self.device = day, torch.device(day.device)
        self.model = PhaseModel(load_model(day.base), self.phase, STEPS).to(self.device)
        self.model.set_training()
        self.optimizer = self.model.get_optimizer()
        self.scaler = torch.GradScaler(self.device.type) if self.phase.precision == "fp16" else None
        schedule = self.model.get_scheduler([self.optimizer])
        self.stepper = Stepper(self.model, self.optimizer, schedule, self.scaler, self.phase)

    def step(self, batch: GptBatch, seed: int = 1) -> Any:
        count = self.phase.accumulate
        return self.stepper.take([batch] * count, count, seed)

    def batch(self, seconds: float, seed: int = 0) -> GptBatch:
        """Clips of one length, on the device, as the longest of all phases would come."""
        given = torch.Generator().manual_seed(seed)
        seconds = seconds / 10 if self.day.small else seconds
        clips, gpt = self.phase.batch_size, self.model.xtts.gpt
        text, codes = round(seconds * TEXT_A_SECOND), round(seconds * CODES_A_SECOND)
        frames = round(FRAMES_A_SECOND * min(seconds, CONDITIONED_S))
        text = min(text, gpt.max_text_tokens - 4)
        batch = GptBatch(
            torch.randint(10, 40, (clips, text), generator=given),
            torch.full((clips,), text),
            torch.randint(0, 1000, (clips, codes), generator=given),
            torch.full((clips,), codes),
            torch.randn(clips, MEL_CHANNELS, frames, generator=given),
        )
        return batch.laid_out().to(self.device)

    def timed(self, batch: GptBatch, steps: int, warm_up: int = 3) -> dict[str, float]:
        """Milliseconds of a step, of the host's share of it, and the most memory in GB, allocated and reserved."""
        for number in range(warm_up):
            self.step(batch, number)
        self.wait()
        if self.device.type == "cuda":
            torch.cuda.reset_peak_memory_stats()
        began = time.perf_counter()
        for number in range(steps):
            self.step(batch, number)
        asked = time.perf_counter()
        self.wait()
        ended = time.perf_counter()
        found = {"ms": 1e3 * (ended - began) / steps, "host ms": 1e3 * (asked - began) / steps}
        found["clips a second"] = self.phase.batch_size * self.phase.accumulate * 1e3 / found["ms"]
        if self.device.type == "cuda":
            found["GB"] = torch.cuda.max_memory_allocated() / 1e9
            found["GB reserved"] = torch.cuda.max_memory_reserved() / 1e9
        return found

    def estimated(self, seconds: float) -> float:
        """What the plan says that this takes, in GB, with the context and what the allocator keeps."""
        config = json.loads(self.day.base.config.read_text(encoding="utf-8"))
        longest = Longest.of(seconds, round(seconds * TEXT_A_SECOND))
        size = self.day.base.model.stat().st_size
        return estimate(size, config, self.phase, longest, on_gpu=True).total / 1e9

    def wait(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.synchronize()


def let_go() -> None:
    """Give back what the benches before this one had."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
