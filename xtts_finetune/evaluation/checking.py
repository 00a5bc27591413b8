"""Checks of single lines as they are spoken: the gate, the instruments of the voice, and the words.

They are those of scores.json, and one more: a line is to be understood nearly as well as the voice's recordings are,
where scores ask only that no other text is nearer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from xtts_finetune.evaluation.instruments import INSTRUMENTS
from xtts_finetune.evaluation.instruments.characters import FEWEST_LETTERS
from xtts_finetune.evaluation.instruments.instrument import Fault, Sound, Take
from xtts_finetune.evaluation.instruments.panel import Panel
from xtts_finetune.evaluation.scores import Scale, gate_faults, read_utterance, voice_faults, with_faults
from xtts_finetune.records.heard.scores import UtteranceScores

# Letters wrong beyond the recordings' own mean, as a share of the text's.
MISHEARD = 0.25
# The seeds of a line's further tries lie so far apart.
SEED_STEP = 104_729
# Other texts that a line is compared with, the nearest ones of the script.
OTHERS = 50


@dataclass(frozen=True)
class Checked:
    """What is wrong with a line, in words, and how many of its letters are (None where nothing reads them).

    `scores` are all readings that this is known by.
    """

    faults: tuple[str, ...]
    misheard: float | None = None
    scores: UtteranceScores | None = None

    @property
    def rank(self) -> tuple[int, float]:
        """For choosing among takes: fewer faults first, then fewer wrong letters."""
        return len(self.faults), self.misheard or 0.0


Check = Callable[[Sound, str, str, bool, Sequence[str]], Checked]
"""A sound, its text and language, whether it was cut, and what else the script says."""


def further_seed(seed: int, attempt: int) -> int:
    """Of a text that is spoken once more; attempt 0 is the first."""
    return (seed + attempt * SEED_STEP) % 2**32


def checker(scale: Scale, panel: Panel) -> Check:
    """Checks lines against a voice; instruments that are not installed are left out."""

    def check(sound: Sound, text: str, language: str, cut: bool, others: Sequence[str]) -> Checked:
        spelled = [scale.spell(other, language) for other in others[:OTHERS]]
        take = Take(
            sound=sound,
            text=text,
            language=language,
            spelled=scale.spell(text, language),
            panel=panel,
            voice=scale.voice,
            speed=scale.speed,
            others=lambda: spelled,
        )
        scores = read_utterance(UtteranceScores("", 0, sound.file.name, text), take, INSTRUMENTS)
        faults = [*gate_faults(take, cut, scale), *voice_faults(take, scores), *_words(take, scores)]
        return Checked(with_faults(scores, faults).findings, scores.number("cer"), scores)

    return check


def _words(take: Take, scores: UtteranceScores) -> list[Fault]:
    """Too many letters wrong, where the recordings tell how many are usual."""
    wrong, usual = scores.number("cer"), take.voice.number("cer")
    if wrong is None or usual is None or sum(map(str.isalnum, take.text)) < FEWEST_LETTERS:
        return []
    limit = usual + MISHEARD
    return [Fault("misheard", wrong, limit, "of the letters")] if wrong > limit else []
