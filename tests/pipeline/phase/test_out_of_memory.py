"""`on_out_of_memory: halve_batch`: tried again with less memory, as many clips a step, recorded for good."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from tests.pipeline.project import Project
from xtts_finetune.errors import WorkFailed
from xtts_finetune.pipeline.phase.closing import reduced, smaller_batch
from xtts_finetune.pipeline.plan.stage_records import recorded_batches
from xtts_finetune.records.candidates.closing import read_model_info
from xtts_finetune.records.job import RanWith
from xtts_finetune.spec.phase import PhaseSpec
from xtts_finetune.training.closing import as_it_ran

HALVE = "phase1.on_out_of_memory=halve_batch"
WANTED = ["phase1"]


@pytest.mark.parametrize(
    ("batch_size", "accumulate", "smaller"),
    [
        (4, 1, (2, 2)),
        (2, 2, (1, 4)),
        (6, 3, (3, 6)),
        (3, 1, (1, 3)),
        (9, 2, (3, 6)),
        (35, 1, (7, 5)),
        (7, 1, (1, 7)),
        (1, 1, None),
        (1, 8, None),
    ],
)
def test_as_many_clips_a_step(batch_size: int, accumulate: int, smaller: tuple[int, int] | None) -> None:
    assert smaller_batch(batch_size, accumulate) == smaller
    if smaller is not None:
        assert smaller[0] * smaller[1] == batch_size * accumulate


def test_layers_are_computed_twice_before_batches_become_smaller() -> None:
    phase = PhaseSpec(learning_rate=1e-6, steps=10, batch_size=4)
    first = reduced(phase, None, 0)
    assert first == RanWith(4, 1, 0, "out of memory with batch_size 4", gradient_checkpointing=True)
    second = reduced(phase, first, 500)
    twice = "and gradient_checkpointing"
    assert second == RanWith(2, 2, 500, f"out of memory with batch_size 4 {twice}", gradient_checkpointing=True)
    third = reduced(phase, second, 500)
    assert third == RanWith(1, 4, 500, f"out of memory with batch_size 2 {twice}", gradient_checkpointing=True)
    assert reduced(phase, third, 500) is None


def test_what_was_declared_stays() -> None:
    phase = PhaseSpec(learning_rate=1e-6, steps=10, batch_size=2, gradient_checkpointing=True)
    smaller = reduced(phase, None, 0)
    assert smaller == RanWith(1, 2, 0, "out of memory with batch_size 2 and gradient_checkpointing")
    ran = as_it_ran(phase, smaller)
    assert (ran.batch_size, ran.accumulate, ran.gradient_checkpointing) == (1, 2, True)


@pytest.mark.parametrize(
    ("change", "counts"),
    [
        ({}, True),
        ({"fingerprint": "other"}, False),
        ({"ran_with": None}, False),
        ({"ran_with": {"batch_size": 1}}, False),
        ({"ran_with": {"batch_size": "x", "accumulate": 1, "from_step": 0, "why": ""}}, False),
        ({"ran_with": {"batch_size": 1, "accumulate": 2, "from_step": 0, "why": ""}}, False),
    ],
)
def test_what_was_recorded_counts_for_the_same_inputs_alone(change: dict[str, Any], counts: bool) -> None:
    phase = PhaseSpec(learning_rate=1e-6, steps=10, batch_size=4)
    whole = {"fingerprint": "f", "ran_with": {"batch_size": 2, "accumulate": 2, "from_step": 5, "why": "w"}}
    assert (recorded_batches({**whole, **change}, "f", phase) is not None) is counts
    assert recorded_batches(None, "f", phase) is None


def record_of(project: Project) -> dict[str, Any]:
    file = project.run_folder.candidate("phase1").phase_yaml
    return dict(yaml.safe_load(file.read_text(encoding="utf-8")))


def test_a_phase_goes_on_with_less_memory_and_says_so_everywhere(project: Project) -> None:
    project.tell(phase1="memory for 1")
    printed = project.run(HALVE, wanted=WANTED)
    assert project.started.count("phase1") == 3
    assert "phase1: out of memory: torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB" in printed
    assert "with batch_size 3 and accumulate 1, with gradient_checkpointing: 3 clips a step, as before" in printed
    assert "with batch_size 1 and accumulate 3, with gradient_checkpointing: 3 clips a step, as before" in printed
    folder = project.run_folder.candidate("phase1")
    info = read_model_info(folder)
    assert info is not None
    ran_with = {
        "batch_size": 1,
        "accumulate": 3,
        "from_step": 500,
        "why": "out of memory with batch_size 3 and gradient_checkpointing",
        "gradient_checkpointing": True,
    }
    assert (info["status"], info["ran_with"]) == ("done", ran_with)
    assert info["hyperparameters"]["batch_size"] == 1
    assert record_of(project)["ran_with"] == ran_with
    said = f"{ran_with['why']}: from step 500 on it ran with batch_size 1 and accumulate 3"
    for text in (folder.stopping_reason, folder.path / "RECORD.md"):
        assert said in " ".join(text.read_text(encoding="utf-8").split())
    assert said in " ".join(printed.split())
    # Neither the smaller batches nor the option are inputs: the phase is not stale, with or without them.
    assert project.states(HALVE, wanted=WANTED)["phase1"] == "up to date"
    assert project.states(wanted=WANTED)["phase1"] == "up to date"


def test_by_default_it_stops_and_names_the_command_that_retries(project: Project) -> None:
    project.tell(phase1="memory for 1")
    with pytest.raises(WorkFailed) as caught:
        project.run(wanted=WANTED)
    said = str(caught.value)
    assert said.startswith("phase1 failed: out of memory: torch.OutOfMemoryError: CUDA out of memory.")
    assert "First gradient_checkpointing: true" in said
    assert f"--set {HALVE}" in said
    info = read_model_info(project.run_folder.candidate("phase1"))
    assert info is not None
    assert info["reason"]["numbers"] == {"asked_bytes": 2.0 * 2**30}
    assert project.started.count("phase1") == 1


def test_it_is_tried_with_less_and_less_until_there_is_no_less(project: Project) -> None:
    project.tell(phase1="memory for 2")
    larger = ("phase1.batch_size=12", HALVE)
    project.run(*larger, wanted=WANTED)
    assert project.started.count("phase1") == 5  # 12, 12 with layers computed twice, 6, 3, 1
    assert record_of(project)["ran_with"] == {
        "batch_size": 1,
        "accumulate": 12,
        "from_step": 500,
        "why": "out of memory with batch_size 3 and gradient_checkpointing",
        "gradient_checkpointing": True,
    }


def test_an_interrupted_phase_goes_on_with_the_smaller_batches(project: Project) -> None:
    """Also without the option: that the declared batch does not fit is known by then."""
    project.tell(phase1="memory for 1")
    project.run(HALVE, wanted=WANTED)
    project.run_folder.candidate("phase1").model_info.unlink()
    printed = project.run(wanted=WANTED)
    assert project.started.count("phase1") == 1
    assert "(batch_size 1 and accumulate 3, with gradient_checkpointing: out of memory with batch_size 3 and" in printed


def test_another_declaration_forgets_it(project: Project) -> None:
    project.tell(phase1="memory for 1")
    project.run(HALVE, wanted=WANTED)
    project.tell()
    project.run("phase1.learning_rate=1e-6", wanted=WANTED)
    assert "ran_with" not in record_of(project)


def test_a_batch_of_one_is_not_tried_again(project: Project) -> None:
    project.tell(phase1="memory for 0")
    with pytest.raises(WorkFailed, match="batch_size is 1 already"):
        project.run("phase1.batch_size=1", "phase1.gradient_checkpointing=true", HALVE, wanted=WANTED)
    assert project.started.count("phase1") == 1


def test_a_child_that_closed_its_records_itself_is_retried_as_well(project: Project) -> None:
    project.tell(phase1="is out of memory and says so")
    with pytest.raises(WorkFailed, match="phase1 failed: out of memory: CUDA"):
        project.run(HALVE, wanted=WANTED)
    assert project.started.count("phase1") == 3


def test_other_failures_are_not_tried_again(project: Project) -> None:
    project.tell(phase1="fails")
    with pytest.raises(WorkFailed, match="the loss is NaN"):
        project.run(HALVE, wanted=WANTED)
    assert project.started.count("phase1") == 1
