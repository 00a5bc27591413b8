"""An option that nothing reads is a promise that is not kept: every declared key is read by the package."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import get_args

import pytest

import xtts_finetune
from xtts_finetune.spec.model import Spec
from xtts_finetune.spec.schema import MODELS
from xtts_finetune.spec.stop_rules import StopRule

PACKAGE = Path(xtts_finetune.__file__).parent
READ_BY_THE_LOADER = {
    "PipelineSpec.utterances": "load_declaration follows it to the file",
    "PipelineSpec.decision": "load_declaration follows it to the file",
    **{f"{rule.__name__}.rule": "pydantic chooses the class by it" for rule in get_args(get_args(StopRule)[0])},
}


def _trees(inside: bool) -> list[ast.Module]:
    """The package's modules in or outside spec."""
    return [
        ast.parse(path.read_text(encoding="utf-8"))
        for path in sorted(PACKAGE.rglob("*.py"))
        if (path.parent.name == "spec") == inside
    ]


def _attributes(tree: ast.AST) -> set[str]:
    return {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}


def _names_used(tree: ast.AST) -> set[str]:
    return _attributes(tree) | {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}


@pytest.fixture(scope="module")
def read() -> set[str]:
    """What the code outside spec reads: as attributes, in templates, or through a function of spec that it calls."""
    outside = _trees(inside=False)
    found = set().union(*map(_attributes, outside))
    for template in PACKAGE.rglob("*.j2"):
        found |= set(re.findall(r"\.(\w+)", template.read_text(encoding="utf-8")))
    used = set().union(*map(_names_used, outside))
    functions = [node for tree in _trees(inside=True) for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    for function in functions:
        if function.name in used - {"contradictions", "load_declaration"}:
            found |= _attributes(function)
    return found


def _models() -> list[type[Spec]]:
    return sorted(Spec.__subclasses__(), key=lambda model: model.__name__)


def test_the_models_are_all_known() -> None:
    assert {model.__name__ for model in MODELS.values()} <= {model.__name__ for model in _models()}


@pytest.mark.parametrize("model", _models(), ids=lambda model: model.__name__)
def test_every_key_is_read(model: type[Spec], read: set[str]) -> None:
    keys = [key for key in model.model_fields if f"{model.__name__}.{key}" not in READ_BY_THE_LOADER]
    unread = [key for key in keys if key not in read]
    assert not unread, f"nothing reads {', '.join(unread)} of {model.__name__}: use or remove it"
