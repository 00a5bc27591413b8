"""`--lr` and its like become values for `--set`, for the phases that run."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.spec.wrong_declarations import RIGHT, write_files
from xtts_finetune.cli.options import Shorthands, load_as_typed, with_shorthands
from xtts_finetune.errors import DeclarationError, UserError
from xtts_finetune.spec.declaration import Declaration, load_declaration


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return write_files(RIGHT, tmp_path)


def loaded(file: Path, wanted: list[str], short: Shorthands, *settings: str) -> Declaration:
    return load_declaration(file, with_shorthands(file, wanted, settings, short))


def test_nothing_given_changes_nothing(file: Path) -> None:
    assert with_shorthands(file, ["phase1"], ["language=hu"], Shorthands()) == ["language=hu"]


def test_they_apply_to_the_named_phases_or_to_all(file: Path) -> None:
    short = Shorthands(lr="2e-6", batch_size="5", gradient_clip="0.25")
    one = loaded(file, ["phase2"], short).phases
    assert (one["phase1"].learning_rate, one["phase2"].learning_rate) == (5e-6, 2e-6)
    both = loaded(file, [], short).phases
    assert {phase.batch_size for phase in both.values()} == {5}
    assert {phase.gradient_clip for phase in both.values()} == {0.25}


def test_devices_are_those_of_the_phases_that_run(file: Path) -> None:
    phases = loaded(file, ["phase2"], Shorthands(devices="4")).phases
    assert (phases["phase1"].devices, phases["phase2"].devices) == (1, 4)


def test_epochs_take_the_place_of_steps(file: Path) -> None:
    phases = loaded(file, [], Shorthands(epochs="150")).phases
    assert [(phase.epochs, phase.steps) for phase in phases.values()] == [(150, None), (150, None)]


def test_set_counts_more_than_a_shorthand(file: Path) -> None:
    phases = loaded(file, [], Shorthands(lr="2e-6"), "phase1.learning_rate=3e-6").phases
    assert [phase.learning_rate for phase in phases.values()] == [3e-6, 2e-6]


@pytest.mark.parametrize(("typed", "checkpoint"), [("best", "best"), ("step 200", "step 200"), ("200", "step 200")])
def test_a_checkpoint_of_the_declared_phase(file: Path, typed: str, checkpoint: str) -> None:
    resume = loaded(file, ["phase2"], Shorthands(resume_checkpoint=typed)).phases["phase2"].resume_from
    assert resume is not None
    assert (resume.phase, resume.checkpoint) == ("phase1", checkpoint)


def test_a_path_is_relative_to_where_the_user_stands(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path / "it's: elsewhere"
    elsewhere.mkdir()
    (elsewhere / "mine.pth").write_bytes(b"PK")
    monkeypatch.chdir(elsewhere)
    resume = loaded(file, ["phase2"], Shorthands(resume_checkpoint="mine.pth")).phases["phase2"].resume_from
    assert resume is not None
    assert (resume.phase, Path(resume.checkpoint)) == (None, elsewhere / "mine.pth")


def test_errors_name_what_was_typed(file: Path) -> None:
    short, settings = Shorthands(lr="fast"), ["phase1.batch_size=x"]
    with pytest.raises(DeclarationError) as refused:
        load_as_typed(file, with_shorthands(file, ["phase2"], settings, short), None, short, settings)
    said = str(refused.value)
    assert "--lr fast for phase2: learning_rate: expected a positive number but got 'fast'" in said
    assert "--set phase1.batch_size=x: batch_size: expected" in said and "--set phase2" not in said


def test_the_first_phase_has_none_to_resume_from(file: Path) -> None:
    with pytest.raises(UserError, match=r"--resume-checkpoint 7: phase1 is the first phase, so there is no phase"):
        with_shorthands(file, ["phase1"], [], Shorthands(resume_checkpoint="7"))
