"""What a command says of the decision: the answer first, and how sure it is."""

from __future__ import annotations

import pytest

from tests.pipeline.project import Project
from xtts_finetune.pipeline.phase.record import _marks
from xtts_finetune.pipeline.summary import say_decision
from xtts_finetune.records.verdict import Condition, Verdict

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
WHY = ("phase2 has the lowest mel_ce of all: 2.500.",)
DECIDED = Verdict("Ship it.", "phase2", None, "decided", "High: 18 of 20.", 5, 5, False, WHY)
UNDECIDED = Verdict(
    "Undecided.", None, "phase1", "undecided", "", 5, 5, False, WHY, "More?", (Condition("It fell.", True),)
)


@pytest.mark.parametrize(
    "says, said, unsaid",
    [
        (DECIDED, ["Ship it.", "How sure? High: 18 of 20."], ["It fell."]),
        (UNDECIDED, ["Undecided.", "More?", " It fell."], ["How sure?"]),
    ],
)
def test_the_verdict_is_printed_as_it_is(project: Project, says: Verdict, said: list[str], unsaid: list[str]) -> None:
    work = project.work()
    say_decision(work, {"candidates": CANDIDATES, "quality": HEARD}, says)
    printed: str = work.console.file.getvalue()  # type: ignore[attr-defined]
    assert all(text in printed for text in [*said, *WHY, "8.6 (8.1 to 9.0)"])
    assert not any(text in printed for text in unsaid)


def test_a_record_has_the_marks_of_the_listening_tests_or_the_one_written_by_hand(project: Project) -> None:
    declaration = project.declaration("decision.quality={phase2: 9.1}")
    missing = dict.fromkeys(("naturalness", "emotion"), "not scored")
    heard = _marks("phase1", declaration, {"quality": HEARD})
    assert heard == {"smoothness": "8.2", **missing, "overall": "8.6 (8.1 to 9.0)"}
    assert _marks("phase2", declaration, {})["overall"] == "9.1"
    assert set(_marks("phase1", declaration, {}).values()) == {"not heard yet"}
