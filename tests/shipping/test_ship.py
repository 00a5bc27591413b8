"""What `ship` does around the child: whom it ships, what it refuses, and what it deletes, when."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from tests.pipeline.project import Project
from xtts_finetune.errors import UserError, WorkFailed
from xtts_finetune.evaluation.decision import Decision, decide
from xtts_finetune.evaluation.utterance_state import WantedUtterance
from xtts_finetune.records.candidates.checkpoints import CheckpointRecord, write_checkpoint_record
from xtts_finetune.records.json_lines import read_json_lines
from xtts_finetune.shipping.plan import choose_candidate, sentences_to_compare
from xtts_finetune.shipping.ship import ship_now, surplus

THIN = "ship.others=thin"


def ship(project: Project, *overrides: str, candidate: str | None = None) -> str:
    """Ship with a fake child; what was printed."""
    work = project.work(*overrides)
    try:
        ship_now(work, candidate)
    finally:
        printed = str(work.console.file.getvalue())  # type: ignore[attr-defined]
    return printed


def models(project: Project) -> set[str]:
    """All weights of the run, by their paths in it."""
    root = project.run_folder.root
    return {path.relative_to(root).as_posix() for path in root.rglob("*.pth")}


@pytest.fixture
def decision(finished: Project) -> Decision:
    return decide(finished.declaration(), finished.run_folder)


def test_the_decided_candidate_ships_unless_another_is_asked_for(decision: Decision) -> None:
    assert choose_candidate(replace(decision, ship="phase2"), None) == "phase2"
    assert choose_candidate(replace(decision, ship="phase2"), "base") == "base"


def test_while_it_is_undecided_the_one_that_comes_first_ships(decision: Decision) -> None:
    undecided = replace(decision, ship=None, meanwhile="phase1", verdict="undecided")
    assert choose_candidate(undecided, None) == "phase1"
    assert choose_candidate(undecided, "base") == "base"


def test_nothing_ships_where_there_is_no_model(decision: Decision) -> None:
    with pytest.raises(UserError, match="there is nothing to ship: none; run this first:\n  run_pipeline"):
        choose_candidate(replace(decision, ship=None, meanwhile=None, verdict="none"), None)


def test_what_is_compared_goes_from_short_to_long() -> None:
    def said(name: str, length: int, clip: str | None = None) -> WantedUtterance:
        return WantedUtterance(name, f"{name}.wav", "x" * length, "en", 1, clip)

    lengths = [30, 5, 90, 400, 60, 20]
    utterances = [said(f"s{length}", length) for length in lengths] + [said("held-out-1", 1, "sha")]
    assert [each.id for each in sentences_to_compare(utterances)] == ["s5", "s30", "s90"]
    assert [each.id for each in sentences_to_compare(utterances[:1])] == ["s30"]
    assert [each.id for each in sentences_to_compare(utterances[3:4])] == ["s400"]
    twice = [said("a", 5), replace(said("a", 5), seed=2)]
    assert len(sentences_to_compare(twice)) == 1


def test_what_ships_is_said(finished: Project) -> None:
    printed = ship(finished)
    folder = finished.run_folder.shipped / "trial"
    assert f"shipped: {folder}" in printed and "verified: stock speaks with it" in printed
    assert "  it is the voice of anna: 3 training clips\n" in printed
    assert "next: hear the shipped voice\n  xtts-finetune say " in printed
    assert "phase1 is shipped already, and verified" in ship(finished)
    assert "the decision ships phase1; base ships because you named it" in ship(finished, candidate="base")
    assert json.loads((folder / "shipped.json").read_text(encoding="utf-8"))["candidate"] == "base"


def test_a_voice_that_the_candidate_was_not_judged_in_ships_with_a_warning(finished: Project) -> None:
    record = finished.run_folder.candidate("phase1").utterances_json
    record.write_text(json.dumps({**json.loads(record.read_text("utf-8")), "speaker": "ben"}), encoding="utf-8")
    assert "its samples were spoken in the voice of ben, and it ships in that of anna" in ship(finished)


def test_a_candidate_that_is_declared_otherwise_by_now_ships_with_a_warning(finished: Project) -> None:
    printed = ship(finished, "phase1.learning_rate=1e-7")
    assert "warning: phase1 does not match your config now: learning_rate: 5e-06 -> 1e-07; it ships as it is" in printed
    assert "warning" not in ship(finished, "ship.name=other")


@pytest.mark.parametrize(
    ("candidate", "said"),
    [("phas1", "unknown candidate 'phas1'; did you mean 'phase1'"), ("phase2", "phase2 has no model")],
)
def test_a_candidate_that_is_not_there_is_refused(finished: Project, candidate: str, said: str) -> None:
    finished.run_folder.candidate("phase2").best_model.unlink()
    with pytest.raises(UserError, match=said):
        ship(finished, candidate=candidate)


def test_a_folder_of_somebody_else_is_left_alone(finished: Project) -> None:
    folder = finished.run_folder.shipped / "trial"
    folder.mkdir(parents=True)
    (folder / "thesis.txt").write_text("years of work")
    with pytest.raises(UserError, match=r"something else is there .* --name NAME"):
        ship(finished)
    assert (folder / "thesis.txt").read_text() == "years of work"
    ship(finished, "ship.name=other")
    assert (finished.run_folder.shipped / "other" / "shipped.json").is_file()


def test_nothing_was_run_yet(project: Project) -> None:
    with pytest.raises(UserError, match="nothing was run yet"):
        ship(project)


def add_checkpoint(project: Project, phase: str, step: int) -> None:
    folder = project.run_folder.candidate(phase)
    folder.checkpoint(step).write_bytes(b"x" * 1000)
    write_checkpoint_record(folder, CheckpointRecord(step, 1000, 0, resumes=True, regular=True))


def test_nothing_is_deleted_unless_it_is_declared(finished: Project) -> None:
    before = models(finished)
    ship(finished)
    assert before < models(finished)
    assert not finished.run_folder.deleted.exists()


@pytest.mark.parametrize("how", ["fails", "killed", "wrong input"])
def test_nothing_is_deleted_where_shipping_is_not_verified(finished: Project, how: str) -> None:
    before = models(finished)
    finished.tell(ship=how)
    with pytest.raises((WorkFailed, UserError)):
        ship(finished, THIN)
    assert models(finished) == before
    assert not finished.run_folder.deleted.exists()
    assert not (finished.run_folder.shipped / "trial").exists()


def test_thin_deletes_what_nothing_declared_needs_and_says_so(finished: Project) -> None:
    """phase2 starts from step 500 of phase1: that checkpoint stays, the newest goes."""
    add_checkpoint(finished, "phase1", 900)
    folder = finished.run_folder.candidate("phase1")
    folder.best_model_of(300).write_bytes(b"y" * 77)
    before = models(finished)
    printed = ship(finished, THIN)
    gone = before - models(finished)
    assert gone == {
        "phase1/checkpoint_900.pth",
        "phase1/checkpoint_1000.pth",
        "phase1/best_model_300.pth",
        "phase2/checkpoint_1000.pth",
    }
    assert [step for step, _ in folder.checkpoints()] == [500]
    records = [record for _, record in read_json_lines(finished.run_folder.deleted)]
    assert {record["file"] for record in records} == gone
    assert sum(record["bytes"] for record in records) == 1000 + 77 + 2 + 2
    assert {record["after"] for record in records} == {"shipped trial, which is phase1"}
    assert "freed 1 kB" in printed and all(name in printed for name in ("checkpoint_900.pth", "best_model_300"))


def test_what_is_thinned_is_not_trained_again(finished: Project) -> None:
    ship(finished, THIN)
    states = finished.states()
    assert set(states.values()) == {"up to date"}, states
    assert "thin: there is nothing to delete" in ship(finished, THIN)


def test_a_phase_that_is_not_done_keeps_everything(finished: Project) -> None:
    info = finished.run_folder.candidate("phase1").model_info
    info.write_text(info.read_text(encoding="utf-8").replace('"done"', '"interrupted"'), encoding="utf-8")
    found = surplus(finished.declaration(THIN), finished.run_folder)
    assert {each.folder.name for each in found} == {"phase2"}


@pytest.mark.parametrize(
    "needs",
    [
        "phase2.resume_from={phase: phase1, checkpoint: last}",
        "decision.candidates=[phase1, phase2, {name: late, phase: phase1, checkpoint: last}]",
    ],
)
def test_the_newest_checkpoint_stays_where_something_is_made_of_it(finished: Project, needs: str) -> None:
    found = surplus(finished.declaration(needs), finished.run_folder)
    assert "phase1/checkpoint_1000.pth" not in {f"{each.folder.name}/{each.path.name}" for each in found}


def test_models_that_an_average_is_made_of_stay(finished: Project) -> None:
    folder = finished.run_folder.candidate("phase1")
    for step in (0, 1000):
        folder.best_model_of(step).write_bytes(b"m")
    names = {each.path.name for each in surplus(finished.declaration(), finished.run_folder)}
    assert "best_model_0.pth" in names and "best_model_1000.pth" not in names
    average = "decision.candidates=[phase1, phase2, {name: mean, phase: phase1, best: 2}]"
    kept = surplus(finished.declaration(average, "phase1.keep={best: 2}"), finished.run_folder)
    assert not {each.path.name for each in kept} & {"best_model_0.pth", "best_model_1000.pth"}


def test_another_name_of_the_best_model_stays(finished: Project, tmp_path: Path) -> None:
    """A hard link frees nothing, and stock's own name for the best model is kept."""
    folder = finished.run_folder.candidate("phase2")
    folder.best_model_of(700).hardlink_to(folder.best_model)
    found = surplus(finished.declaration(), finished.run_folder)
    assert folder.best_model_of(700) not in {each.path for each in found}
