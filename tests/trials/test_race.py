"""The race: who goes on, who wins, what is on record, and that the same command goes on."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.pipeline.project import Project
from xtts_finetune.errors import UserError
from xtts_finetune.pipeline.children.process import Interrupted
from xtts_finetune.pipeline.children.running import Work
from xtts_finetune.records.run_folder import TrialsFolder
from xtts_finetune.records.trials import read_race
from xtts_finetune.trials.advance import Measured, TrialOutcome
from xtts_finetune.trials.crew import one_by_one
from xtts_finetune.trials.pinned import Wishes
from xtts_finetune.trials.race import race as racing
from xtts_finetune.trials.race import solve
from xtts_finetune.trials.race.race import repeat_with_seeds, run_rounds
from xtts_finetune.trials.race.result import race_of
from xtts_finetune.trials.race.setup import RaceSetup, race_setup, racing_names, trial_of
from xtts_finetune.trials.race.text import cost_words
from xtts_finetune.trials.trial import Trial

PHASE = "phase1"
START = 2.7
# Noise of evaluations, the same for all: what differs is what the remedy does.
NOISE = (0.004, -0.003, 0.002, -0.004, 0.003, 0.001, -0.002, 0.0)


class Curves:
    """Trials that 'train' along made-up curves; a call beyond `breaks_at` is interrupted."""

    def __init__(self, ends: dict[str, float], breaks_at: int | None = None) -> None:
        self.ends, self.breaks_at, self.calls = ends, breaks_at, []

    def __call__(self, work: Work, trial: Trial, to_step: int) -> TrialOutcome:
        self.calls.append((trial.name, to_step))
        if self.breaks_at is not None and len(self.calls) > self.breaks_at:
            raise Interrupted("as by Ctrl-C")
        every, total = int(trial.phase["eval_every_steps"]), int(trial.phase["steps"])
        clips = int(trial.phase["batch_size"])
        end = self.ends.get(trial.name, START)
        values = [
            START + (end - START) * step / total + NOISE[(step // every) % len(NOISE)]
            for step in range(every, to_step + 1, every)
        ]
        points = (
            Measured(0, START),
            *(Measured(every * (number + 1), value) for number, value in enumerate(values)),
        )
        status = "done" if to_step == total else "paused"
        best = min(
            (point for point in points[1:] if math.isfinite(point.mel_ce)),
            key=lambda p: p.mel_ce,
            default=None,
        )
        return TrialOutcome(
            trial.name, to_step, to_step * clips, points[0], best, points[-1], points, 1.0, status, ""
        )  # fmt: skip


@pytest.fixture(autouse=True)
def mean_of_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The fake child's mean would win every race."""
    monkeypatch.setattr(racing, "average", lambda work, trial, models: TrialOutcome(trial.name))


@pytest.fixture
def work(finished: Project) -> Work:
    return finished.work()


@pytest.fixture
def setup(work: Work) -> RaceSetup:
    """Two evaluations of the fake phase are too few to say anything: the five usual remedies, and others."""
    return race_setup(work, PHASE, Wishes(steps=80))[1]


def folder_of(work: Work) -> TrialsFolder:
    return work.run.race(PHASE)


def raced(work: Work, setup: RaceSetup, train: Callable[..., TrialOutcome], seeds: int = 1):  # type: ignore[no-untyped-def]
    folder = folder_of(work)
    course = run_rounds(work, folder, setup, lambda _: None, one_by_one(train))
    if seeds > 1:
        repeat_with_seeds(work, folder, setup, course, seeds, one_by_one(train))
    return race_of(folder, setup, course, over=True)


def printed(work: Work) -> str:
    return str(work.console.file.getvalue())  # type: ignore[attr-defined]


def test_all_run_to_the_first_mark_then_the_best_and_the_control_always(work: Work, setup: RaceSetup) -> None:
    names = racing_names(folder_of(work), setup)
    train = Curves({name: START - 0.01 * rank for rank, name in enumerate(names)})
    found = raced(work, setup, train)
    rounds = [[name for name, _ in train.calls[: len(names) + 1]]]
    assert rounds == [["control", *names]]
    survivors = [s.name for s in found.standings if s.kind == "train" and s.out_at is None]
    assert survivors == ["control", names[-1]], "5, then 3, then 2, then 1"
    assert (found.marks, found.cut) == ((2, 4, 8, 16), 2)
    assert sum(s.out_at == found.marks[0] for s in found.standings) == 2


