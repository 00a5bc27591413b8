"""Lengths, rates, limits and batches of the phases, from the number of clips and the memory there is.

Pure functions; the files that are written say why.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from xtts_finetune.errors import UserError
from xtts_finetune.look.quantities import readable_size
from xtts_finetune.numbers.usual import (
    EVAL_CLIPS,
    EVAL_FRACTION,
    FULL_SIZE,
    GOOD_MINUTES,
    START_MINUTES,
    TINY,
    starting_rates,
)
from xtts_finetune.pipeline.plan.checks.memory import FULL, LONGEST_TEXT, Longest, estimate
from xtts_finetune.spec.phase import PhaseSpec

CLIPS_A_STEP = 3
# From the fastest to the smallest; each step sees the same clips.
WAYS: tuple[tuple[dict[str, Any], str], ...] = (
    ({"batch_size": 3}, "all three clips of a step at once"),
    (
        {"batch_size": 3, "optimizer_moments": "bf16"},
        "all three clips of a step at once, the optimizer's moments in 16 bit: half of their memory",
    ),
    (
        {"batch_size": 3, "optimizer_moments": "bf16", "gradient_checkpointing": True},
        "all three clips of a step at once, moments in 16 bit, each layer computed twice: steps a third slower",
    ),
    (
        {"batch_size": 3, "train": {"lora": {}}},
        "all three clips of a step at once, adapters alone (LoRA): all weights with their moments would not fit",
    ),
    (
        {"batch_size": 3, "gradient_checkpointing": True, "train": {"lora": {}}},
        "all three clips of a step at once, each layer computed twice, adapters alone (LoRA): little memory",
    ),
    (
        {"batch_size": 1, "accumulate": 3, "gradient_checkpointing": True, "train": {"lora": {}}},
        "one clip at a time, each layer computed twice, adapters alone (LoRA): all that saves memory",
    ),
)


@dataclass(frozen=True)
class Batches:
    """Keys of a phase that fit into memory, and why these."""

    keys: Mapping[str, Any]
    why: str

    @property
    def adapters(self) -> bool:
        """Whether adapters train rather than the weights."""
        return "train" in self.keys


def choose_batches(
    model_bytes: int, config: Mapping[str, Any], longest_seconds: float, memory: int, on_gpu: bool
) -> Batches:
    """The fastest way of three clips a step that fits into `memory` bytes, by the estimate that doctor gives.

    `model_bytes` and `config` are of the base's model.pth in fp32 and its config.json.
    """
    longest = Longest.of(longest_seconds, LONGEST_TEXT)
    device = f"{readable_size(memory)} of {'GPU ' if on_gpu else ''}memory"
    needed = 0
    for keys, what in WAYS:
        phase = PhaseSpec(learning_rate=1e-6, steps=1, **keys)
        needed = estimate(model_bytes, config, phase, longest, on_gpu).total
        if needed <= FULL * memory:
            return Batches(keys, f"{what}; about {readable_size(needed)} of the {device}")
    keys, what = WAYS[-1]
    enough = "that is tight" if needed <= memory else "that is too little"
    return Batches(keys, f"{what}; about {readable_size(needed)} are needed of {device}: {enough}")


# Fewer leave too little to learn from once some are held out.
FEWEST_CLIPS = 10
# Beyond this many eval clips an evaluation takes longer than it teaches.
MOST_EVAL_CLIPS = 300
# A quarter of a small set: less and the metrics jump, more and too little is left.
SMALL_SHARE = 0.25


@dataclass(frozen=True)
class PhaseNumbers:
    """One phase: its learning rate, and how long it lasts."""

    learning_rate: str
    steps: int
    epochs: float
    eval_every: int
    patience: int


@dataclass(frozen=True)
class Numbers:
    """What both phases and the eval set are declared with."""

    clips: int
    eval_clips: int
    fraction: float
    at_least: int
    steps_an_epoch: int
    phase1: PhaseNumbers
    phase2: PhaseNumbers

    @property
    def train_clips(self) -> int:
        """Clips that are trained on."""
        return self.clips - self.eval_clips


def choose_numbers(
    clips: int, weights: float = FULL_SIZE, adapters: bool = False, eval_clips: int | None = None
) -> Numbers:
    """The numbers for so many usable clips and a base whose GPT has so many weights.

    The first run of this pipeline (280 training clips, 1600 and 3000 steps) gives 15 and 30 epochs. `eval_clips` are
    those of an eval set that was chosen already. Raises UserError for too few clips.
    """
    if clips < FEWEST_CLIPS:
        raise UserError(
            f"{clips} clip{'s' if clips != 1 else ''} can be used, and at least {FEWEST_CLIPS} are needed: some are "
            "held out to measure with, and from so few a voice is not learnt but repeated. "
            f"{START_MINUTES} minutes of speech, cut into clips of 2 to 11 seconds, are a start, {GOOD_MINUTES} are "
            "better. Nothing was written"
        )
    fraction = min(EVAL_FRACTION, round(MOST_EVAL_CLIPS / clips, 4))
    at_least = min(EVAL_CLIPS, max(2, round(SMALL_SHARE * clips)))
    chosen = max(round(fraction * clips), at_least) if eval_clips is None else eval_clips
    held_out = min(chosen, clips // 2)
    an_epoch = max(1, -(-(clips - held_out) // CLIPS_A_STEP))
    small = weights < TINY
    epochs, most = ((8, 5), (400, 300)) if small else ((15, 30), (8000, 15_000))
    first, second = (
        _phase(f"{rate:.1e}".replace("e-0", "e-"), wanted, an_epoch, limit, small)
        for rate, wanted, limit in zip(starting_rates(weights, adapters), epochs, most, strict=True)
    )
    return Numbers(clips, held_out, fraction, at_least, an_epoch, first, second)


def _phase(rate: str, epochs: int, an_epoch: int, most: int, small_base: bool) -> PhaseNumbers:
    steps = max(2, min(_round(epochs * an_epoch), most))
    # About once an epoch, so that a rise is seen within a few of them; not so often that evaluating takes the time.
    every = max(5 if small_base else 25, min(_round(an_epoch), 500))
    every = min(every, max(1, steps // 10))  # ten evaluations at least, or the best is missed
    # Half of the phase at most, in whole evaluations: a rule that waits longer than the phase lasts never fires.
    patience = max(every, min(max(5 * every, 50 if small_base else 500), steps // 2 // every * every))
    passes = steps / an_epoch
    return PhaseNumbers(rate, steps, round(passes) if passes >= 1 else round(passes, 1), every, patience)


def _round(steps: float) -> int:
    """A number of steps that is easy to read: to 5 below 100, to 50 below 1000, to 100 above."""
    unit = 5 if steps < 100 else 50 if steps < 1000 else 100
    return max(unit, round(steps / unit) * unit)
