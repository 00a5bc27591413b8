"""Remedies: their factors, made from the phase's own values; each is a right phase, its file says what and why."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from xtts_finetune.records.metrics import EvalRecord, Metrics, StepRecord
from xtts_finetune.spec.levels import shipped_levels
from xtts_finetune.spec.phase import PhaseSpec
from xtts_finetune.spec.reading.yaml_file import read_document
from xtts_finetune.trials.race.remedies import AVERAGED, CONTROL, Remedy, remedies_for
from xtts_finetune.trials.race.setup import read_remedy, remedy_text
from xtts_finetune.trials.race.situation import Situation

PHASE = {
    "learning_rate": 4e-6,
    "batch_size": 4,
    "epochs": 30,
    "eval_every_steps": 100,
    "stop_when": [
        {"rule": "text_ce_above", "limit": 0.04},
        {"rule": "no_improvement", "steps": 500},
        {"rule": "time_limit", "hours": 1},
    ],
    "success": {"good": {"mel_ce": 2.0}},
}


# As curves.diagnosis speaks for them.
ADVISED = {
    "plateau": ("plateau-breaker", "averaged", "lora", "more-data"),
    "overfitting": ("averaged", "lora", "more-data"),
    "oscillating": ("averaged",),
}


def step(number: int, rate: float) -> StepRecord:
    return StepRecord(number, 1.0, rate, 2.7, 2.7, 3.0, 1.0, 4, 1.0, 0.1)


def evaluation(number: int, mel_ce: float, text: float) -> EvalRecord:
    return EvalRecord(number, mel_ce, 0.01 * text, text, 3.0, 1000, 100, 1.0)


def situation(verdict: str = "plateau", rate: float = 4e-6, **changes: Any) -> Situation:
    values = {**PHASE, **changes}
    metrics = Metrics((step(1000, rate),), (evaluation(0, 3.0, 4.0), evaluation(1000, 2.9, 2.0)))
    level = read_document(shipped_levels()["plateau_breaker"], "level").data or {}
    return Situation(
        "phase1", PhaseSpec.model_validate(values), metrics, evals=16, eval_every=100, first_mark=2,
        verdict=verdict, advised=frozenset(ADVISED.get(verdict, ())), models=2, level=level,
    )  # fmt: skip


def named(where: Situation) -> dict[str, Remedy]:
    return {remedy.name: remedy for remedy in remedies_for(where)}


def values_of(where: Situation, name: str) -> dict[str, Any]:
    return named(where)[name].values(where)


def test_the_five_of_the_requirement() -> None:
    where = situation()
    control = values_of(where, CONTROL)
    assert control["learning_rate"] == 4e-6
    assert values_of(where, "lr-x2")["learning_rate"] == pytest.approx(8e-6)
    assert values_of(where, "cosine")["schedule"]["kind"] == "cosine_restarts"
    reweighted = values_of(where, "reweighted")
    # Text CE has halved, mel CE hardly moved: it lags.
    assert reweighted["mel_loss_weight"] == pytest.approx(2 * 1.0)
    assert reweighted["text_loss_weight"] == pytest.approx(0.3 * 0.01)
    drops = values_of(where, "drops")
    assert drops["learning_rate"] > control["learning_rate"]
    assert drops["schedule"]["milestones"] == {"steps": [320, 800]}, "a fifth and a half of 1600 steps"
    half = values_of(where, "half-batch")
    assert (half["batch_size"], half["learning_rate"]) == (2, pytest.approx(2.9 * 4e-6))
    assert half["steps"] * half["batch_size"] == control["steps"] * control["batch_size"]


def test_the_control_goes_on_at_the_rate_that_the_phase_has_come_to() -> None:
    where = situation(rate=1e-6, schedule={"kind": "cosine", "warmup_steps": 10})
    control = values_of(where, CONTROL)
    assert (control["learning_rate"], control["schedule"]) == (1e-6, {"kind": "constant", "warmup_steps": 0})
    assert [rule["rule"] for rule in control["stop_when"]] == ["text_ce_above", "no_improvement"]
    assert control["stop_when"][-1]["evals"] == 10
    assert values_of(where, "lr-x2")["learning_rate"] == pytest.approx(2e-6)


def test_a_schedule_that_has_fallen_to_nothing_still_trains_something() -> None:
    assert values_of(situation(rate=0.0), CONTROL)["learning_rate"] == pytest.approx(4e-8)


def test_cycles_end_where_remedies_are_compared() -> None:
    where = situation()
    period = values_of(where, "cosine")["schedule"]["period"]["steps"]
    assert period == where.first_mark * where.eval_every


@pytest.mark.parametrize(
    ("verdict", "there", "not_there"),
    [
        ("plateau", {"plateau-breaker", "lora", "more-data", AVERAGED}, {"gentle"}),
        ("overfitting", {"gentle", "lora", "more-data"}, {"plateau-breaker"}),
        ("oscillating", {"gentle"}, {"plateau-breaker", "lora", "more-data"}),
        ("falling", {AVERAGED}, {"plateau-breaker", "gentle", "lora", "more-data"}),
    ],
)
def test_what_the_diagnosis_adds(verdict: str, there: set[str], not_there: set[str]) -> None:
    names = set(named(situation(verdict)))
    five = {"lr-x2", "cosine", "reweighted", "drops", "half-batch"}
    assert there | five | {CONTROL} <= names
    assert not not_there & names


def test_the_level_gives_its_values_and_leaves_the_race_its_length() -> None:
    where = situation()
    breaker = values_of(where, "plateau-breaker")
    assert (breaker["kl_weight"], breaker["label_smoothing"], breaker["adaptive_loss_weights"]) == (
        1.2,
        0.1,
        True,
    )
    assert breaker["steps"] == where.steps


def test_a_batch_of_one_is_not_halved_and_its_accumulation_is() -> None:
    assert "half-batch" not in named(situation(batch_size=1))
    assert values_of(situation(batch_size=1, accumulate=6), "half-batch")["accumulate"] == 3
    assert values_of(situation(max_tokens=4000), "half-batch")["max_tokens"] == 2000


@pytest.mark.parametrize("size", [2, 3, 5, 7, 8, 24])
def test_half_batches_see_as_many_clips(size: int) -> None:
    where = situation(batch_size=size)
    half, control = values_of(where, "half-batch"), values_of(where, CONTROL)
    seen = half["steps"] * half["batch_size"]
    assert 0.99 * control["steps"] * size <= seen <= control["steps"] * size
    assert half["steps"] == where.evals * half["eval_every_steps"]


@pytest.mark.parametrize("verdict", ["plateau", "overfitting", "oscillating", ""])
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"batch_size": 1, "accumulate": 4},
        {"max_tokens": 3000},
        {"train": ["gpt"]},
        {"train": {"lora": {"rank": 4}}},
        {"schedule": {"kind": "reduce_on_plateau", "factor": 0.3}},
        {"utterances_every_evals": 2, "stop_when": [{"rule": "quality_falling"}]},
        {"gradient_clip": None, "mask_prompt": True},
    ],
)
def test_every_remedy_is_a_right_phase_and_its_file_says_what_and_why(
    verdict: str, changes: dict[str, Any], tmp_path: Path
) -> None:
    where = situation(verdict, **changes)
    control = where.going_on()
    for remedy in remedies_for(where):
        if remedy.kind != "train":
            continue
        values = remedy.values(where)
        PhaseSpec.model_validate(values)
        file = tmp_path / f"{remedy.name}.yaml"
        file.write_text(remedy_text(remedy, values, control, "phase1"), encoding="utf-8")
        assert PhaseSpec.model_validate(read_remedy(file)) == PhaseSpec.model_validate(values)
        text = file.read_text(encoding="utf-8")
        assert all(f"# {title}: " in text for title in ("Change", "Why", "Expected"))
        changed = [key for key in values if values[key] != control.get(key)]
        assert all(f"{key}: " in text for key in changed)
        assert ("# was" in text or "# new" in text) == bool(changed)