def test_it_costs_at_most_three_fifths_of_the_five_to_the_end_with_all_that_it_trains(
    work: Work, setup: RaceSetup
) -> None:
    found = raced(work, setup, Curves({"drops": 2.3}))
    seen = sum(s.clips for s in found.standings if s.kind == "train")
    control = found.standing("control")
    assert found.cost.clips == seen
    assert found.cost.five_to_the_end == 5 * control.clips
    assert found.cost.share_of_five == pytest.approx(seen / (5 * control.clips))
    assert found.cost.share_of_five <= 0.6
    assert found.cost.why_over == ""
    words = " ".join(cost_words(found))
    assert f"{100 * found.cost.share_of_five:.1f} % of the {5 * control.clips} that running the five usual" in words
    assert "further seeds" not in words


def test_a_warm_up_written_by_hand_is_waited_for_and_what_that_costs_is_said(work: Work, setup: RaceSetup) -> None:
    file = folder_of(work).remedy("lr-x2")
    text = file.read_text(encoding="utf-8").replace("warmup_steps: ", "warmup_steps: 4")
    assert "warmup_steps: 4" in text
    file.write_text(text, encoding="utf-8")
    found = raced(work, setup, Curves({"drops": 2.3}))
    assert found.marks[0] >= 9
    assert found.cost.share_of_five is not None
    assert found.cost.share_of_five > 0.6
    assert "more than allowed: 5 remedies cannot be dropped before" in " ".join(cost_words(found))


def test_a_remedy_with_smaller_batches_is_judged_after_as_many_clips(work: Work, setup: RaceSetup) -> None:
    found = raced(work, setup, Curves({"half-batch": 2.4}))
    assert found.winner == "half-batch"
    assert found.standing("half-batch").clips == found.standing("control").clips
    assert found.standing("half-batch").steps > found.standing("control").steps


def test_a_remedy_that_helps_wins(work: Work, setup: RaceSetup) -> None:
    found = raced(work, setup, Curves({"drops": 2.3}))
    assert (found.verdict, found.winner) == ("solved", "drops")
    assert found.ranked[0].name == "drops"
    assert found.threshold is not None
    assert found.threshold < 0.05


def test_nobody_wins_where_no_remedy_does_anything(work: Work, setup: RaceSetup) -> None:
    found = raced(work, setup, Curves({}))
    assert (found.verdict, found.winner) == ("nothing helped", None)


def test_a_gain_within_the_noise_is_no_solution(work: Work, setup: RaceSetup) -> None:
    found = raced(work, setup, Curves({"cosine": START - 0.004}))
    assert found.winner is None
    assert "more than noise" in found.words


def test_where_the_control_falls_by_itself_nothing_needs_solving(work: Work, setup: RaceSetup) -> None:
    names = racing_names(folder_of(work), setup)
    found = raced(work, setup, Curves(dict.fromkeys(["control", *names], 2.4)))
    assert (found.verdict, found.winner) == ("nothing to solve", None)


def test_what_ruins_the_weights_leaves_and_the_race_goes_on(work: Work, setup: RaceSetup) -> None:
    found = raced(work, setup, Curves({"lr-x2": math.nan, "drops": 2.3}))
    assert found.winner == "drops"
    assert found.standing("lr-x2").best is None
    assert found.standing("lr-x2").out_at == found.marks[0]


@pytest.mark.parametrize("calls", [0, 1, 4, 9, 12])
def test_interrupted_anywhere_the_same_command_comes_to_the_same(work: Work, setup: RaceSetup, calls: int) -> None:
    whole = raced(work, setup, Curves({"cosine": 2.4, "lr-x2": 2.6}))
    with pytest.raises(Interrupted):
        raced(work, setup, Curves({"cosine": 2.4, "lr-x2": 2.6}, breaks_at=calls))
    assert raced(work, setup, Curves({"cosine": 2.4, "lr-x2": 2.6})) == whole


