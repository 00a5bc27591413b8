"""Second tries of a phase: what was finished is set aside, listed, brought back, made a candidate, removed."""

from __future__ import annotations

import os
import signal
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from tests.child import killed_at, start
from tests.pipeline.project import Project
from tests.pipeline.tries.kept.stand_in import Ending, StandIn
from xtts_finetune.errors import UserError, WorkFailed
from xtts_finetune.look.quantities import readable_size
from xtts_finetune.pipeline import tries_commands
from xtts_finetune.pipeline.children.process import Interrupted
from xtts_finetune.pipeline.plan.plan import make_plan
from xtts_finetune.pipeline.plan.plan_table import print_plan
from xtts_finetune.pipeline.run import run_plan
from xtts_finetune.pipeline.tries import set_aside
from xtts_finetune.pipeline.tries_commands import with_candidate
from xtts_finetune.records.candidates.tries import read_tries, tries_bytes
from xtts_finetune.records.run_folder import RunFolder

FASTER, FASTEST = "phase2.learning_rate=5e-6", "phase2.learning_rate=4e-6"


def run(project: Project, *overrides: str, trained: int | None = None, fresh: bool = False) -> None:
    """Run with stand-ins for trainings; with `trained`, Ctrl-C after so many evaluations of each."""
    stand_in = StandIn(project)
    with stand_in.at_work(Ending(trained)):
        try:
            run_plan(stand_in.work(overrides), (), fresh)
        except Interrupted:
            assert trained is not None


def model(project: Project) -> bytes:
    return project.run_folder.candidate("phase2").best_model.read_bytes()


def said(project: Project, do: object, *arguments: object, overrides: tuple[str, ...] = ()) -> str:
    work = project.work(*overrides)
    do(work, *arguments)  # type: ignore[operator]
    return str(work.console.file.getvalue())  # type: ignore[attr-defined]


def test_two_interrupted_second_tries_leave_the_finished_model_as_it_was(project: Project) -> None:
    run(project)
    finished = model(project)
    run(project, FASTER, trained=1)
    run(project, FASTEST, trained=0)
    first, second = read_tries(project.run_folder)
    assert first.folder.best_model.read_bytes() == finished
    assert "learning_rate_1e-06" in first.name and "learning_rate_5e-06" in second.name
    assert second.folder.checkpoints(), "hours of work lie in it"
    # Back to the first declaration: nothing is trained, and what never beat its start leaves nothing.
    plan = project.plan()
    assert plan.stage("phase2").why.startswith("brought back: the try of")
    run(project)
    assert model(project) == finished
    assert [each.name for each in read_tries(project.run_folder)] == [second.name]


def test_a_try_that_was_interrupted_goes_on_where_it_was(project: Project) -> None:
    run(project)
    run(project, FASTER, trained=1)
    step = project.run_folder.candidate("phase2").checkpoints()[-1][0]
    run(project)
    stage = project.plan(FASTER).stage("phase2")
    assert (stage.resumes_at, stage.state.value) == (step, "to run")
    run(project, FASTER)
    assert project.plan(FASTER).stage("phase2").state.value == "up to date"


def test_a_failed_or_killed_second_try_never_takes_the_place_of_the_first(finished: Project) -> None:
    before = model(finished)
    finished.tell(phase2="killed")
    for override in (FASTER, FASTEST):
        with pytest.raises(WorkFailed):
            finished.run(override)
    assert [each.folder.best_model.read_bytes() for each in read_tries(finished.run_folder)] == [before]


def test_the_plan_names_earlier_tries_with_their_size_and_a_command(project: Project) -> None:
    run(project)
    run(project, FASTER)
    run(project, FASTEST)
    work = project.work()
    print_plan(project.plan(), work.console)
    printed = work.console.file.getvalue()  # type: ignore[attr-defined]
    size = 2 * StandIn(project).sizes.model
    assert f"2 earlier tries of phase2, {readable_size(size)}: xtts-finetune tries" in printed
    assert tries_bytes(read_tries(project.run_folder)) == size


