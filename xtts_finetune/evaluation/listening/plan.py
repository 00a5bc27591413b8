"""What is heard when: trials, their order, their sides and the checks among them, as pure functions of a seed.

After ITU-R BS.1534-3 (hidden reference, low-passed anchor) and ITU-T P.800, annex E (comparison of two).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product
from random import Random

from xtts_finetune.evaluation.listening.forms import LONGEST_SITTING
from xtts_finetune.records.heard.listening_files import ANCHOR, REFERENCE

# About one trial in eight is a check: one for seven pairs.
PAIRS_A_CHECK = 7
# A repeat comes at least so many trials after what it repeats.
FORGOTTEN_AFTER = 4
PRACTICE_DAMAGES = ("low-pass", "noise", "cut")

Pair = tuple[str, str]


@dataclass(frozen=True)
class Sound:
    """One thing to be heard.

    source  a candidate, or 'reference' for a recording of the voice
    of      the sentence's id, or the recording's number
    damage  '', or what is done to it: low-pass, noise, cut
    """

    source: str
    of: str
    damage: str = ""


@dataclass(frozen=True)
class Trial:
    """Two sounds to compare; `id` tells nothing. `kind` and `repeats` as in records.heard.listening_files.KeyTrial."""

    id: str
    kind: str
    a: Sound
    b: Sound
    repeats: str | None = None

    @property
    def sentence(self) -> str:
        """The sentence, or the recording's number."""
        return self.a.of

    @property
    def labels(self) -> tuple[str, str]:
        """What the key calls A and B."""
        return _label(self, self.a), _label(self, self.b)


@dataclass(frozen=True)
class Plan:
    """A whole test. `sittings` are the numbers of trials between breaks, practice apart."""

    practice: tuple[Trial, ...]
    trials: tuple[Trial, ...]
    sittings: tuple[int, ...]


def make_plan(pairs: Sequence[Pair], sentences: Sequence[str], recordings: int, seed: int) -> Plan:
    """Lay down a test: every one of the pairs of candidates with every sentence, checks, three practice trials.

    Every candidate is A as often as B, within one. No sentence comes twice in a row where there are three or
    more. A check is never first, and no two are neighbours.

    Raises ValueError for no pair, no sentence or no recording of the voice.
    """
    if not pairs or not sentences or recordings < 1:
        raise ValueError("a test needs two candidates, a sentence and a recording of the voice")
    random = Random(seed)
    names = _Names(random)
    practice = tuple(
        _sides_by_chance(
            Trial(names.new(), "practice", _recording(n % recordings), _recording(n % recordings)),
            damage,
            random,
        )
        for n, damage in enumerate(PRACTICE_DAMAGES)
    )
    candidates = list(dict.fromkeys(name for pair in pairs for name in pair))
    compared = _comparisons(pairs, sentences, names, random)
    trials = _with_checks(compared, candidates, sentences, recordings, names, random)
    return Plan(practice, tuple(trials), sittings_of(len(trials)))


