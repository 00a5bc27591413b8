"""The committed JSON Schemas say what the models say, and refuse what the check refuses."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

from tests.spec.wrong_declarations import DECISION, PHASE1, PIPELINE, RIGHT, UTTERANCES, write_files
from xtts_finetune.spec.reading.yaml_file import read_document
from xtts_finetune.spec.schema import json_schemas, outdated_schemas, write_schemas

COMMITTED = Path(__file__).parents[2] / "schemas"
FILES = {
    "pipeline": "pipeline.yaml",
    "phase": "phases/phase1.yaml",
    "utterances": "eval/utterances.yaml",
    "decision_matrix": "eval/decision_matrix.yaml",
    "level": "phases/levels/gentle.yaml",
}
LEVEL = """\
learning_rate: 1e-6
schedule: {kind: cosine_restarts, period: {epochs: 5}}
"""


def test_committed_schemas_are_current() -> None:
    assert outdated_schemas(COMMITTED) == [], "write them with: xtts-finetune schema"
    assert sorted(path.name for path in COMMITTED.iterdir()) == sorted(f"{name}.schema.json" for name in json_schemas())


def test_writing_makes_them_current(tmp_path: Path) -> None:
    assert len(outdated_schemas(tmp_path / "new")) == 5
    paths = write_schemas(tmp_path / "new")
    assert outdated_schemas(tmp_path / "new") == []
    paths[0].write_text(paths[0].read_text(encoding="utf-8") + " ", encoding="utf-8")
    assert outdated_schemas(tmp_path / "new") == [paths[0]]


@pytest.mark.parametrize("name", FILES)
def test_schemas_are_valid_and_describe_every_key(name: str) -> None:
    schema = json_schemas()[name]
    jsonschema.Draft202012Validator.check_schema(schema)
    for part in (schema, *schema.get("$defs", {}).values()):
        for key, value in part["properties"].items():
            assert key == "rule" or "$ref" in value or value.get("description"), key


@pytest.mark.parametrize(
    ("name", "right", "old", "new"),
    [
        ("pipeline", PIPELINE, "name: trial", "nam: trial"),
        ("pipeline", PIPELINE, "[phase1, phase2]", "[]"),
        ("phase", PHASE1, "5e-6", "-5e-6"),
        ("phase", PHASE1, "steps: 1000\n", ""),
        ("phase", PHASE1, "steps: 1000", "steps: 1000\nepochs: 2"),
        ("phase", PHASE1, "rule: overfitting", "rule: overfit"),
        ("phase", PHASE1, ", limit: 0.04", ""),
        ("phase", PHASE1, "learning_rate: 5e-6\n", ""),
        ("phase", "optimization_level: stable\n", "stable", "[]"),
        ("phase", "optimization_level: stable\nsteps: 5\n", "steps: 5", "steps: 5\nepochs: 2"),
        ("level", LEVEL, "period: {epochs: 5}", "period: {epochs: 5, steps: 5}"),
        ("level", LEVEL, "learning_rate", "resume_from: {}\nlearning_rate"),
        ("utterances", UTTERANCES, "id: one", "id: ../one"),
        ("decision_matrix", DECISION, "{below: 2.5}", "{}"),
        ("decision_matrix", DECISION, "read: phase2", "quality: {a b: 3}"),
    ],
)
def test_schema_accepts_the_right_and_refuses_the_wrong(
    name: str, right: str, old: str, new: str, tmp_path: Path
) -> None:
    validator = jsonschema.Draft202012Validator(json.loads(json.dumps(json_schemas()[name])))
    write_files({**RIGHT, FILES[name]: right.encode()}, tmp_path)
    file = tmp_path / FILES[name]
    validator.validate(read_document(file, file.name).data)
    assert old in right
    file.write_text(right.replace(old, new, 1), encoding="utf-8")
    assert not validator.is_valid(read_document(file, file.name).data)
