"""Ranks that start with different things do not start, and it is said who has what; who was lost, from exit codes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from xtts_finetune.spec.phase import PhaseSpec
from xtts_finetune.training.agent import root_cause
from xtts_finetune.training.agreement import Start, disagreement, values_of
from xtts_finetune.training.launched import OTHERS_ARE_GONE, launched, own_gpu
from xtts_finetune.training.outcome import DONE, FAILED, INTERRUPTED, LaunchFolder, Outcome
from xtts_finetune.training.rank import is_of_connection

PHASE = PhaseSpec(learning_rate=1e-6, steps=10)
START = Start(0, "a", None, "phase1", "cpu", 10, "00c0ffee", "b" * 64, values_of(PHASE))


def test_the_same_everywhere_starts() -> None:
    assert disagreement([START, replace(START, rank=1, machine="b")]) is None


@pytest.mark.parametrize(
    ("other", "said"),
    [
        (
            {"clips": "0badc0de"},
            "rank 1 on b has clips with checksum 0badc0de instead of clips with checksum",
        ),
        ({"device": "cuda"}, "has device 'cuda' instead of device 'cpu'"),
        ({"steps": 11}, "has 11 steps instead of 10 steps"),
        (
            {"values": values_of(PHASE.model_copy(update={"learning_rate": 2e-6}))},
            "has phase1.learning_rate 2e-06 instead of 1e-06 (rank 0 on a)",
        ),
        ({"values": values_of(PHASE.model_copy(update={"devices": 4, "goal": "Else"}))}, None),
    ],
)
def test_what_differs_is_named(other: dict[str, object], said: str | None) -> None:
    found = disagreement([START, replace(START, rank=1, machine="b", **other)])  # type: ignore[arg-type]
    assert found is None if said is None else said in str(found)


def test_errors_are_said_with_those_that_have_them() -> None:
    wrong = [Start(rank, "b", "no clips\nat all") for rank in (2, 3)]
    fine = [START, replace(START, rank=1)]
    assert disagreement([*fine, *wrong]) == "b: no clips; at all"
    assert disagreement(wrong) == "no clips; at all"
    assert disagreement([*fine, wrong[0], replace(wrong[1], error="no GPU")]) == (
        "b: no clips; at all; b: no GPU"
    )
    assert disagreement([START, replace(wrong[0], machine="a")]) == "rank 2 on a: no clips; at all"


@pytest.mark.parametrize(
    ("codes", "said"),
    [
        ({1: -9}, "rank 1 of 4 on a was ended by SIGKILL"),
        ({0: -15, 1: -9, 2: OTHERS_ARE_GONE}, "rank 1 of 4 on a was ended by SIGKILL"),
        ({0: OTHERS_ARE_GONE, 3: 1}, "rank 3 of 4 on a ended with exit code 1"),
        ({0: -15, 3: 1}, "rank 3 of 4 on a ended with exit code 1"),
        ({2: -15}, "rank 2 of 4 on a was ended by SIGTERM"),
        ({0: -15, 2: OTHERS_ARE_GONE}, None),
    ],
)
def test_the_first_that_was_lost(codes: dict[int, int], said: str | None) -> None:
    assert root_cause(codes, 4, "a") == said


def test_the_first_ranks_word_counts_most(tmp_path: Path) -> None:
    folder = LaunchFolder(tmp_path)
    assert folder.decided(0) is None
    folder.write_outcome(1, Outcome(DONE))
    assert folder.decided(0) is None, "rank 0 may still be closing its records"
    folder.write_outcome(1, Outcome(FAILED, "no memory", "out_of_memory", {"step": 3.0}))
    decided = folder.decided(0)
    assert decided is not None and decided.stop is not None and decided.stop.reason.value == "out_of_memory"
    folder.write_outcome(0, Outcome(INTERRUPTED))
    assert folder.decided(0) == Outcome(INTERRUPTED)
    folder.forget_outcomes()
    assert folder.outcomes() == {}


def test_asking_to_stop_is_a_file(tmp_path: Path) -> None:
    folder = LaunchFolder(tmp_path)
    assert not folder.is_set()
    folder.ask_to_stop()
    assert folder.is_set()


@pytest.mark.parametrize(
    ("rank", "visible", "own"),
    [(0, None, "0"), (2, None, "2"), (1, "3, 5", "5"), (2, "3,5", ""), (0, "", "")],
)
def test_a_rank_sees_one_gpu(rank: int, visible: str | None, own: str) -> None:
    assert own_gpu(rank, visible) == own


def test_a_process_alone_was_not_launched() -> None:
    assert launched({"RANK": "0"}) is None


@pytest.mark.parametrize(
    ("error", "of_connection"),
    [
        (RuntimeError("[/gloo/transport/tcp/pair.cc:538] Read error: Connection reset by peer"), True),
        (RuntimeError("NCCL communicator was aborted"), True),
        (RuntimeError("shapes do not match"), False),
        (ValueError("connection closed"), False),
    ],
)
def test_errors_about_talking_are_known(error: Exception, of_connection: bool) -> None:
    assert is_of_connection(error) is of_connection