def sittings_of(trials: int) -> tuple[int, ...]:
    """Sittings of like length, at most 15 trials each; 10 or more where the number allows."""
    count = math.ceil(trials / LONGEST_SITTING)
    return tuple(trials // count + (number < trials % count) for number in range(count))


class _Names:
    """Opaque names, none twice."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._given: set[str] = set()

    def new(self) -> str:
        while (name := f"{self._random.getrandbits(32):08x}") in self._given:
            pass
        self._given.add(name)
        return name


def _comparisons(pairs: Sequence[Pair], sentences: Sequence[str], names: _Names, random: Random) -> list[Trial]:
    """Every pair with every sentence once, in rounds that have each sentence once and all pairs mixed."""
    extra = _extra_sides(pairs, random)
    # For every pair, whether its first candidate is A, by sentence.
    sides = [_sides(len(sentences), first_is_extra, random) for first_is_extra in extra]
    numbers = random.sample(range(len(sentences)), len(sentences))
    trials: list[Trial] = []
    for turn in range(len(pairs)):
        round_ = []
        for place, sentence in enumerate(numbers):
            number = (place + turn) % len(pairs)
            first, second = pairs[number] if sides[number][sentence] else pairs[number][::-1]
            said = sentences[sentence]
            round_.append(Trial(names.new(), "pair", Sound(first, said), Sound(second, said)))
        random.shuffle(round_)
        if trials and round_[0].sentence == trials[-1].sentence:
            round_.append(round_.pop(0))
        trials += round_
    return trials


def _sides(sentences: int, first_is_extra: bool, random: Random) -> list[bool]:
    """For every sentence whether the first candidate is A: as often as not, but for an odd one."""
    as_a = sentences // 2 + (sentences % 2 if first_is_extra else 0)
    sides = [number < as_a for number in range(sentences)]
    random.shuffle(sides)
    return sides


def _extra_sides(pairs: Sequence[Pair], random: Random) -> tuple[bool, ...]:
    """For every pair whether its first candidate is A for the odd sentence, so that none is once too often.

    Five candidates have ten pairs: all ways of choosing can be tried.
    """

    def surplus(chosen: tuple[bool, ...]) -> int:
        as_a: dict[str, int] = {}
        for pair, first_is_extra in zip(pairs, chosen, strict=True):
            for name, is_a in zip(pair, (first_is_extra, not first_is_extra), strict=True):
                as_a[name] = as_a.get(name, 0) + (1 if is_a else -1)
        return max(map(abs, as_a.values()))

    ways = list(product((True, False), repeat=len(pairs)))
    random.shuffle(ways)
    return min(ways, key=surplus)


def _with_checks(
    pairs: Sequence[Trial],
    candidates: Sequence[str],
    sentences: Sequence[str],
    recordings: int,
    names: _Names,
    random: Random,
) -> list[Trial]:
    """The pairs with one check in each of as many stretches as there are checks."""
    count = max(1, round(len(pairs) / PAIRS_A_CHECK))
    others = random.sample(["repeat", "identical", "anchor"], 3)
    # A repeat needs something to repeat, so a hidden recording comes first.
    kinds = ["hidden_reference", *others]
    trials: list[Trial] = []
    for number in range(count):
        start, end = len(pairs) * number // count, len(pairs) * (number + 1) // count
        place = random.randint(start + 1, end)
        trials += pairs[start:place]
        near = {pairs[place - 1].sentence, *(trial.sentence for trial in pairs[place : place + 1])}
        apart = [said for said in sentences if said not in near] or list(sentences)
        kind = kinds[number % len(kinds)]
        repeatable = [t for t in trials[: -FORGOTTEN_AFTER + 1] if t.kind == "pair" and t.sentence in apart]
        if kind == "repeat" and not repeatable:
            kind = "identical"
        name = names.new()
        if kind == "repeat":
            first = random.choice(repeatable)
            trials.append(Trial(name, kind, first.b, first.a, first.id))
        elif kind == "hidden_reference":
            voice = _recording(random.randrange(recordings))
            trials.append(_sides_by_chance(Trial(name, kind, voice, voice), "low-pass", random))
        else:
            sound = Sound(random.choice(candidates), random.choice(apart))
            check = Trial(name, kind, sound, sound)
            trials.append(check if kind == "identical" else _sides_by_chance(check, "low-pass", random))
        trials += pairs[place:end]
    return trials


def _sides_by_chance(trial: Trial, damage: str, random: Random) -> Trial:
    """One of the trial's two equal sounds gets the damage."""
    if random.random() < 0.5:
        return replace(trial, a=replace(trial.a, damage=damage))
    return replace(trial, b=replace(trial.b, damage=damage))


def _recording(number: int) -> Sound:
    return Sound(REFERENCE, str(number))


def _label(trial: Trial, sound: Sound) -> str:
    return ANCHOR if sound.damage else sound.source
