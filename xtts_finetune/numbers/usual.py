"""Which values are usual for XTTS: what preflight, the monitor's review, diagnosis and `init` go by.

Unusual is not wrong: each value outside of its range comes with the reason why it is rarely taken.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from xtts_finetune.numbers.fixed import V2_SIZES


@dataclass(frozen=True)
class Usual:
    """Values from `low` to `high`, both included; `of` says what they are usual for, '' for any phase.

    A value that reads like one of the two is usual: nobody should be told to try the value that is there.
    """

    low: float
    high: float
    of: str = ""

    def __contains__(self, value: float) -> bool:
        return self.low <= value <= self.high or short(value) in (short(self.low), short(self.high))

    def __str__(self) -> str:
        return f"{short(self.low)} to {short(self.high)}"

    def nearest(self, value: float) -> float:
        """The usual value that is closest."""
        return min(max(value, self.low), self.high)


@dataclass(frozen=True)
class Speed:
    """Seconds of a clip in a step that trains a GPT of so many weights; a step takes `least_seconds` at least."""

    seconds_a_clip: float
    weights: float
    least_seconds: float
    source: str


@dataclass(frozen=True)
class Unusual:
    """A declared value (None: switched off) outside of what is usual, and why that matters."""

    key: str
    value: float | None
    usual: Usual
    why: str

    @property
    def side(self) -> str:
        """'above' or 'below' what is usual; a limit that is switched off is above."""
        return "below" if self.value is not None and self.value < self.usual.low else "above"


# Of all weights of XTTS v2, whose GPT has so many. On little data 5e-6 overfits within four or five epochs, 1e-6 does
# not in fifty; Coqui's recipe takes 5e-6, and plateaus are left with 1e-5 and more.
FULL_SIZE, FULL_SIZE_RATES = 441e6, (5e-7, 2e-5)
OVERFITS_SOON_ABOVE = 5e-6
# Smaller models take larger rates: this power of the size leads from XTTS v2 to models of 5 to 9 M weights, as the
# demo's, which learn well at 1e-4 to 3e-4. Between larger models published tables (GPT-3's, say) have smaller powers.
SIZE_POWER = 2 / 3
# Adapters start from nothing and take larger steps.
OF_ADAPTERS = 10
# What `init` writes for its first and second phase: as the first voice of this pipeline had it, and as the demo has it.
STARTING_RATES, TINY_STARTING_RATES = (1.5e-6, 1e-6), (3e-4, 1e-4)
TINY = 25e6  # weights; the demo has 8.6 million
LEAST_KNOWN = 1e5  # weights; of models that are smaller nothing is known

# Where no step was measured yet. The card's time is worked out from its speed, the CPU's was measured with 12 layers of
# width 768 on two cores, without units for bf16 (docs/performance.md).
GPU_SPEED = Speed(0.22 / 3, FULL_SIZE, 0.05, "an RTX 3060 needs about 0.22 s for a step of XTTS v2 with 3 clips")
CPU_SPEED = Speed(3.6, 115e6, 0.02, "two cores of a CPU need about 14 s for each clip of XTTS v2, and less with bf16")
CLIPS_A_STEP = Usual(2, 32)
STEPS_AN_EPOCH = 4  # at least
PASSES = Usual(3, 60)
TRAIN_CLIPS = 50  # at least: ten minutes of speech
START_MINUTES, GOOD_MINUTES = 10, 30  # of speech: a start, and better
# What to expect of less than so many minutes of speech.
LITTLE_DATA = (
    (3.0, "a hint of the voice: words blur, and the recordings are soon memorised"),
    (6.5, "a likeness in short sentences; long ones drift, and the way of speaking stays the base's"),
    (START_MINUTES, "the voice is recognised, with slips in long sentences, questions and rare words"),
)
MANY_CLIPS = 3000  # of so many fewer passes are enough
SPOKEN_ON_THE_WAY = 5  # times that `init` lets a phase of XTTS v2 speak its sentences while it trains, about
EVALUATIONS = 4  # in a phase after the one at step 0, at least
EVAL_EVERY_STEPS = 1000  # at most
EVAL_CLIPS, EVAL_FRACTION = 16, 0.1  # held out: so many, or such a share of fewer clips
EVAL_SHARE = Usual(0.02, 0.30)  # of all clips
ENOUGH_EVAL_CLIPS = 100  # whatever share of all clips they are
GRADIENT_CLIPS = Usual(0.1, 2.0)
# 35 has been seen in a configuration, and ruined the model.
MEL_WEIGHTS = Usual(1.0, 5.0)
TEXT_WEIGHTS = Usual(0.001, 0.1)
# While a phase trains, in nats of mel_ce: standard deviation of evaluations at most, fall of the training loss over
# five epochs at least. The eval loss above its lowest, as a share of it: a rise that matters.
EVAL_STD, IMPROVEMENT, GOOD_IMPROVEMENT = 0.05, 0.05, 0.15
EVAL_RISE = 0.02
# Two models' mel_ce nearer than this share are equal: another seed, or a few other eval clips, moves it as much.
MEL_CE_NOISE = 0.01


def gpt_weights(model_args: Mapping[str, Any]) -> float:
    """About how many weights a base's GPT has, by `model_args` of its config.json; what is missing is XTTS v2's.

    Layers, the two encoders of the reference recording, and the tokens with their heads.
    """

    def size(key: str) -> float:
        value = model_args.get(key)
        return float(value) if isinstance(value, int | float) and 0 < value < 1e9 else float(V2_SIZES[key])

    width = size("gpt_n_model_channels")
    tokens = size("gpt_number_text_tokens") + size("gpt_num_audio_tokens")
    return (12 * size("gpt_layers") + 40) * width**2 + (4096 + 2 * tokens) * width


def learning_rates(weights: float = FULL_SIZE, adapters: bool = False) -> Usual:
    """The learning rates for a GPT of so many weights, or for adapters on it: XTTS v2's x (441 M / weights)^(2/3)."""
    low, high = (float(f"{rate * _times(weights, adapters):.1e}") for rate in FULL_SIZE_RATES)
    return Usual(low, high, f"{'adapters on ' if adapters else ''}a GPT of {weights / 1e6:.3g} M weights")


