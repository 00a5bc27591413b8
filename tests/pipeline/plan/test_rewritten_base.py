"""A base's model.pth that Coqui's program has written anew leaves every finished phase up to date."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from tests.pipeline.fake_base import CONFIG, TOKENS
from tests.pipeline.project import Project, make_project
from xtts_finetune.xtts.weights.gpt_shapes import gpt_shapes, sizes_of_config


@pytest.fixture
def project(tmp_path: Path) -> Project:
    project = make_project(tmp_path)
    save(project, "an object's place")
    return project


def save(project: Project, config: object, value: float = 1.0) -> None:
    shapes = gpt_shapes(sizes_of_config(CONFIG, len(TOKENS)))
    weights = {name: torch.full(shape, value) for name, shape in shapes.items()}
    torch.save({"config": config, "model": weights}, model(project))


def model(project: Project) -> Path:
    return project.folder / "base" / "model.pth"


def test_finished_phases_stay_up_to_date_before_and_after_it(project: Project) -> None:
    project.run()
    before = model(project).read_bytes()
    save(project, {"a": "dictionary " * 100})
    config = project.folder / "base" / "config.json"
    config.write_text(json.dumps(json.loads(config.read_text(encoding="utf-8")), indent=3), encoding="utf-8")
    assert model(project).read_bytes() != before
    assert set(project.states().values()) == {"up to date"}
    assert "Everything is up to date" in project.run()
    assert set(project.states().values()) == {"up to date"}
    model(project).write_bytes(before)
    assert set(project.states().values()) == {"up to date"}


def test_other_weights_are_another_base(project: Project) -> None:
    project.run()
    save(project, "an object's place", 2.0)
    assert project.states()["phase1"].startswith("stale")
