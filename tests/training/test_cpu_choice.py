"""What a CPU computes in, and with how many threads: chosen by what it took, once, and kept."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from testbed.random_base import BaseSize, make_random_base
from tests.training.conftest import declaration_of, job_of, run_of
from xtts_finetune.records.job import LaunchPlan
from xtts_finetune.records.run_folder import CandidateFolder
from xtts_finetune.spec.phase import PhaseSpec, Precision
from xtts_finetune.training import cpu_choice
from xtts_finetune.training.child import train_phase
from xtts_finetune.training.cpu_choice import CpuChoice, Layer, choose, kept, measured, threads_of
from xtts_finetune.training.phase_work import as_it_runs
from xtts_finetune.xtts.base import BaseFiles

UNITS: dict[bool, dict[str, bool]] = {True: {"avx512_bf16": True}, False: {}}


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Two threads that nobody has asked for, and no time to lose."""
    for name in cpu_choice.SAID:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(cpu_choice, "MOST_ROUNDS", 2)
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize(
    ("units", "two", "one", "other", "expected"),
    [
        # seconds with two threads, with one, and in the precision that is not expected: what is chosen
        (True, 1.0, 1.9, 2.0, ("bf16", 2)),
        (True, 1.0, 1.9, 0.9, ("bf16", 2)),  # not clearly faster
        (True, 1.0, 1.9, 0.7, ("fp32", 2)),  # the units are there, and slow
        (False, 1.0, 1.9, 3.0, ("fp32", 2)),
        (False, 1.0, 1.9, 0.7, ("bf16", 2)),
        (False, 1.0, 0.95, 3.0, ("fp32", 2)),
        (False, 1.4, 0.25, 5.0, ("fp32", 1)),  # another program keeps a core busy
        (True, 1.4, 0.25, 5.0, ("bf16", 1)),
    ],
)
def test_what_is_expected_stays_unless_another_way_is_clearly_faster(
    monkeypatch: pytest.MonkeyPatch, units: bool, two: float, one: float, other: float, expected: tuple[str, int]
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: UNITS[units])
    usual = "bf16" if units else "fp32"

    def seconds(precision: Precision, threads: int) -> float:
        return other if precision != usual else two if threads == 2 else one

    choice = measured("auto", [2, 1], seconds)
    assert (choice.precision, choice.threads) == expected
    assert f"{1000 * one:.3g} ms with 1 thread" in choice.why


def test_what_is_given_is_not_measured() -> None:
    def seconds(precision: Precision, threads: int) -> float:
        assert precision == "bf16"
        return float(threads)

    assert measured("bf16", [2, 1], seconds).precision == "bf16"
    assert measured("fp32", [2], seconds) == CpuChoice("fp32", 2, "a layer took ")


def test_a_layer_takes_time_and_leaves_threads_and_chance_alone() -> None:
    layer, state = Layer(128, 2, 1), torch.get_rng_state()
    assert all(layer.seconds(precision, 1) > 0 for precision in ("fp32", "bf16"))
    assert torch.get_num_threads() == 2
    assert torch.equal(torch.get_rng_state(), state)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> BaseFiles:
    """A base that is wide enough for a choice."""
    return make_random_base(tmp_path_factory.mktemp("base"), BaseSize(layers=1, width=128))


class Clock:
    """In place of a layer: one thread is faster, and so is what was not expected; or nothing may be measured."""

    asked = 0

    def seconds(self, precision: Precision, threads: int) -> float:
        Clock.asked += 1
        return threads * (1.0 if precision == "bf16" else 9.0)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> type[Clock]:
    Clock.asked = 0
    monkeypatch.setattr(torch.cpu, "get_capabilities", dict)
    monkeypatch.setattr(cpu_choice, "Layer", lambda *_: Clock())
    return Clock


AUTO = PhaseSpec(learning_rate=1e-3, steps=1)


def test_a_phase_that_continues_does_not_choose_again(base: BaseFiles, tmp_path: Path, clock: type[Clock]) -> None:
    folder = CandidateFolder(tmp_path / "phase1")
    choice = choose(AUTO, base, folder)
    assert choice is not None
    assert (choice.precision, choice.threads) == ("bf16", 1)
    assert kept(folder) == choice
    assert json.loads(folder.cpu.read_text(encoding="utf-8"))["threads"] == 1
    asked = clock.asked
    assert asked > 0
    assert choose(AUTO, base, folder) == choice
    assert clock.asked == asked


def test_what_a_user_says_or_an_earlier_version_began_is_not_chosen(
    base: BaseFiles, tiny_base: BaseFiles, tmp_path: Path, clock: type[Clock], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = CandidateFolder(tmp_path / "phase1")
    assert choose(AUTO, tiny_base, folder) is None  # too narrow to gain anything
    folder.path.mkdir()
    folder.checkpoint_record(3).write_text("{}", encoding="utf-8")
    assert choose(AUTO, base, folder) is None
    folder.checkpoint_record(3).unlink()
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    assert choose(AUTO.model_copy(update={"precision": "fp32"}), base, folder) is None
    assert (clock.asked, kept(folder)) == (0, None)
    choice = choose(AUTO, base, folder)
    assert choice is not None
    assert (choice.precision, choice.threads) == ("bf16", 2)
    with threads_of(CpuChoice("fp32", 1, "")):
        assert torch.get_num_threads() == 2


def test_a_choice_holds_inside_alone() -> None:
    with threads_of(CpuChoice("fp32", 1, "")):
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == 2


def test_the_choice_is_said_and_recorded(project: Path) -> None:
    folder, job = run_of(project).candidate("phase1"), job_of(project, "phase1")
    folder.path.mkdir(parents=True)
    folder.cpu.write_text(json.dumps({"precision": "bf16", "threads": 1, "why": "so"}), encoding="utf-8")
    train_phase(declaration_of(project, "phase1.precision=auto"), job, lambda: True)
    assert "on the CPU, in bf16, with 1 thread (so)" in job.events.read_text(encoding="utf-8")
    shown = json.loads(folder.model_info.read_text(encoding="utf-8"))["hyperparameters"]
    assert (shown["device"], shown["precision"]) == ("the CPU, 1 thread (so)", "bf16")
    assert torch.get_num_threads() == 2


def test_a_phase_runs_as_was_chosen_at_its_start(project: Path, clock: type[Clock]) -> None:
    folder, declaration = run_of(project).candidate("phase1"), declaration_of(project, "phase1.precision=auto")
    folder.path.mkdir(parents=True)
    folder.cpu.write_text(json.dumps({"precision": "bf16", "threads": 1, "why": "so"}), encoding="utf-8")
    job = job_of(project, "phase1")
    assert as_it_runs(declaration, job)[0].precision == "bf16"
    launched = replace(job, launch=LaunchPlan(2, 0, 60.0))
    assert as_it_runs(declaration, launched)[0].precision == "bf16"
    assert as_it_runs(declaration_of(project), job)[0].precision == "fp32"
    folder.cpu.unlink()
    assert as_it_runs(declaration, launched)[0].precision == "fp32"
    assert clock.asked == 0