def test_seeds_repeat_the_control_and_the_best_alone(work: Work, setup: RaceSetup) -> None:
    ends = {
        "cosine": 2.60,
        "cosine-seed2": 2.61,
        "cosine-seed3": 2.59,
        "control-seed2": 2.71,
        "control-seed3": 2.69,
    }
    train = Curves(ends)
    found = raced(work, setup, train, seeds=3)
    assert [name for name, _ in train.calls[-4:]] == [
        "control-seed2", "control-seed3", "cosine-seed2", "cosine-seed3",
    ]  # fmt: skip
    assert found.winner == "cosine"
    assert len(found.standing("cosine").repeats) == 3
    assert "3 seeds" in found.noise_source
    assert found.cost.seeds == 4
    assert found.cost.seeds_clips == sum(2 * found.standing(name).clips for name in ("control", "cosine"))
    assert found.cost.share_of_five is not None
    assert found.cost.share_of_five <= 0.6, "further seeds are counted by themselves"
    assert f"came on top: {found.cost.seeds_clips} clips" in " ".join(cost_words(found))


def test_a_remedy_behind_the_control_is_not_repeated(work: Work, setup: RaceSetup) -> None:
    train = Curves({"control": 2.4, "control-seed2": 2.41, "control-seed3": 2.42})
    found = raced(work, setup, train, seeds=3)
    assert [name for name, _ in train.calls[-2:]] == ["control-seed2", "control-seed3"]
    assert found.cost.seeds == 2
    assert (found.verdict, found.winner) == ("nothing to solve", None)


def test_a_remedy_that_left_is_repeated_as_far_as_it_went(work: Work, setup: RaceSetup) -> None:
    """Its early dip is what its further seeds must show again, not what they might come to later."""
    dip = Curves({})

    def train(work: Work, trial: Trial, to_step: int) -> TrialOutcome:
        outcome = dip(work, trial, to_step)
        if not trial.name.startswith("cosine"):
            return outcome
        late = replace(outcome.points[-1], mel_ce=9.0)
        return replace(outcome, best=replace(outcome.points[1], mel_ce=2.0), points=(*outcome.points[:-1], late))

    found = raced(work, setup, train, seeds=3)
    left = found.standing("cosine").out_at
    assert left == found.marks[0]
    every = found.standing("cosine").steps // left
    assert dip.calls[-2:] == [("cosine-seed2", left * every), ("cosine-seed3", left * every)]


def test_a_file_that_was_removed_does_not_race_and_one_that_was_changed_is_kept(work: Work, setup: RaceSetup) -> None:
    folder = folder_of(work)
    changed = folder.remedy("lr-x2")
    changed.write_text(changed.read_text(encoding="utf-8").replace("batch_size: ", "batch_size: 1"), encoding="utf-8")
    before = changed.read_text(encoding="utf-8")
    again = race_setup(work, PHASE, Wishes(steps=160))[1]
    assert changed.read_text(encoding="utf-8") == before
    assert "steps: 160" in folder.remedy("cosine").read_text(encoding="utf-8")
    folder.remedy("reweighted").unlink()
    train = Curves({})
    raced(work, again, train)
    assert "reweighted" not in {name for name, _ in train.calls}


def test_a_race_that_has_begun_keeps_its_length(work: Work, setup: RaceSetup) -> None:
    (folder_of(work).trial("control")).mkdir()
    assert race_setup(work, PHASE, Wishes())[1] == setup
    assert race_setup(work, PHASE, Wishes(steps=80))[1] == setup
    with pytest.raises(UserError, match=r"has begun with 80 steps; .*--fresh"):
        race_setup(work, PHASE, Wishes(steps=800))[1]


