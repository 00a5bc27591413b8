"""Settings that speak better are found on texts of their own; flat speech is not better; listeners decide."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
import yaml

from tests.evaluation.test_utterances import UTTERANCES, base, clip, declare, run
from xtts_finetune.errors import UserError
from xtts_finetune.records.clips import read_clips, write_clips
from xtts_finetune.records.run_folder import RunFolder
from xtts_finetune.speaking.speaking_models import candidate_model
from xtts_finetune.speaking.tuning import tune as tuning
from xtts_finetune.speaking.tuning.hearing import Heard, Means, gain
from xtts_finetune.speaking.tuning.points import (
    AS_NOW,
    RANGES,
    REFERENCE,
    Point,
    distributions,
    propose,
    reference_sets,
)
from xtts_finetune.speaking.tuning.tune import Tuned, texts_for, tunable, tune
from xtts_finetune.speaking.tuning.words import candidates_yaml, summary
from xtts_finetune.spec.decision import DecisionSpec
from xtts_finetune.spec.declaration import Declaration
from xtts_finetune.spec.utterances import InferenceSpec
from xtts_finetune.xtts.base import BaseFiles

__all__ = ["base", "run"]
TEXTS = [f"This is text number {number}, of some length." for number in range(40)]
NOW: Point = {**InferenceSpec().model_dump(mode="json"), REFERENCE: AS_NOW}


class Taste:
    """A listener that likes it cold and from the last recordings, and hears less melody where it is coldest."""

    def __init__(self, best: float = 0.4, flat_below: float = 0.0) -> None:
        self.best, self.flat_below, self.asked = best, flat_below, []  # type: ignore[var-annotated]

    def hear(self, point: Point, texts: Sequence[str], seeds: Sequence[int]) -> list[Heard]:
        self.asked.append((dict(point), tuple(texts), tuple(seeds)))
        chance = Random(json.dumps([point, *texts]))
        words = 0.95 - abs(point["temperature"] - self.best) - (0.0 if point[REFERENCE] != AS_NOW else 0.05)
        spread = 3.0 if point["temperature"] >= self.flat_below else 1.0
        return [
            Heard(text, chance.random() < 0.05, words + chance.gauss(0, 0.02), 0.9, spread)
            for text in texts
            for _ in seeds
        ]


@pytest.fixture
def declared(base: BaseFiles, run: RunFolder) -> Declaration:
    known = read_clips(run.clips)
    audio = known[0].audio
    more = [replace(clip(f"t{n}", 2.0 + n / 20, audio), text=text) for n, text in enumerate(TEXTS)]
    write_clips(run.clips, [*known, *more])
    return declare(base, run, {**UTTERANCES, "sentences": [{"id": "one", "text": TEXTS[3]}]})


def tuned_by(
    taste: Taste, declared: Declaration, run: RunFolder, trials: int, monkeypatch: pytest.MonkeyPatch, said: list[str]
) -> Tuned:
    monkeypatch.setattr(tuning, "_listener", lambda *_: taste)
    model = candidate_model(declared, "base", lambda *words: " ".join(words))
    return tune(declared, run, model, "base", trials, 1, (), "cpu", said.append)


def test_what_speaks_better_is_found_and_compared_on_other_texts(
    declared: Declaration, run: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    taste, said = Taste(), []  # type: ignore[var-annotated]
    tuned = tuned_by(taste, declared, run, 25, monkeypatch, said)
    best = tuned.proposals[0]
    assert abs(best.point["temperature"] - 0.4) <= 0.1 and best.point[REFERENCE] != AS_NOW
    assert best.gain > 2 * best.error > 0
    assert len(tuned.proposals) == 2
    searched = {text for point, texts, _ in taste.asked[:25] for text in texts}
    compared = {text for point, texts, _ in taste.asked[25:] for text in texts}
    assert searched and compared and not searched & compared
    assert TEXTS[3] not in searched | compared, "the sentences that listeners hear stay unheard"
    assert {seeds for *_, seeds in taste.asked[:25]}.isdisjoint({seeds for *_, seeds in taste.asked[25:]})
    assert json.loads((run.tuning / "base.json").read_text("utf-8"))["proposals"][0]["point"] == best.point


def test_it_goes_on_where_it_stopped_to_the_same_points(
    declared: Declaration, run: RunFolder, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    whole = Taste()
    tuned_by(whole, replace(declared), run, 12, monkeypatch, [])
    points = [point for point, *_ in whole.asked[:12]]
    run.ledger.unlink()
    first, then, said = Taste(), Taste(), []  # type: ignore[var-annotated]
    tuned_by(first, declared, run, 5, monkeypatch, [])
    tuned_by(then, declared, run, 12, monkeypatch, said)
    assert [point for point, *_ in first.asked[:5]] + [point for point, *_ in then.asked[:7]] == points
    assert "5 of 12 points are tried already" in said


def test_flat_speech_is_not_taken_for_better(
    declared: Declaration, run: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    tuned = tuned_by(Taste(best=0.3, flat_below=0.6), declared, run, 20, monkeypatch, [])
    assert tuned.proposals
    assert all(one.point["temperature"] >= 0.6 for one in tuned.proposals)


def test_where_nothing_is_better_that_is_said(
    declared: Declaration, run: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Same(Taste):
        def hear(self, point: Point, texts: Sequence[str], seeds: Sequence[int]) -> list[Heard]:
            return [Heard(text, False, 0.9, 0.9, 3.0) for text in texts for _ in seeds]

    tuned = tuned_by(Same(), declared, run, 4, monkeypatch, [])
    assert not tuned.proposals
    assert list(summary(tuned))[-1] == "none of it is clearly better than what is used now: keep that"


def test_proposals_are_candidates_that_the_matrix_takes(
    declared: Declaration, run: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    tuned = tuned_by(Taste(), declared, run, 25, monkeypatch, [])
    entries = yaml.safe_load("\n".join(candidates_yaml(declared, tuned)))["candidates"]
    rows = [{"ship": "base", "verdict": "-"}]
    spec = DecisionSpec.model_validate({"candidates": ["base", *entries], "rows": rows})
    made = [entry for entry in spec.candidates if not isinstance(entry, str)]
    assert [entry.name for entry in made] == ["base-tuned1", "base-tuned2"]
    assert made[0].model == "base"
    assert made[0].inference.temperature == tuned.proposals[0].point["temperature"]
    folder = declared.pipeline.decision.parent
    assert [(folder / file).resolve() for file in made[0].reference] == [
        file.resolve() for file in tuned.references[tuned.proposals[0].point[REFERENCE]]
    ]


def test_a_real_model_is_heard(base: BaseFiles, run: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tiny, with random weights: all of it is faulty, and nothing is proposed."""
    monkeypatch.setattr(tuning, "SEARCH_SEEDS", (1,))
    monkeypatch.setattr(tuning, "FINAL_SEEDS", (101,))
    said: list[str] = []
    hears = {"command": [sys.executable, "-S", "-c", "print('some words')", "{file}"]}
    declaration = declare(base, run, {**UTTERANCES, "recogniser": hears})
    model = candidate_model(declaration, "base", lambda *words: " ".join(words))
    tuned = tune(declaration, run, model, "base", 3, 1, TEXTS[:12], "cpu", said.append)
    assert tuned.now.means.takes == 6 and tuned.now.means.faulty == 6
    assert not tuned.proposals
    assert [line.partition(":")[0] for line in said if " of 3:" in line] == ["1 of 3", "2 of 3", "3 of 3"]


