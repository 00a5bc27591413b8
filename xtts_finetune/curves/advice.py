"""What to do about a verdict, and the command that does it."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field

from xtts_finetune.curves.verdict import Judgement
from xtts_finetune.curves.wording import more_values, value
from xtts_finetune.curves.wording import place as at
from xtts_finetune.look.quantities import NOT_FINITE
from xtts_finetune.numbers.usual import Usual, learning_rates, short

BREAKER = "plateau_breaker"
STABLE = "stable"
CLIP = 0.3


@dataclass(frozen=True)
class Place:
    """The phase that curves are of, the words that name its declaration (-f FILE, --demo), and its checkpoints.

    `phase` None: curves of somebody else's run; commands then say PHASE. `checkpoints` are the steps of whole ones.
    `rates` are the learning rates that are usual for what it trains; of a run that says nothing about it, XTTS v2's.
    """

    phase: str | None = None
    declaration: tuple[str, ...] = ()
    checkpoints: tuple[int, ...] = ()
    rates: Usual = field(default_factory=learning_rates)

    def command(self, *words: str) -> str:
        """A command for a shell, with the phase in place of PHASE."""
        filled = [self.phase or "PHASE" if word == "PHASE" else word for word in words]
        return shlex.join([*filled, *self.declaration])


@dataclass(frozen=True)
class Advice:
    """What to do, the command, others, and the remedies that a race should try."""

    words: str
    command: str
    also: tuple[str, ...] = ()
    remedies: tuple[str, ...] = ()
    optimization_level: str | None = None


def advise(judged: Judgement, numbers: Mapping[str, float], place: Place) -> Advice:
    """The advice for a verdict. Always says whether plateau_breaker is for it, as that is what is tried too soon."""
    match judged.verdict:
        case "falling":
            return _leave_alone(place)
        case "plateau":
            return _plateau(judged, numbers, place)
        case "oscillating":
            return _oscillating(numbers, place)
        case "exploding":
            return _exploding(judged, numbers, place)
        case "overfitting":
            return _overfitting(judged, numbers, place)
        case "too short":
            return _go_on(numbers, place)


def _again(place: Place) -> str:
    return place.command("xtts-finetune", "diagnose", "PHASE")


def _leave_alone(place: Place) -> Advice:
    return Advice(
        f"Leave it alone: it still learns. Not {BREAKER}: restarting the learning rate would throw back what is "
        "falling by itself. If its steps are over, give it more; look again later.",
        _again(place),
    )


def _go_on(numbers: Mapping[str, float], place: Place) -> Advice:
    wait = f"about {more_values(numbers)}" if "more_values" in numbers else "some more evaluations"
    return Advice(
        f"Continue, and look again after {wait}. Not {BREAKER}: what has only just begun, or cannot be told from a "
        "fall, is no plateau.",
        _again(place),
    )


def _plateau(judged: Judgement, numbers: Mapping[str, float], place: Place) -> Advice:
    level = numbers["level"]
    by_heart = judged.train_end is not None and judged.train_end.direction == "falling"
    expected = (
        f"What to expect of {BREAKER}: from 2.7, about 2.2-2.3 after 10 epochs and 2.0-2.1 after 20; from "
        f"{value(level)} that would be {value(level * 2.25 / 2.7)} and {value(level * 2.05 / 2.7)}. No better after 20 "
        "epochs: something else holds it. It worked when the value stays below 2.5 "
        f"(here {value(level * 2.5 / 2.7)}) for 5 epochs and evaluations fall with it."
    )
    if by_heart:
        words = (
            "Change something, but not the learning rate alone: training still falls, so it is the clips that are "
            "used up. More or more varied clips help most; an average of the recent checkpoints, or LoRA, may too. "
            "A race tells which."
        )
        remedies: tuple[str, ...] = ("averaged", "lora", "more-data", "plateau-breaker")
    else:
        words = (
            "Change something: a race of remedies from its best checkpoint tells what helps. Or take "
            f"{BREAKER}, {_how(place)}. {expected}"
        )
        remedies = ("plateau-breaker", "averaged", "lora", "more-data")
    solve = place.command("xtts-finetune", "solve", "PHASE", "--race")
    start = () if place.phase else ("--resume-checkpoint", "CHECKPOINT")
    breaker = place.command("run_pipeline", "PHASE", "--optimization-level", BREAKER, *start)
    return Advice(words, solve, (breaker,), remedies, None if by_heart else BREAKER)


def _how(place: Place) -> str:
    """How to switch to a level without losing what was learnt: a phase cannot start from its own checkpoints."""
    if place.phase is None:
        return "from that run's best checkpoint"
    return (
        f"as a further phase with resume_from: {{phase: {place.phase}, checkpoint: best}} and optimization_level: "
        f"{BREAKER}, which continues from what {place.phase} has learnt; the second command trains {place.phase} anew"
    )


def _oscillating(numbers: Mapping[str, float], place: Place) -> Advice:
    rate = numbers.get("learning_rate_peak") or 0.0
    lower = ("--lr", f"{rate / 2:.2g}" if rate > 0 else short(place.rates.high / 4))
    half = f" ({rate:.2g} -> {rate / 2:.2g})" if rate > 0 else ""
    return Advice(
        f"Calm it down, and train the phase again: half the learning rate{half}, larger batches (or "
        f"accumulate), and the preset {STABLE}, which "
        "switches off loss terms that may fight. If it still jumps, hold out more clips: a small eval set jumps by "
        f"itself. Not {BREAKER}: its restarts would shake it more.",
        place.command("run_pipeline", "PHASE", "--optimization-level", STABLE, *lower),
        (place.command("xtts-finetune", "solve", "PHASE"),),
        ("averaged",),
        STABLE,
    )


def _exploding(judged: Judgement, numbers: Mapping[str, float], place: Place) -> Advice:
    if judged.not_finite and numbers.get("not_finite") == numbers.get("of_values"):
        return Advice(
            f"It was {NOT_FINITE} from the first value on, before anything was trained: the weights that it starts "
            "from are ruined. Start from another checkpoint, an earlier one of the same training; neither "
            f"{BREAKER} nor another learning rate helps.",
            place.command("xtts-finetune", "doctor"),
            (),
            (),
            None,
        )
    since = judged.finding.since if judged.finding is not None else None
    good = [step for step in place.checkpoints if since is not None and step < since]
    if good:
        last = f"The last good checkpoint is that of step {good[-1]}. "
    elif "best_at" in numbers:
        last = f"What is still good is what was saved by {at(numbers['best_at'])}, where it was best. "
    else:
        last = ""
    rate = numbers.get("learning_rate_peak") or 0.0
    lower = f"{rate / 4:.2g}" if rate > 0 else short(place.rates.high / 10)
    to = f" ({rate:.2g} -> {lower})" if rate > 0 else ""
    cause = "Look for broken clips and, with fp16, try bf16 or fp32. " if judged.not_finite else ""
    back = "The run recovered by itself; if it happens again, stop it. " if numbers.get("values_after") else "Stop it. "
    return Advice(
        f"{back}{last}Train the phase again with a quarter of the learning rate{to}, gradients clipped at {CLIP} "
        f"and a longer warm-up. {cause}Not {BREAKER}: it cannot fix a model that is broken.",
        place.command("run_pipeline", "PHASE", "--lr", lower, "--gradient-clip", str(CLIP)),
        (),
        (),
        STABLE,
    )


def _overfitting(judged: Judgement, numbers: Mapping[str, float], place: Place) -> Advice:
    best = at(judged.finding.since) if judged.finding is not None else "its best"
    return Advice(
        f"Stop it and use the best checkpoint, that of {best}: best_model.pth is it already. Next time fewer steps "
        "(the stop rules 'overfitting' and 'no_improvement' stop it by themselves), LoRA, or more clips. "
        f"Not {BREAKER}: it is not stuck, it learns the wrong thing.",
        place.command("xtts-finetune", "decide"),
        (place.command("xtts-finetune", "solve", "PHASE"),),
        ("averaged", "lora", "more-data"),
    )
