"""Remedies for a phase that no longer improves: each changes one thing of it, with a reason.

The first five are those of the requirement, in the terms of a phase: their factors are its own. The others are added
where the diagnosis speaks for them. `control`, the unchanged phase going on, belongs to every race: what does not
beat it is no remedy.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from xtts_finetune.trials.race.situation import Situation

CONTROL = "control"
AVERAGED = "averaged"

LEVEL = "plateau_breaker"
# Of the level all but the length and the batches: these are the race's, so that as many clips are seen.
OF_THE_LEVEL = (
    "learning_rate",
    "schedule",
    "gradient_clip",
    "mel_loss_weight",
    "text_loss_weight",
    "kl_weight",
    "label_smoothing",
    "huber_tau",
    "adaptive_loss_weights",
)
RATE_FACTOR = 2.0
LAGGING_FACTOR, DOMINATING_FACTOR = 2.0, 0.3
DROPS_START, DROP_FACTOR, DROPS_AT = 3.0, 0.2, (1 / 5, 1 / 2)
HALF_BATCH_RATE_FACTOR = 2.9
GENTLE_FACTOR = 0.3
ANNEALED_TO = 0.05

_SPEAK_FOR_GENTLE = frozenset({"oscillating", "exploding", "overfitting"})


@dataclass(frozen=True)
class Remedy:
    """One thing to try: what it changes, why, and what to expect of it, each in a sentence or two.

    `changes` are the phase's keys with other values than the control has, and `without` those that it lacks. A
    remedy of the kind 'average' needs no training, 'advice' is for people alone.
    """

    name: str
    change: str
    why: str
    expect: str
    kind: Literal["train", "average", "advice"] = "train"
    changes: Mapping[str, Any] = field(default_factory=dict)
    without: tuple[str, ...] = ()

    def values(self, situation: Situation) -> dict[str, Any]:
        """The remedy as a phase's file holds it."""
        values = situation.going_on() | dict(self.changes)
        return {key: value for key, value in values.items() if key not in self.without}


def remedies_for(situation: Situation) -> tuple[Remedy, ...]:
    """The control first, then the five of the requirement, then what the diagnosis adds."""
    makers: Sequence[Callable[[Situation], Remedy | None]] = (
        _control,
        _faster,
        _annealed,
        _reweighted,
        _drops,
        _half_batch,
        _plateau_breaker,
        _gentle,
        _adapters,
        _averaged,
        _more_data,
    )
    return tuple(remedy for make in makers if (remedy := make(situation)) is not None)


def _control(situation: Situation) -> Remedy:
    return Remedy(
        CONTROL,
        f"none: {situation.name} continues unchanged, at its current learning rate {situation.rate:.3g}",
        "a remedy counts only if it beats what would have happened without it",
        "the same slow fall, or none",
    )


def _faster(situation: Situation) -> Remedy:
    rate = _rounded(RATE_FACTOR * situation.rate)
    return Remedy(
        "lr-x2",
        f"learning_rate {situation.rate:.3g} -> {rate:.3g}",
        "steps that are too small crawl along a flat stretch of the loss that larger ones leave behind",
        "mel_ce may rise over the first evaluations, then falls faster; if it swings, the rate is too high",
        changes={"learning_rate": rate},
    )


def _annealed(situation: Situation) -> Remedy:
    cycle = situation.first_mark * situation.eval_every
    schedule: dict[str, Any] = {
        "kind": "cosine",
        "warmup_steps": situation.warmup_steps,
        "minimum": ANNEALED_TO,
    }
    how = f"over the whole {situation.steps} steps"
    if situation.first_mark < situation.evals:
        # Cycles end where remedies are compared, so that it is annealed whenever it is judged.
        schedule |= {"kind": "cosine_restarts", "period": {"steps": cycle}}
        how = f"in cycles of {cycle} steps, so that it is annealed wherever remedies are compared"
    return Remedy(
        "cosine",
        f"schedule {situation.phase.schedule.kind} -> {schedule['kind']}, to {ANNEALED_TO:.0%} {how}",
        "a constant rate keeps the weights bouncing around a minimum; as it falls, they settle into it (Loshchilov "
        "and Hutter, SGDR, ICLR 2017)",
        "the lowest mel_ce at the end of each cycle, below the control's by what its bouncing cost",
        changes={"schedule": schedule},
    )


def _reweighted(situation: Situation) -> Remedy:
    phase = situation.phase
    falls = {"mel": situation.fall("mel_ce"), "text": situation.fall("text_ce_nats")}
    lagging = min(falls, key=lambda term: falls[term])
    leading = "text" if lagging == "mel" else "mel"
    weights = {"mel": phase.mel_loss_weight, "text": phase.text_loss_weight}
    new = {
        lagging: _rounded(LAGGING_FACTOR * weights[lagging]),
        leading: _rounded(DOMINATING_FACTOR * weights[leading]),
    }
    return Remedy(
        "reweighted",
        f"{lagging}_loss_weight {weights[lagging]:g} -> {new[lagging]:g}, "
        f"{leading}_loss_weight {weights[leading]:g} -> {new[leading]:g}",
        f"{lagging} CE has fallen by {falls[lagging]:.1%} since the phase began and {leading} CE by "
        f"{falls[leading]:.1%}: the term that lags gets more of every step, the other less",
        f"{lagging} CE falls again; {leading} CE may rise a little",
        changes={"mel_loss_weight": new["mel"], "text_loss_weight": new["text"]},
    )


