"""What a command says of the decision: the answer first, and how sure it is."""

from __future__ import annotations

from typing import Any

import pytest

from tests.pipeline.project import Project
from xtts_finetune.pipeline.phase.record import _marks
from xtts_finetune.pipeline.summary import say_decision

CANDIDATES = [
    {
        "name": "phase1",
        "status": "done",
        "mel_ce": 3.0,
        "text_ce": 0.03,
        "step": 100,
        "quality": None,
        "row": 2,
    },
    {
        "name": "phase2",
        "status": "done",
        "mel_ce": 2.5,
        "text_ce": 0.03,
        "step": 40,
        "quality": 9.0,
        "row": None,
    },
]
HEARD = {"phase1": {"mark": 8.56, "low": 8.1, "high": 9.04, "marks": {"smoothness": 8.25, "overall": 8.56}}}
ANSWERS: dict[str, dict[str, Any]] = {
    "decided": {"ship": "phase2", "verdict": "listeners prefer phase2", "confidence": "high: 18 of 20"},
    "undecided": {"ship": None, "verdict": "undecided: about 7 further sentences", "meanwhile": "phase1"},
}


@pytest.mark.parametrize(
    "answer, said, unsaid",
    [
        ("decided", ["phase2 ships: listeners prefer phase2", "how sure: high: 18 of 20"], ["if it must be"]),
        (
            "undecided",
            ["undecided: about 7", "if it must be today: phase1, by the tie rule"],
            ["ships:", "how sure"],
        ),
    ],
)
def test_the_answer_is_said_with_how_sure_it_is(
    project: Project, answer: str, said: list[str], unsaid: list[str]
) -> None:
    work = project.work()
    say_decision(work, {"candidates": CANDIDATES, "why": ["because"], "quality": HEARD, **ANSWERS[answer]})
    printed: str = work.console.file.getvalue()  # type: ignore[attr-defined]
    assert all(text in printed for text in [*said, "because", "8.6 (8.1 to 9.0)"])
    assert not any(text in printed for text in unsaid)


def test_a_record_has_the_marks_of_the_listening_tests_or_the_one_written_by_hand(project: Project) -> None:
    declaration = project.declaration("decision.quality={phase2: 9.1}")
    missing = dict.fromkeys(("naturalness", "emotion"), "not marked")
    heard = _marks("phase1", declaration, {"quality": HEARD})
    assert heard == {"smoothness": "8.2", **missing, "overall": "8.6 (8.1 to 9.0)"}
    assert _marks("phase2", declaration, {})["overall"] == "9.1"
    assert set(_marks("phase1", declaration, {}).values()) == {"not heard yet"}
