"""What is usual is said once: preflight, the monitor's review, a diagnosis and `init` agree on all that is shipped."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.pipeline.fake_base import CONFIG
from xtts_finetune.curves.advice import Place
from xtts_finetune.curves.curves import Curves, series
from xtts_finetune.curves.diagnosis import diagnose
from xtts_finetune.data.first_look import first_look
from xtts_finetune.monitor.review import review_of
from xtts_finetune.numbers.usual import gpt_weights, learning_rates, short, unusual_values
from xtts_finetune.pipeline.plan.checks.plan_checks import phase_warnings
from xtts_finetune.setup.data_sets import find_data
from xtts_finetune.setup.files import render
from xtts_finetune.setup.found_data import XTTS_V2_CONFIG, Answers, FoundBase
from xtts_finetune.spec.phase import PhaseSpec
from xtts_finetune.spec.train import is_lora
from xtts_finetune.xtts.weights.gpt_shapes import gpt_shapes, sizes_of_config

ROOT = Path(__file__).parents[2]
DEMO = ROOT / "samples" / "demo"
DEMO_CONFIG = json.loads((DEMO / "base" / "config.json").read_text(encoding="utf-8"))
BASES = {"XTTS v2": XTTS_V2_CONFIG, "demo": DEMO_CONFIG}
DATA = {"XTTS v2": {"clips": 311, "eval_clips": 31}, "demo": {"clips": 65, "eval_clips": 8}}
# They are for small bases and for adapters, as their files say.
ABOVE_XTTS_V2 = {"enhanced", "stable"}
GB = 10**9


def read(path: Path) -> dict[str, Any]:
    values: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return values


def phase_of(values: Mapping[str, Any]) -> PhaseSpec:
    """A phase without what has nothing to do with its values."""
    apart = ("resume_from", "utterances_every_evals", "optimization_level")
    return PhaseSpec.model_validate({key: value for key, value in values.items() if key not in apart})


def shipped() -> Iterator[tuple[str, str, PhaseSpec]]:
    """(name, base, phase) of every phase and level that is shipped, each level under phases of both bases."""
    folders = {"XTTS v2": ROOT / "phases", "demo": DEMO / "phases"}
    for base, folder in folders.items():
        for path in sorted(folder.glob("*.yaml")):
            yield path.stem, base, phase_of(read(path))
            for level in sorted((ROOT / "phases" / "levels").glob("*.yaml")):
                over = read(level)
                under = {key: value for key, value in read(path).items() if key not in over}
                if "epochs" in over:
                    under.pop("steps", None)
                yield level.stem, base, phase_of({**under, **over})


def written_by_init() -> Iterator[tuple[str, str, PhaseSpec]]:
    """What `init` writes for the demo's recordings: for a large GPU, for one that holds adapters alone, for a CPU."""
    data = find_data([DEMO / "data"])
    look = first_look([found.spec for found in data], "en", None)
    for base, config in BASES.items():
        model_bytes = {"XTTS v2": 1_870_000_000, "demo": 123_000_000}[base]
        for memory, on_gpu in ((24, True), (6, True), (6, False)):
            found = FoundBase(base, model_bytes, config, preview=False)
            answers = Answers(DEMO, "anna", data, "en", "", found, memory * GB, on_gpu, look)
            for path, text in render(answers).items():
                if path.startswith("phases/"):
                    yield f"init, {memory} GB", base, phase_of(yaml.safe_load(text))


def said_by_preflight(phase: PhaseSpec, config: Mapping[str, Any]) -> set[str]:
    found = phase_warnings("phase1", phase, gpt_weights(config["model_args"]))
    return {check.name.removeprefix("phase1.") for check in found}


def said_by_review(phase: PhaseSpec, config: Mapping[str, Any], data: Mapping[str, Any]) -> set[str]:
    return {one.key for one in review_of("phase1", phase.model_dump(mode="json"), data, config["model_args"])}


def said_by_diagnosis(phase: PhaseSpec, config: Mapping[str, Any]) -> bool:
    """Whether an explosion is put down to the learning rate."""
    rates = learning_rates(gpt_weights(config["model_args"]), is_lora(phase.train))
    curves = Curves(
        "step",
        evaluation=series("mel_ce", enumerate([3.0, 2.9, 2.8, 2.7, 9.0])),
        learning_rate=series("learning_rate", [(4, phase.learning_rate)]),
    )
    return any("learning rate" in cause and "is high" in cause for cause in diagnose(curves, Place(rates=rates)).causes)


