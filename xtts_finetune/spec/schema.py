"""The JSON Schemas of the declaration's files, for editors; written by a command and committed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from xtts_finetune.spec.decision import DecisionSpec
from xtts_finetune.spec.levels import KEY, NOT_IN_A_LEVEL
from xtts_finetune.spec.model import Spec
from xtts_finetune.spec.phase import PhaseSpec
from xtts_finetune.spec.pipeline import PipelineSpec
from xtts_finetune.spec.utterances import UtterancesSpec

MODELS: dict[str, type[Spec]] = {
    "pipeline": PipelineSpec,
    "phase": PhaseSpec,
    "utterances": UtterancesSpec,
    "decision_matrix": DecisionSpec,
}


def json_schemas() -> dict[str, dict[str, Any]]:
    """The schema of each kind of file: 'pipeline', 'phase', 'utterances', 'decision_matrix', 'level'."""
    dialect = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    schemas = {name: dialect | _without_noise(model.model_json_schema()) for name, model in MODELS.items()}
    level = _level_schema(schemas["phase"])
    return {**schemas, "phase": _with_levels(schemas["phase"]), "level": level}


def schema_texts() -> dict[str, str]:
    """The schema files' texts by their names."""
    return {
        f"{name}.schema.json": json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
        for name, schema in json_schemas().items()
    }


def outdated_schemas(folder: Path) -> list[Path]:
    """The schema files in `folder` that are missing or differ from what the models say."""
    texts = {folder / name: text for name, text in schema_texts().items()}
    return [path for path, text in texts.items() if not path.is_file() or path.read_text(encoding="utf-8") != text]


def write_schemas(folder: Path) -> list[Path]:
    """Write all schemas into `folder`, which is made if need be, and return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, text in schema_texts().items():
        path = folder / name
        path.write_text(text, encoding="utf-8", newline="\n")
        paths.append(path)
    return paths


def _without_noise(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema without pydantic's titles of single values, which only repeat their keys."""
    for part in (schema, *schema.get("$defs", {}).values()):
        for value in part.get("properties", {}).values():
            value.pop("title", None)
            if "patternProperties" in value:
                value["additionalProperties"] = False
    return schema


def _with_levels(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema of a phase, of which nothing is required where a level may give it."""
    required = {key: schema[key] for key in ("required", "oneOf")}
    rest = {key: value for key, value in schema.items() if key not in required}
    named = {"required": [KEY], "properties": {KEY: {"type": "string"}}}
    return {**rest, "anyOf": [named, required], "not": {"required": ["epochs", "steps"]}}


def _level_schema(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema of a level: a phase's keys but those that say which phase it is, none of them required."""
    keys = {key: value for key, value in schema["properties"].items() if key not in NOT_IN_A_LEVEL}
    rest = {key: value for key, value in schema.items() if key not in ("required", "oneOf")}
    about = {"title": "Preset", "description": "Values of a phase under a name, for its 'optimization_level'."}
    return {**rest, **about, "properties": keys, "not": {"required": ["epochs", "steps"]}}