def test_fresh_keeps_what_was_finished_and_does_not_take_it_up_by_itself(project: Project) -> None:
    run(project)
    before = model(project)
    run(project, fresh=True)
    assert model(project) != before
    assert before in [each.folder.best_model.read_bytes() for each in read_tries(project.run_folder, "phase2")]


def test_tries_are_listed_with_commands_that_can_be_pasted(project: Project) -> None:
    assert "There are no earlier tries" in said(project, tries_commands.list_tries)
    run(project)
    run(project, FASTER)
    printed = said(project, tries_commands.list_tries)
    (each,) = read_tries(project.run_folder)
    assert "finished, best mel_ce 3.200 at step" in printed
    assert "learning_rate: 1e-06 -> 5e-06" in printed
    assert f"xtts-finetune tries --restore {each.name}" in printed


def test_a_try_is_brought_back_by_a_part_of_its_name_and_what_keeps_it_is_said(project: Project) -> None:
    run(project)
    first = model(project)
    run(project, FASTER)
    printed = said(project, tries_commands.restore_now, "learning_rate_1e-06", overrides=(FASTER,))
    assert model(project) == first
    assert "--set phase2.learning_rate=1e-06" in printed
    assert project.plan().stage("phase2").state.value == "up to date"
    with pytest.raises(UserError, match="there is no earlier try 'nothing'; "):
        tries_commands.restore_now(project.work(), "nothing")


def test_a_try_becomes_a_candidate_and_is_then_in_use(project: Project) -> None:
    run(project)
    run(project, FASTER)
    (each,) = read_tries(project.run_folder)
    printed = said(project, tries_commands.make_candidate_now, each.name, None)
    assert "is the candidate 'phase2-lr_1e-06' now" in printed
    declared = project.declaration(FASTER).decision.candidates
    assert [getattr(entry, "name", entry) for entry in declared] == [
        "phase1",
        "phase2",
        "phase2-lr_1e-06",
    ]
    assert Path(str(declared[-1].checkpoint)) == each.folder.best_model  # type: ignore[union-attr]
    with pytest.raises(UserError, match="is the candidate 'phase2-lr_1e-06': change that first"):
        tries_commands.remove_now(project.work(FASTER), [each.name])
    assert each.folder.best_model.is_file()


def test_only_being_asked_removes_a_try(project: Project) -> None:
    run(project)
    run(project, FASTER)
    (each,) = read_tries(project.run_folder)
    assert f"{readable_size(StandIn(project).sizes.model)} freed" in said(
        project, tries_commands.remove_now, [each.name]
    )
    assert read_tries(project.run_folder) == []
    assert not project.run_folder.earlier.exists()


@pytest.mark.parametrize(
    "text",
    [
        "rows: []\n",
        "rows: []",
        "rows: []\r\nread: phase2\r\n",
        "candidates: [phase1, {name: m, average: [phase1, phase2]}]  # mine\nrows: []\n",
        "candidates:\n  - phase1   # a comment\n  - phase2   # another\n\nrows: []  # rows\n",
        "candidates:\n- phase1\n- {name: m,\n   average: [phase1, phase2]}\nrows: []\n",
        "rows: []\ncandidates:\n    - phase1",
        "candidates:\n  - name: m\n    average: [phase1, phase2]\n# end\nrows: []\n",
    ],
)
def test_a_candidate_is_added_and_every_comment_stays(text: str) -> None:
    entry = "{name: other, checkpoint: '../run/it''s/best_model.pth'}"
    changed = with_candidate(text, entry, ("base", "phase1", "phase2"))
    before, after = yaml.safe_load(text), yaml.safe_load(changed)
    had = before.get("candidates", ["phase1", "phase2"])
    assert after == {**before, "candidates": [*had, yaml.safe_load(entry)]}
    assert [line for line in text.splitlines() if "#" in line and "[phase1" not in line] == [
        line for line in changed.splitlines() if "#" in line and "[phase1" not in line
    ]
    assert "\r\n" not in text or "\n" not in changed.replace("\r\n", "")


def set_aside_until(number: str, root: str) -> None:
    """Set phase2 aside, and be killed before one of the renames."""
    killed_at(int(number), root)
    set_aside(RunFolder(Path(root)), "phase2", "learning_rate: 1e-06 -> 2e-06", ())