@pytest.mark.parametrize(("name", "base", "phase"), shipped())
def test_all_say_the_same_of_what_is_shipped(name: str, base: str, phase: PhaseSpec) -> None:
    agree(name, base, phase, DATA[base])


def test_nothing_that_init_writes_is_unusual() -> None:
    for case in written_by_init():
        agree(*case, {"clips": 65, "eval_clips": 16})


def agree(name: str, base: str, phase: PhaseSpec, data: Mapping[str, int]) -> None:
    config = BASES[base]
    expected = {"learning_rate"} if base == "XTTS v2" and name in ABOVE_XTTS_V2 else set()
    assert said_by_preflight(phase, config) == expected
    few = {"training clips"}  # said of the data, whatever is declared
    assert said_by_review(phase, config, data) - few == expected
    assert said_by_diagnosis(phase, config) is bool(expected)


@pytest.mark.parametrize(
    "values",
    [
        {"learning_rate": 3e-5},
        {"learning_rate": 3e-5, "train": {"lora": {}}},
        {"learning_rate": 1e-7},
        {"gradient_clip": None},
        {"gradient_clip": 5.0, "mel_loss_weight": 35.0},
        {"text_loss_weight": 0.0},
    ],
)
@pytest.mark.parametrize("base", BASES)
def test_preflight_and_review_name_the_same_values_with_the_same_reasons(base: str, values: dict[str, Any]) -> None:
    phase = PhaseSpec.model_validate(
        {"learning_rate": 1e-5, "steps": 900, "stop_when": [{"rule": "no_improvement"}], **values}
    )
    config = BASES[base]
    checks = phase_warnings("phase1", phase, gpt_weights(config["model_args"]))
    findings = review_of("phase1", phase.model_dump(mode="json"), {}, config["model_args"])
    assert [(check.name, check.found.split(": ", 1)[1]) for check in checks] == [
        (f"phase1.{one.key}", one.why) for one in findings
    ]


def test_weights_are_counted_as_the_base_has_them() -> None:
    """By the shapes that a model file of such a configuration must have."""
    tokens = {"XTTS v2": 6681, "demo": 608}
    for base, config in BASES.items():
        known = {**CONFIG["model_args"], "gpt_max_audio_tokens": 302, **config["model_args"]}
        shapes = gpt_shapes(sizes_of_config({"model_args": known}, tokens[base]))
        exact = sum(map(math.prod, shapes.values()))
        assert gpt_weights(config["model_args"]) == pytest.approx(exact, rel=0.03)


def test_what_levels_say_is_usual_is() -> None:
    said = [path for path in (ROOT / "phases" / "levels").glob("*.yaml") if "usually" in path.read_text("utf-8")]
    assert len(said) >= 3
    for path in (*said, ROOT / "docs" / "presets.md", ROOT / "docs" / "reading-the-numbers.md"):
        assert str(learning_rates()) in path.read_text("utf-8")


def test_a_configuration_of_any_shape_counts_as_xtts_v2s() -> None:
    assert gpt_weights({"gpt_layers": "x", "gpt_n_model_channels": None}) == gpt_weights({})


@pytest.mark.parametrize("weights", [5.6e6, 5.7e6, 8.6e6, 25e6, 99e6, 441e6, 443e6])
@pytest.mark.parametrize("adapters", [False, True])
def test_a_value_at_a_limit_is_usual_and_no_advice_names_the_value_that_is_there(
    weights: float, adapters: bool
) -> None:
    rates = learning_rates(weights, adapters)
    for limit in (rates.low, rates.high):
        for value in (limit, float(short(limit)), limit * (1 + 1e-9), limit * (1 - 1e-9), limit * 1.001, limit * 0.999):
            assert unusual_values(weights, adapters, value) == []
    for value in (rates.low / 1.5, rates.high * 1.5, rates.high * 1.1):
        (found,) = unusual_values(weights, adapters, value)
        assert short(found.usual.nearest(value)) != short(value)