def _times(weights: float, adapters: bool) -> float:
    """What XTTS v2's rates are multiplied with."""
    larger: float = max(1.0, FULL_SIZE / max(weights, 1.0)) ** SIZE_POWER
    return larger * (OF_ADAPTERS if adapters else 1)


def starting_rates(weights: float, adapters: bool) -> tuple[float, float]:
    """The learning rates of a first and a second phase."""
    if weights < TINY:
        usual = learning_rates(weights, adapters)
        return usual.nearest(TINY_STARTING_RATES[0]), usual.nearest(TINY_STARTING_RATES[1])
    return STARTING_RATES[0] * _times(weights, adapters), STARTING_RATES[1] * _times(weights, adapters)


def unusual_values(
    weights: float,
    adapters: bool,
    learning_rate: float | None = None,
    gradient_clip: float | None = 1.0,
    mel_loss_weight: float | None = None,
    text_loss_weight: float | None = None,
) -> list[Unusual]:
    """What is unusual about a phase that trains a GPT of so many weights. None: not known; of gradient_clip: off."""
    rates, found = learning_rates(weights, adapters), []
    if learning_rate is not None and weights >= LEAST_KNOWN and learning_rate not in rates:
        why = (
            "it may overfit or forget how to speak within a few epochs"
            if learning_rate > rates.high
            else "weights hardly move in the time that a phase has"
        )
        found.append(Unusual("learning_rate", learning_rate, rates, why))
    if gradient_clip is None:
        why = "one bad clip (a wrong text, a crackle) may take a step that ruins the model"
        found.append(Unusual("gradient_clip", None, GRADIENT_CLIPS, why))
    elif gradient_clip not in GRADIENT_CLIPS:
        why = (
            "gradients of XTTS are about 1, so that outliers get through"
            if gradient_clip > GRADIENT_CLIPS.high
            else "every step is scaled down, and learning_rate no longer says how large steps are"
        )
        found.append(Unusual("gradient_clip", gradient_clip, GRADIENT_CLIPS, why))
    if mel_loss_weight is not None and mel_loss_weight not in MEL_WEIGHTS:
        why = "a heavy mel term drowns all others and acts as a higher learning rate, a light one as a lower rate"
        found.append(Unusual("mel_loss_weight", mel_loss_weight, MEL_WEIGHTS, why))
    if text_loss_weight is not None and text_loss_weight not in TEXT_WEIGHTS:
        why = (
            "the text term takes part in every step at the cost of the sound"
            if text_loss_weight > TEXT_WEIGHTS.high
            else "nothing keeps the model from losing the text: watch text_ce"
        )
        found.append(Unusual("text_loss_weight", text_loss_weight, TEXT_WEIGHTS, why))
    return found


def little_data(minutes: float) -> str:
    """What to expect of so few minutes of speech, and what would be better; '' where there are enough."""
    for below, expect in LITTLE_DATA:
        if minutes < below:
            enough = f"{START_MINUTES} minutes are a start, {GOOD_MINUTES} are better"
            return f"{minutes:.1f} minutes of speech is not much ({enough}). Expect {expect}"
    return ""


def short(number: float) -> str:
    """With two digits that count: '5e-7', '0.1', '32'."""
    return f"{number:.2g}".replace("e-0", "e-")
