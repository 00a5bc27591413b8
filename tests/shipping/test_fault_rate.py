"""The card's faulty samples in 1,000: of those that were judged, and after speaking again what failed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.shipping.shippable import make_shippable, plan_of, run_of
from xtts_finetune.evaluation import checking
from xtts_finetune.evaluation.checking import Checked
from xtts_finetune.records.candidates.shipped import read_shipped
from xtts_finetune.records.heard.scores import Scores, UtteranceScores, write_scores
from xtts_finetune.shipping.fault_rate import fault_words, in_thousand
from xtts_finetune.shipping.job import ship


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_shippable(tmp_path_factory.mktemp("faults") / "Anna")


def judged(project: Path, faulty: int) -> None:
    spoken = plan_of(project).spoken.utterances
    found = tuple(
        UtteranceScores(each.id, each.seed, each.file, each.text, ("noise",) if place < faulty else ())
        for place, each in enumerate(spoken)
    )
    folder = run_of(project).candidate("phase1")
    write_scores(folder.scores_json, Scores("phase1", "f", {}, found))
    run_of(project).voice_json.write_text("{}", encoding="utf-8")


def test_what_failed_is_spoken_again_and_both_shares_are_on_the_card(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    judged(project, faulty=2)
    asked: list[str] = []

    def check(_: Any, text: str, *__: Any) -> Checked:
        asked.append(text)
        return Checked(() if text == "Igen." and asked.count(text) == 2 else ("noise: 1",))

    monkeypatch.setattr(checking, "checker", lambda *_: check)
    monkeypatch.setattr("xtts_finetune.shipping.fault_rate.scale_of", lambda *_: None)
    plan = plan_of(project)
    shipped = ship(plan, "cpu", lambda *_: None)
    assert sorted(asked) == ["Igen.", "Igen.", "Jó reggelt kívánok.", "Jó reggelt kívánok."]
    assert shipped.faults == {"samples": 2, "faulty": 2, "left": 1, "tries": 3}
    assert read_shipped(plan.folder).faults == shipped.faults
    card = (plan.folder / "MODEL_CARD.md").read_text("utf-8")
    assert "Of 2 samples 2 had a fault: 1000 in 1,000 (342 to 1000)" in card
    assert "1: 500 in 1,000 (95 to 905)" in card
    assert not (plan.folder / "trial.wav").exists() and "MODEL_CARD.md" in shipped.files


def test_without_checked_samples_the_card_is_silent(project: Path) -> None:
    run_of(project).candidate("phase1").scores_json.unlink(missing_ok=True)
    plan = plan_of(project)
    shipped = ship(replace(plan, fingerprint="another"), "cpu", lambda *_: None)
    assert shipped.faults is None
    assert "had a fault" not in (plan.folder / "MODEL_CARD.md").read_text("utf-8")


@pytest.mark.parametrize(
    ("count", "of", "words"),
    [
        (0, 16, "0 in 1,000 (0 to 194)"),
        (2, 16, "125 in 1,000 (35 to 360)"),
        (16, 16, "1000 in 1,000 (806 to 1000)"),
        (5, 1000, "5 in 1,000 (2 to 12)"),
    ],
)
def test_wilsons_interval(count: int, of: int, words: str) -> None:
    assert in_thousand(count, of) == words


def test_nothing_is_said_of_what_nobody_knows() -> None:
    assert fault_words(None) == ""
