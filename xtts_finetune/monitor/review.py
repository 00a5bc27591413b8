"""Review of a phase's declaration: values outside what is usual for its base and its data."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from xtts_finetune.monitor.view import Finding
from xtts_finetune.numbers.usual import (
    CLIPS_A_STEP,
    ENOUGH_EVAL_CLIPS,
    EVAL_CLIPS,
    EVAL_EVERY_STEPS,
    EVAL_FRACTION,
    EVAL_SHARE,
    EVALUATIONS,
    MANY_CLIPS,
    PASSES,
    STEPS_AN_EPOCH,
    TRAIN_CLIPS,
    gpt_weights,
    unusual_values,
)

GUARDS = frozenset({"no_improvement", "overfitting"})


@dataclass(frozen=True)
class Declared:
    """A phase's numbers; None where the records do not have them.

    train_clips      clips of training, and `eval_clips` those held out
    steps            optimizer steps, `clips_a_step` clips each
    passes           how often each clip is trained on
    rules            names of the stop rules
    """

    phase: str
    train_clips: int | None
    eval_clips: int | None
    clips_a_step: int | None
    steps: float | None
    passes: float | None
    eval_every_steps: int | None
    rules: frozenset[str]

    def finding(self, key: str, value: object, usual: object, why: str) -> Finding:
        """A finding about one of its values."""
        shown = f"{value:g}" if isinstance(value, float) else str(value)
        return Finding(self.phase, key, shown, str(usual), why)


def review_of(
    phase: str, declaration: Mapping[str, Any], data: Mapping[str, Any], model: Mapping[str, Any]
) -> list[Finding]:
    """Everything unusual about a phase.

    declaration  as phase.yaml has it       data  data.json
    model        `model_args` of config.json, which tells how large the base is
    """
    declared = declared_of(phase, declaration, data)
    keys = ("learning_rate", "mel_loss_weight", "text_loss_weight")
    values = {key: _number(declaration.get(key)) for key in keys}
    clip = declaration.get("gradient_clip", 1.0)
    values["gradient_clip"] = None if clip is None else _number(clip) or 1.0
    adapters = isinstance(declaration.get("train"), Mapping)
    unusual = [
        declared.finding(
            one.key,
            "null" if one.value is None else one.value,
            f"{one.usual} for {one.usual.of}" if one.usual.of else one.usual,
            one.why,
        )
        for one in unusual_values(gpt_weights(model), adapters, **values)
    ]
    return [*unusual, *_batch(declared), *_passes(declared), *_evaluations(declared), *_eval_set(declared)]


def declared_of(phase: str, declaration: Mapping[str, Any], data: Mapping[str, Any]) -> Declared:
    """Read the numbers out of the records."""
    clips, held_out = _number(data.get("clips")), _number(data.get("eval_clips"))
    train_clips = int(clips - held_out) if clips is not None and held_out is not None else None
    # 'max_tokens' makes batches of no fixed size.
    batch = _number(declaration.get("batch_size")) if declaration.get("max_tokens") is None else None
    a_step = int(batch * (_number(declaration.get("accumulate")) or 1.0)) if batch else None
    an_epoch = math.ceil(train_clips / a_step) if train_clips and a_step else None
    steps, passes = _number(declaration.get("steps")), _number(declaration.get("epochs"))
    if an_epoch:
        steps, passes = (
            steps or (passes or 0.0) * an_epoch or None,
            passes or (steps or 0.0) / an_epoch or None,
        )
    rules, every = declaration.get("stop_when"), _number(declaration.get("eval_every_steps"))
    named = [rule for rule in rules if isinstance(rule, Mapping)] if isinstance(rules, list) else []
    return Declared(
        phase,
        train_clips,
        int(held_out) if held_out is not None else None,
        a_step,
        steps,
        passes,
        int(every) if every else None,
        frozenset(str(rule.get("rule")) for rule in named),
    )


def _batch(declared: Declared) -> list[Finding]:
    """Too few clips a step make noise; too many leave an epoch without steps."""
    clips, there = declared.clips_a_step, declared.train_clips
    key, low = "batch_size x accumulate", int(CLIPS_A_STEP.low)
    if clips is None:
        return []
    if clips < low:
        why = "the gradient of a single clip is mostly noise: raise accumulate, which costs no memory"
        return [declared.finding(key, clips, CLIPS_A_STEP, why)]
    if there and clips * STEPS_AN_EPOCH > max(there, 2 * STEPS_AN_EPOCH):
        most = max(low, there // STEPS_AN_EPOCH)
        why = f"of {there} clips that leaves fewer than {STEPS_AN_EPOCH} steps an epoch: many epochs for little"
        return [declared.finding(key, clips, f"{low} to {most}", why)]
    return []


def _passes(declared: Declared) -> list[Finding]:
    """Too many passes without a rule that ends them, too few to learn a voice, and very few clips."""
    found, passes, clips = [], declared.passes, declared.train_clips
    if clips is not None and clips < TRAIN_CLIPS:
        why = "so few are soon memorised; keep to few epochs, or record more: 10 minutes of speech and up"
        found.append(declared.finding("training clips", clips, f"{TRAIN_CLIPS} or more", why))
    if passes is None:
        return found
    guarded = bool(GUARDS & declared.rules)
    if passes > PASSES.high and not guarded:
        why = (
            "no rule (no_improvement, overfitting) would end it once the eval loss has stopped falling, and the clips "
            "are memorised"
        )
        found.append(declared.finding("epochs", round(passes, 1), PASSES, why))
    if passes < PASSES.low and (clips or 0) < MANY_CLIPS:
        why = "a phase at XTTS's small learning rates needs several passes before the voice changes"
        found.append(declared.finding("epochs", round(passes, 2), PASSES, why))
    if passes > PASSES.low and not guarded:
        rules = ", ".join(sorted(declared.rules)) or "none"
        why = "without one of them the phase trains to its end even where the eval loss rises"
        found.append(declared.finding("stop_when", rules, "no_improvement or overfitting", why))
    return found


def _evaluations(declared: Declared) -> list[Finding]:
    """Too few evaluations leave stop rules and warnings without anything to go by."""
    every, steps = declared.eval_every_steps, declared.steps
    if every is None or steps is None:
        return []
    if steps / every < EVALUATIONS:
        usual = f"{max(1, int(steps // 10))} (ten evaluations in {steps:.0f} steps)"
        why = f"{steps / every:.1f} evaluations are too few for stop rules, and the best model may be missed"
        return [declared.finding("eval_every_steps", every, usual, why)]
    if every > EVAL_EVERY_STEPS:
        why = "between two evaluations hours of training go unseen"
        return [declared.finding("eval_every_steps", every, "about once an epoch", why)]
    return []


def _eval_set(declared: Declared) -> list[Finding]:
    """Too few clips make a noisy eval loss; too many take from training."""
    held_out, train = declared.eval_clips, declared.train_clips
    if held_out is None or train is None or held_out + train <= 0:
        return []
    share = held_out / (held_out + train)
    if held_out < min(EVAL_CLIPS, EVAL_FRACTION * (held_out + train)):
        why = "the eval loss of so few clips moves by chance, and the best step with it (eval_set: at_least)"
        return [declared.finding("eval clips", held_out, f"{EVAL_CLIPS}, or a tenth of the clips", why)]
    if share > EVAL_SHARE.high:
        why = "what is held out is not learned from (eval_set: fraction)"
        return [declared.finding("eval clips", f"{share:.0%} of the clips", "5 % to 25 %", why)]
    if share < EVAL_SHARE.low and held_out < ENOUGH_EVAL_CLIPS:
        why = "so small a part may not speak for the whole (eval_set: fraction)"
        return [declared.finding("eval clips", f"{share:.1%} of the clips", "5 % to 25 %", why)]
    return []


def _number(value: object) -> float | None:
    """A finite number as it is; None for anything else, true and false among them."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)