@pytest.mark.skipif(os.name == "nt", reason="SIGKILL is POSIX's")
def test_a_real_kill_while_a_phase_is_set_aside_loses_nothing(finished: Project) -> None:
    """Killed at each of its renames in turn, by a signal that nothing survives."""
    before = model(finished)
    for number in range(1, 5):
        child = start(set_aside_until, number, finished.run_folder.root)
        assert child.wait(60) in (0, -signal.SIGKILL)
        folders = [
            finished.run_folder.candidate("phase2"),
            *(t.folder for t in read_tries(finished.run_folder)),
        ]
        assert [f.best_model.read_bytes() for f in folders if f.best_model.is_file()] == [before]


def test_what_an_older_version_set_aside_becomes_a_try(project: Project) -> None:
    run(project)
    finished = model(project)
    run(project, FASTER)
    (each,) = read_tries(project.run_folder)
    each.folder.path.rename(project.run_folder.root / "phase2.old")
    run(project, FASTER)
    (adopted,) = read_tries(project.run_folder)
    assert adopted.folder.best_model.read_bytes() == finished
    assert not (project.run_folder.root / "phase2.old").exists()


def test_a_longer_phase_whose_clips_are_prepared_first_is_not_promised_to_continue(project: Project) -> None:
    run(project)
    metadata = project.folder / "data/first/metadata.csv"
    metadata.write_text(metadata.read_text(encoding="utf-8").replace(".", "!"), encoding="utf-8")
    stage = project.plan("phase2.epochs=45").stage("phase2")
    assert (stage.state.value, stage.resumes_at, stage.certain) == ("stale", None, False)
    assert "epochs: 30 -> 45" in stage.why and stage.why.endswith("if that leaves the clips as they are")
    assert "set aside as an earlier try" in stage.note


def test_a_phase_that_is_declared_longer_continues_and_its_finished_model_stays(project: Project) -> None:
    run(project)
    finished = model(project)
    stage = project.plan("phase2.epochs=45").stage("phase2")
    assert (stage.state.value, stage.resumes_at, stage.continued) == ("to run", 300, True)
    assert stage.why == "continues from step 300: epochs: 30 -> 45"
    assert stage.note == "the learning rate continues at 1e-06"
    run(project, "phase2.epochs=45", trained=1)
    (kept,) = read_tries(project.run_folder)
    assert kept.folder.best_model.read_bytes() == finished
    assert project.plan("phase2.epochs=45").stage("phase2").why.startswith("continues from step")
    run(project, "phase2.epochs=45")
    assert project.plan("phase2.epochs=45").stage("phase2").state.value == "up to date"
    run(project)
    assert model(project) == finished


@pytest.mark.parametrize(
    ("overrides", "why", "note"),
    [
        (("phase2.epochs=45", "phase2.learning_rate=5e-7"), "continues from step 300", "at 1e-06, but at 5e-07"),
        (("phase2.epochs=45", "phase2.schedule.kind=cosine"), "continues from step 300", "(cosine) now covers"),
        (("phase2.learning_rate=5e-7",), "learning_rate: 1e-06 -> 5e-07", ""),
        (("phase2.epochs=20",), "epochs: 30 -> 20", ""),
        (("phase2.epochs=45", "phase2.batch_size=6"), "batch_size: 3 -> 6", ""),
        (("phase2.epochs=45", "phase1.learning_rate=6e-6"), "epochs: 30 -> 45", ""),
    ],
)  # fmt: skip
def test_what_continues_and_what_is_another_try(
    project: Project, overrides: tuple[str, ...], why: str, note: str
) -> None:
    run(project)
    stage = project.plan(*overrides).stage("phase2")
    assert why in stage.why
    assert stage.continued is bool(note) and note in stage.note


def test_a_phase_without_a_checkpoint_left_says_that_it_cannot_continue(project: Project) -> None:
    run(project)
    for step, path in project.run_folder.candidate("phase2").checkpoints():
        path.unlink()
        project.run_folder.candidate("phase2").checkpoint_record(step).unlink()
    stage = project.plan("phase2.epochs=45").stage("phase2")
    assert stage.why == "epochs: 30 -> 45; it has no checkpoint left to continue from" and not stage.continued