def test_texts_of_ones_own_are_enough_or_that_is_said(declared: Declaration, run: RunFolder) -> None:
    own = [f"A text of my own that is long enough, number {number}." for number in range(12)]
    search, final = texts_for(declared, run, own)
    assert set(search) | set(final) == set(own) and len(search) == len(final) == 6
    with pytest.raises(UserError, match=r"there are 11 texts .* and 12 are needed"):
        texts_for(declared, run, own[1:])


def test_points_are_written_as_people_write_them_and_within_their_ranges() -> None:
    space, history = distributions([AS_NOW, "clip 1 alone"], NOW), []  # type: ignore[var-annotated]
    for _ in range(12):
        point = propose(space, 7, history)
        InferenceSpec.model_validate({key: point[key] for key in InferenceSpec.model_fields})
        for key, (low, high, _) in RANGES.items():
            assert low <= point[key] <= high
            assert len(f"{point[key]:g}") <= 5
    assert propose(space, 7, history) == propose(space, 7, history)


def test_recordings_are_chosen_in_sets_that_differ(declared: Declaration, run: RunFolder) -> None:
    sets = reference_sets(declared, run)
    assert next(iter(sets)) == AS_NOW
    assert len({tuple(files) for files in sets.values()}) == len(sets)


def heard(text: str, worth: float, faulty: bool = False) -> Heard:
    return Heard(text, faulty, worth, None, 3.0)


def test_a_gain_is_between_the_same_texts() -> None:
    one = [heard("a", 0.9), heard("a", 0.7), heard("b", 0.5)]
    other = [heard("a", 0.7), heard("a", 0.7), heard("b", 0.9, faulty=True)]
    assert gain(one, other) == pytest.approx((0.3, 0.2))
    assert Means.of(other).worth == pytest.approx(1.4 / 3)


def test_a_candidate_that_there_is_not_is_refused(declared: Declaration) -> None:
    with pytest.raises(UserError, match="there is no candidate 'phase9'; there are base, phase1"):
        tunable(declared, "phase9")
