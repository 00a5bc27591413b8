"""What a point is worth: it speaks texts, and the checks, the recogniser and the likeness read what it says."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean, stdev
from typing import TYPE_CHECKING

from xtts_finetune.spec.utterances import InferenceSpec

if TYPE_CHECKING:
    from xtts_finetune.evaluation.instruments.panel import Panel
    from xtts_finetune.evaluation.scores import Scale
    from xtts_finetune.speaking.tuning.points import Point
    from xtts_finetune.xtts.speech.speech import Speaker

# Speech whose pitch moves less than this share of what it does now is flat: it may be understood better and is worse.
FLAT = 0.9


@dataclass(frozen=True)
class Heard:
    """One text as it was spoken with a point; None for what nothing here can read.

    words, voice   the share of the words that are understood, and the likeness to the recordings, 0 to 1
    spread         of its pitch, in semitones
    """

    text: str
    faulty: bool
    words: float | None
    voice: float | None
    spread: float | None

    @property
    def worth(self) -> float:
        """0 with a fault; else the share of the words times the likeness."""
        if self.faulty:
            return 0.0
        return (1.0 if self.words is None else self.words) * (1.0 if self.voice is None else self.voice)


@dataclass(frozen=True)
class Means:
    """Of all that was heard with a point."""

    worth: float
    faulty: int
    takes: int
    words: float | None
    voice: float | None
    spread: float | None

    @classmethod
    def of(cls, heard: Sequence[Heard]) -> Means:
        """Readings of takes that can be read at all; a fault counts in the worth alone."""
        return cls(
            fmean(each.worth for each in heard),
            sum(each.faulty for each in heard),
            len(heard),
            _mean([each.words for each in heard]),
            _mean([each.voice for each in heard]),
            _mean([each.spread for each in heard]),
        )

    def flat(self, now: Means) -> bool:
        """Whether its pitch moves clearly less than it does now."""
        return self.spread is not None and now.spread is not None and self.spread < FLAT * now.spread

    def value(self, now: Means) -> float:
        """What the search makes as large as it can: the worth, less by as much as it is flat."""
        if not self.flat(now):
            return self.worth
        return self.worth * float(self.spread or 0.0) / (FLAT * float(now.spread or 1.0))


def gain(one: Sequence[Heard], other: Sequence[Heard]) -> tuple[float, float]:
    """How much more the same texts are worth with `one`: the mean over texts, and its standard error."""
    texts = dict.fromkeys(each.text for each in one)
    apart = [_worth_of(text, one) - _worth_of(text, other) for text in texts]
    return fmean(apart), stdev(apart) / len(apart) ** 0.5 if len(apart) > 1 else float("inf")


def _worth_of(text: str, heard: Sequence[Heard]) -> float:
    return fmean(each.worth for each in heard if each.text == text)


class Listener:
    """Has a model speak with points, and reads what it says."""

    def __init__(
        self, speaker: Callable[[str], Speaker], scale: Scale, panel: Panel, language: str, trial: Path
    ) -> None:
        """`speaker`: the model with its voice from the recordings of a label; `trial`: a file for instruments."""
        self._speaker, self._scale, self._panel = speaker, scale, panel
        self._language, self._trial = language, trial

    def hear(self, point: Point, texts: Sequence[str], seeds: Sequence[int]) -> list[Heard]:
        """Each text with each seed, in their order."""
        from xtts_finetune.evaluation.checking import checker  # noqa: PLC0415  heavy
        from xtts_finetune.evaluation.decision.inputs import words_and_voice  # noqa: PLC0415
        from xtts_finetune.evaluation.instruments.instrument import Sound  # noqa: PLC0415  heavy
        from xtts_finetune.evaluation.utterances import write_wav  # noqa: PLC0415  heavy
        from xtts_finetune.xtts.speech.speech import Line  # noqa: PLC0415  heavy

        settings = InferenceSpec(**{key: value for key, value in point.items() if key in InferenceSpec.model_fields})
        check = checker(replace(self._scale, speed=settings.speed), self._panel)
        lines = [Line(text, self._language, seed) for text in texts for seed in seeds]
        found: dict[int, Heard] = {}
        for place, speech in self._speaker(point["reference"]).speak_many(lines, settings):
            write_wav(self._trial, speech)
            sound = Sound(self._trial, speech.wave, speech.sample_rate)
            text = lines[place].text
            others = [other for other in texts if other != text]
            checked = check(sound, text, self._language, speech.reached_limit, others)
            words, voice, spread = None, None, None
            if checked.scores is not None:
                words, voice = words_and_voice(checked.scores)
                spread = checked.scores.number("f0_spread_semitones")
            found[place] = Heard(text, bool(checked.faults), words, voice, spread)
        return [found[place] for place in range(len(lines))]


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return fmean(known) if known else None
