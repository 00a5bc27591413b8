"""What a phase's file is written from: its values, and the reason of each."""

from __future__ import annotations

from typing import Any

from xtts_finetune.numbers.usual import OVERFITS_SOON_ABOVE, SPOKEN_ON_THE_WAY, STARTING_RATES, short
from xtts_finetune.setup.found_data import Answers
from xtts_finetune.setup.numbers import Batches, Numbers, PhaseNumbers


def phase_values(name: str, answers: Answers, numbers: Numbers, batches: Batches) -> dict[str, Any]:
    """Values of `phase.yaml.j2` for 'phase1' or 'phase2'."""
    first, small = name == "phase1", answers.base.small
    phase = numbers.phase1 if first else numbers.phase2
    return {
        "title": "Phase 1: from the base to the voice." if first else "Phase 2: a gentler rate from phase 1's best.",
        "goal": "Take the base to the voice without forgetting how to speak" if first else "Refine phase 1 gently",
        "resume": not first,
        "small_base": small,
        "phase": _lengths(phase),
        "rate_why": _rate_why(first, small, batches.adapters),
        "batches": _batch_lines(batches),
        "halves": batches.keys["batch_size"] > 1,
        "steps_why": _steps_why(phase, numbers.train_clips, 0 if small else 15 if first else 30),
        "eval_why": f"about once a pass, which has {numbers.steps_an_epoch} steps"
        if phase.eval_every > 0.7 * numbers.steps_an_epoch
        else f"a pass has {numbers.steps_an_epoch} steps; trouble should be seen before",
        "text_limit": "of_start: 2.0" if small else f"limit: 0.04, of_start: {1.5 if first else 1.4}",
        "text_why": "twice its value at the start" if small else "the larger limit counts: some bases begin above 0.04",
        "levels": _levels(first, small),
    }


def _lengths(phase: PhaseNumbers) -> dict[str, Any]:
    return {
        "learning_rate": phase.learning_rate,
        "steps": phase.steps,
        "eval_every": phase.eval_every,
        "patience": phase.patience,
        "speak_every": max(1, round(phase.steps / phase.eval_every / SPOKEN_ON_THE_WAY)),
        # A third of the phase in whole evaluations, so that the numbers are easy to follow.
        "checkpoint_every": max(1, min(500, phase.steps // 3) // phase.eval_every) * phase.eval_every,
    }


def _steps_why(phase: PhaseNumbers, clips: int, first_voice: int) -> str:
    passes = "1 pass" if phase.epochs == 1 else f"{phase.epochs:g} passes"
    before = f" (the first voice had {first_voice})" if first_voice else ""
    return f"about {passes} over about {clips} clips, 3 a step{before}"


def _rate_why(first: bool, small: bool, adapters: bool) -> str:
    if small:
        return "a tiny base learns at rates that would ruin XTTS v2" if first else "a third of phase 1's"
    if first and adapters:
        return f"adapters take ten times what whole weights take, which is {short(STARTING_RATES[0])}"
    soon = f"XTTS v2 overfits within a few epochs above about {short(OVERFITS_SOON_ABOVE)}"
    return soon if first else "two thirds of phase 1's"


def _batch_lines(batches: Batches) -> list[str]:
    """The keys of the batches as lines of YAML, the reason behind the first."""
    lines = [f"{key}: {_flow(value)}" for key, value in batches.keys.items()]
    lines[0] += f"    # {batches.why}"
    return lines


def _flow(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_flow(inner)}" for key, inner in value.items()) + "}"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _levels(first: bool, small: bool) -> list[str]:
    if first:
        return [
            "minimum: {mel_ce_of_start: 0.9, no_overfitting: true}    # a tenth below the base",
            "target: {mel_ce_of_start: 0.7}    # the first run of this pipeline: 5.046 -> 3.507",
        ]
    if small:
        return [
            "minimum: {mel_ce_of_start: 0.995, no_overfitting: true}    # any lower than phase 1",
            "target: {mel_ce_of_start: 0.97}",
        ]
    return [
        "minimum: {mel_ce: 3.0, text_ce: 0.03, no_overfitting: true}    # limits of the first voice of this pipeline",
        "target: {mel_ce: 2.5, text_ce: 0.03, quality: 9.0}    # quality: the listeners' score out of 10, at least",
        "exceptional: {mel_ce: 2.0, text_ce: 0.025, quality: 9.5}",
    ]