def test_a_race_begun_before_setups_were_one_goes_on(work: Work, setup: RaceSetup) -> None:
    entries = [
        {
            "name": e.name,
            "kind": e.kind,
            "change": e.change,
            "why": e.why,
            "expect": e.expect,
            "written": e.written,
        }
        for e in setup.entries
    ]
    start = setup.start
    before = {
        "version": 2, "phase": PHASE,
        "start": {
            "which": start.which, "step": start.step, "mel_ce": start.mel_ce, "optimizer": start.optimizer,
            "fingerprint": start.fingerprint,
        },
        "evals": setup.evals, "marks": setup.marks, "eval_every": setup.eval_every, "entries": entries,
        "best_before": setup.best_before, "models": setup.models, "diagnosis": setup.diagnosis,
    }  # fmt: skip
    folder_of(work).setup.write_text(json.dumps(before), encoding="utf-8")
    folder, again = race_setup(work, PHASE, Wishes())
    assert again == setup
    assert trial_of(folder, again, "cosine").checkpoint == folder.start
    assert trial_of(folder, again, "cosine").optimizer == start.optimizer


def test_a_damaged_setup_is_said(work: Work, setup: RaceSetup) -> None:
    folder_of(work).setup.write_text('{"version": 2}', encoding="utf-8")
    with pytest.raises(UserError, match=r"setup\.json: damaged \(.*'start'\); start the race over with --fresh"):
        race_setup(work, PHASE, Wishes())


def test_the_start_is_pinned_while_the_phase_goes_on(work: Work, setup: RaceSetup) -> None:
    folder = folder_of(work)
    before = folder.start.read_bytes()
    work.run.candidate(PHASE).best_model.unlink()
    for _, file in work.run.candidate(PHASE).checkpoints():
        file.unlink()
    assert folder.start.read_bytes() == before
    assert race_setup(work, PHASE, Wishes())[1] == setup


def test_an_untrained_phase_has_nothing_to_start_from(declared: Project) -> None:
    with pytest.raises(UserError, match="has no model to start from yet; run this first:\n  run_pipeline phase1"):
        race_setup(declared.work(), PHASE, Wishes())[1]


def test_an_unknown_phase_is_said(declared: Project) -> None:
    with pytest.raises(UserError, match="unknown phase 'phase9'"):
        race_setup(declared.work(), "phase9", Wishes())[1]


def test_the_whole_command_with_its_records(work: Work, finished: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = folder_of(work)
    train = Curves({"cosine": 2.3})
    monkeypatch.setattr(solve, "run_rounds", lambda *a: run_rounds(*a[:-1], one_by_one(train)))
    found = solve.race(work, PHASE, Wishes(steps=80))
    assert found.winner == "cosine"
    assert read_race(folder.record) == found
    text = folder.selection.read_text(encoding="utf-8")
    for said in (
        "Race of remedies for phase1: cosine",
        "Where it started",
        "cosine *",
        "What it cost",
        "control",
    ):
        assert said in text
    assert "--adopt cosine" in text
    page = folder.page.read_text(encoding="utf-8")
    assert "<svg" in page
    assert "cosine" in printed(work)


def test_the_winner_becomes_the_next_phase(work: Work, setup: RaceSetup, finished: Project) -> None:
    solve.adopt_remedy(work, PHASE, "cosine")
    assert "phases: [phase1, phase1-cosine, phase2]" in printed(work)
    file = finished.folder / "phases" / "phase1-cosine.yaml"
    pipeline = finished.file.read_text(encoding="utf-8")
    finished.file.write_text(pipeline.replace("phase2]", "phase2, phase1-cosine]"), encoding="utf-8")
    spec = finished.declaration().phases["phase1-cosine"]
    whole = finished.declaration().phases[PHASE]
    assert spec.steps == whole.steps
    assert spec.schedule.kind.startswith("cosine")
    assert spec.resume_from is not None
    assert spec.resume_from.phase == PHASE
    with pytest.raises(UserError, match="exists already"):
        solve.adopt_remedy(work, PHASE, "cosine")
    assert file.read_text(encoding="utf-8").startswith("# From a race of remedies for phase1.")


def test_advice_is_given_not_run(work: Work, setup: RaceSetup) -> None:
    with pytest.raises(UserError, match="there is no remedy 'prayer' for phase1; there are: control, lr-x2"):
        solve.run_one(work, PHASE, "prayer", Wishes())
