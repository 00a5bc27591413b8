"""What the review looks at, in numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from xtts_finetune.monitor.view import Finding

# XTTS v2's GPT has 30 layers of 1024 channels, about 12 x layers x channels squared weights: 377 million.
FULL_SIZE_WEIGHTS = 100e6


@dataclass(frozen=True)
class Declared:
    """A phase's values; None where the records do not have them.

    full_size        whether the base is of XTTS v2's order of size (a tiny one, as the demo's, wants other rates)
    train_clips      clips of training, and `eval_clips` those held out
    passes           how often each clip is trained on
    steps            optimizer steps, `clips_a_step` clips each
    rules            names of the stop rules
    """

    phase: str
    full_size: bool = True
    train_clips: int | None = None
    eval_clips: int | None = None
    learning_rate: float | None = None
    lora: bool = False
    clips_a_step: int | None = None
    passes: float | None = None
    steps: float | None = None
    eval_every_steps: int | None = None
    gradient_clip: float | None = None
    clipped: bool = True
    mel_loss_weight: float | None = None
    text_loss_weight: float | None = None
    rules: frozenset[str] = field(default_factory=frozenset)

    def finding(self, key: str, value: object, usual: str, why: str) -> Finding:
        """A finding about one of its values."""
        shown = f"{value:g}" if isinstance(value, float) else str(value)
        return Finding(self.phase, key, shown, usual, why)


def declared_of(
    phase: str, declaration: Mapping[str, Any], data: Mapping[str, Any], model: Mapping[str, Any]
) -> Declared:
    """Read the numbers out of the records."""
    clips, held_out = _number(data.get("clips")), _number(data.get("eval_clips"))
    train_clips = int(clips - held_out) if clips is not None and held_out is not None else None
    # 'max_tokens' makes batches of no fixed size.
    batch = _number(declaration.get("batch_size")) if declaration.get("max_tokens") is None else None
    accumulate = _number(declaration.get("accumulate")) or 1.0
    a_step = int(batch * accumulate) if batch else None
    an_epoch = math.ceil(train_clips / a_step) if train_clips and a_step else None
    steps, epochs = _number(declaration.get("steps")), _number(declaration.get("epochs"))
    if an_epoch:
        steps, epochs = (
            steps or (epochs or 0.0) * an_epoch or None,
            epochs or (steps or 0.0) / an_epoch or None,
        )
    layers, channels = _number(model.get("gpt_layers")), _number(model.get("gpt_n_model_channels"))
    rules = declaration.get("stop_when")
    every = _number(declaration.get("eval_every_steps"))
    return Declared(
        phase=phase,
        full_size=layers is None or channels is None or 12 * layers * channels**2 >= FULL_SIZE_WEIGHTS,
        train_clips=train_clips,
        eval_clips=int(held_out) if held_out is not None else None,
        learning_rate=_number(declaration.get("learning_rate")),
        lora=isinstance(declaration.get("train"), Mapping),
        clips_a_step=a_step,
        passes=epochs,
        steps=steps,
        eval_every_steps=int(every) if every else None,
        gradient_clip=_number(declaration.get("gradient_clip")),
        clipped=declaration.get("gradient_clip", 1.0) is not None,
        mel_loss_weight=_number(declaration.get("mel_loss_weight")),
        text_loss_weight=_number(declaration.get("text_loss_weight")),
        rules=frozenset(
            str(rule.get("rule"))
            for rule in (rules if isinstance(rules, list) else [])
            if isinstance(rule, Mapping)
        ),
    )


def _number(value: object) -> float | None:
    """A number, or None for what is none; true and false are no numbers."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)
