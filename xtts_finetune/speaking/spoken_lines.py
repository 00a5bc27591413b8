"""Lines spoken together and checked: what fails is spoken again with another seed, and the best take is kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING

from xtts_finetune.speaking.takes import Takes
from xtts_finetune.spec.utterances import InferenceSpec

if TYPE_CHECKING:
    from xtts_finetune.evaluation.checking import Check, Checked
    from xtts_finetune.xtts.speech.speech import Speaker, Speech

# The nearest lines of a line are what else it might have said.
NEAR = 20


@dataclass(frozen=True)
class WantedLine:
    """A line with all that it is made of; `voice` None is the model's own."""

    text: str
    language: str
    seed: int
    voice: str | None
    key: str


@dataclass
class Session:
    """A model that is loaded.

    speaker  it in each of its voices; None is its own
    check    what its lines are checked with; None: with nothing
    texts    the place of each text in the script
    """

    speaker: Callable[[str | None], Speaker]
    settings: InferenceSpec
    takes: Takes
    tries: int
    check: Check | None
    texts: Mapping[str, int]

    def speak(self, batch: Sequence[WantedLine]) -> float:
        """Speak a batch, what fails the checks again with other seeds, and keep the best; how many seconds it is."""
        best: dict[int, _Tried] = {}
        waiting = list(range(len(batch)))
        for attempt in range(self.tries):
            for place, tried in self._attempt(batch, waiting, attempt):
                if place not in best or tried.checked.rank < best[place].checked.rank:
                    best[place] = tried
            waiting = [place for place in waiting if best[place].checked.faults]
            if self.check is None or not waiting:
                break
        for place, line in enumerate(batch):
            found = best[place]
            tries = 0 if self.check is None else self.tries if place in waiting else found.attempt + 1
            self.takes.keep(line.key, found.speech, found.seed, tries, found.checked.faults)
        return sum(found.speech.seconds for found in best.values())

    def _attempt(
        self, batch: Sequence[WantedLine], places: Sequence[int], attempt: int
    ) -> Iterator[tuple[int, _Tried]]:
        from xtts_finetune.evaluation.checking import further_seed  # noqa: PLC0415  heavy
        from xtts_finetune.evaluation.tails import without_tail  # noqa: PLC0415  (NumPy)
        from xtts_finetune.xtts.speech.speech import Line  # noqa: PLC0415  heavy

        for voice in dict.fromkeys(batch[place].voice for place in places):
            own = [place for place in places if batch[place].voice == voice]
            seeds = [further_seed(batch[place].seed, attempt) for place in own]
            spoken = [
                Line(batch[place].text, batch[place].language, seed) for place, seed in zip(own, seeds, strict=True)
            ]
            for number, raw in self.speaker(voice).speak_many(spoken, self.settings):
                line = batch[own[number]]
                speech = replace(raw, wave=without_tail(raw.wave, raw.sample_rate))
                yield own[number], _Tried(speech, seeds[number], attempt, self._checked(speech, line))

    def _checked(self, speech: Speech, line: WantedLine) -> Checked:
        from xtts_finetune.evaluation.checking import Checked  # noqa: PLC0415  heavy
        from xtts_finetune.evaluation.instruments.instrument import Sound  # noqa: PLC0415  heavy

        if self.check is None:
            return Checked(())
        sound = Sound(self.takes.try_out(speech), speech.wave, speech.sample_rate)
        place = self.texts[line.text]
        near = islice(self.texts, max(0, place - NEAR), place + NEAR)
        others = [text for text in near if text != line.text]
        return self.check(sound, line.text, line.language, speech.reached_limit, others)


@dataclass(frozen=True)
class _Tried:
    speech: Speech
    seed: int
    attempt: int
    checked: Checked