def _drops(situation: Situation) -> Remedy:
    rate, warmup = _rounded(DROPS_START * situation.rate), situation.warmup_steps
    milestones = sorted({max(warmup + 1, round(share * situation.steps)) for share in DROPS_AT})
    return Remedy(
        "drops",
        f"learning_rate {situation.rate:.3g} -> {rate:.3g}, multiplied with {DROP_FACTOR:g} at the steps "
        f"{' and '.join(map(str, milestones))}",
        "a high rate finds another valley, sharp drops go down into it: explore first, refine after",
        "mel_ce stays above the control's until the first drop, then falls at once; an early comparison may "
        "drop it before it pays off",
        changes={
            "learning_rate": rate,
            "schedule": {
                "kind": "multi_step",
                "warmup_steps": warmup,
                "milestones": {"steps": milestones},
                "factor": DROP_FACTOR,
            },
        },
    )


def _half_batch(situation: Situation) -> Remedy | None:
    """None where a batch is one clip."""
    phase, rate = situation.phase, _rounded(HALF_BATCH_RATE_FACTOR * situation.rate)
    key, size = _batch(situation)
    if size < 2:
        return None
    half = size // 2
    odd = "" if size % 2 == 0 else " (there is no half clip)"
    # Rounded down, so that it never sees more clips than the control.
    every = situation.eval_every * size // half
    return Remedy(
        "half-batch",
        f"{key} {size} -> {half}{odd}, learning_rate {situation.rate:.3g} -> {rate:.3g}, {size / half:g} times as "
        "many steps, so that as many clips are seen",
        "more and noisier steps over the same clips get out of narrow minima that large batches stay in (Keskar et "
        "al., On Large-Batch Training for Deep Learning, ICLR 2017)",
        "a noisier training loss; mel_ce falls if the phase was caught in a narrow minimum",
        changes={
            key: half,
            "learning_rate": rate,
            "steps": every * situation.evals,
            "eval_every_steps": every,
            "checkpoint_every": {"steps": every * situation.evals},
            **({"on_out_of_memory": "stop"} if phase.max_tokens is not None else {}),
        },
    )


def _rounded(value: float) -> float:
    """To the digits that people write down."""
    return float(f"{value:.4g}")


def _batch(situation: Situation) -> tuple[str, int]:
    """The key that says how large an optimizer step is, and its value."""
    phase = situation.phase
    if phase.max_tokens is not None:
        return "max_tokens", phase.max_tokens
    return ("batch_size", phase.batch_size) if phase.batch_size > 1 else ("accumulate", phase.accumulate)


def _plateau_breaker(situation: Situation) -> Remedy | None:
    if not situation.level or "plateau-breaker" not in situation.advised:
        return None
    changes = {key: value for key, value in situation.level.items() if key in OF_THE_LEVEL}
    schedule = dict(changes.get("schedule") or {})
    shortened = ""
    if schedule.get("warmup_steps", 0) > situation.rise:
        shortened = f"; its warm-up of {schedule['warmup_steps']} steps cut to {situation.rise} for so short a race"
        changes["schedule"] = schedule | {"warmup_steps": situation.rise}
    return Remedy(
        "plateau-breaker",
        f"what the preset {LEVEL} sets: {', '.join(changes)}{shortened}",
        "the preset is made for this: restarts of the learning rate, and losses that still improve where plain "
        "cross-entropy no longer does",
        "some ups and downs first, then a clear fall; from 2.7 to 2.2-2.3 after 10 epochs is usual",
        changes=changes,
    )


def _gentle(situation: Situation) -> Remedy | None:
    if situation.verdict not in _SPEAK_FOR_GENTLE:
        return None
    rate = _rounded(GENTLE_FACTOR * situation.rate)
    return Remedy(
        "gentle",
        f"learning_rate {situation.rate:.3g} -> {rate:.3g}",
        f"the curves are {situation.verdict}: the steps are too large for these clips",
        "calmer curves at once; mel_ce falls slowly but steadily",
        changes={"learning_rate": rate},
    )


def _adapters(situation: Situation) -> Remedy | None:
    if "lora" not in situation.advised or situation.trains_adapters:
        return None
    return Remedy(
        "lora",
        "train all -> lora: only low-rank adapters are trained, all other weights stay",
        "with far fewer weights to train, it memorises fewer clips (Hu et al., LoRA, ICLR 2022)",
        "the gap between training and eval set stops growing; mel_ce falls slowly",
        changes={
            "train": {"lora": {"rank": 8}},
            "schedule": {"kind": "constant", "warmup_steps": situation.rise},
        },
    )


def _averaged(situation: Situation) -> Remedy | None:
    """None where there is nothing to average."""
    if situation.models < 2:
        return None
    return Remedy(
        AVERAGED,
        f"no training: the mean of the weights of {situation.models} models of {situation.name}",
        "models along one run lie around a minimum, and their mean nearer to its middle than each (Izmailov et al., "
        "UAI 2018)",
        "mel_ce a little below that of the best model, at no cost",
        kind="average",
    )


def _more_data(situation: Situation) -> Remedy | None:
    if "more-data" not in situation.advised:
        return None
    return Remedy(
        "more-data",
        "nothing a race could try: record more clips, above all of other texts and moods",
        "no setting teaches what is not in the clips",
        "the one remedy that lowers mel_ce on unseen sentences for certain",
        kind="advice",
    )