def test_a_name_that_is_empty_or_of_several_does_nothing(project: Project) -> None:
    run(project)
    run(project, FASTER)
    run(project, FASTEST)
    for name, said_ in (
        ("", "give a name or a part of one"),
        (" ", "give a name or a part of one"),
        ("learning", "a part of several names"),
    ):
        for do in (tries_commands.restore_now, lambda work, name: tries_commands.remove_now(work, [name])):
            with pytest.raises(UserError, match=said_):
                do(project.work(), name)
    assert len(read_tries(project.run_folder)) == 2


def test_a_try_that_was_interrupted_before_it_was_any_better_can_be_continued(project: Project) -> None:
    """Its checkpoint holds the work of hours; Ctrl-C has promised that what is done is kept."""
    run(project)
    stand_in = StandIn(project)
    with stand_in.at_work(Ending(1, curve=(4.0, 4.1, 4.2, 4.3))), pytest.raises(Interrupted):
        run_plan(stand_in.work((FASTER,)))
    run(project)
    (begun,) = read_tries(project.run_folder)
    assert begun.folder.checkpoints()
    assert project.plan(FASTER).stage("phase2").resumes_at == begun.folder.checkpoints()[-1][0]


def test_a_try_that_something_is_made_of_keeps_its_place_when_it_is_brought_back(project: Project) -> None:
    run(project)
    finished = model(project)
    run(project, FASTER)
    (each,) = read_tries(project.run_folder)
    tries_commands.make_candidate_now(project.work(FASTER), each.name, "old")
    tries_commands.restore_now(project.work(FASTER), each.name)
    assert model(project) == finished == each.folder.best_model.read_bytes()
    assert tries_bytes([each]) == 0, "two names of one file"
    run(project, FASTER)
    run(project)
    assert model(project) == finished == each.folder.best_model.read_bytes()


def test_longer_without_a_gain_leaves_what_starts_from_the_best_model_alone(project: Project) -> None:
    settings = ("phase2.resume_from.checkpoint=best",)
    run(project, *settings)
    longer = (*settings, "phase1.steps=1400")
    stand_in = StandIn(project)
    with stand_in.at_work(Ending(curve=(4.0, 3.9, 3.8))):
        run_plan(stand_in.work(longer), ["phase1"])
    plan = project.plan(*longer)
    assert plan.stage("phase1").state.value == plan.stage("phase2").state.value == "up to date"
    last = (*longer, "phase2.resume_from.checkpoint=last")
    assert project.plan(*last).stage("phase2").why == "starts from: phase1, best -> phase1, last"


def test_the_plan_says_what_becomes_of_the_model_that_is_there(project: Project) -> None:
    run(project)
    aside = "what it has now is set aside as an earlier try"
    assert project.plan(FASTER).stage("phase2").note.startswith(aside)
    fresh = make_plan(project.declaration(), ["phase2"], fresh=True).stage("phase2")
    assert (fresh.why, fresh.note) == ("trained anew", f"{aside}, without its last checkpoint")
    assert project.plan().stage("phase2").note == ""


def test_a_start_from_a_last_checkpoint_that_is_gone_is_refused_by_the_plan(project: Project) -> None:
    run(project)
    folder = project.run_folder.candidate("phase1")
    for step, path in folder.checkpoints():
        path.unlink()
        folder.checkpoint_record(step).unlink()
    with pytest.raises(UserError, match="phase1 has no checkpoint any more; choose 'best', or name it"):
        project.plan("phase2.resume_from.checkpoint=last")


def test_the_command_that_keeps_a_restored_try_sets_each_value_once(project: Project) -> None:
    run(project)
    run(project, FASTER)
    work = replace(project.work(FASTER), again=f"xtts-finetune tries --restore x --set {FASTER}")
    tries_commands.restore_now(work, "learning_rate")
    printed = work.console.file.getvalue()  # type: ignore[attr-defined]
    assert "run_pipeline phase2 --set phase2.learning_rate=1e-06\n" in printed
    assert "trained with other values than in your config now: learning_rate: 1e-06 -> 5e-06" in printed
