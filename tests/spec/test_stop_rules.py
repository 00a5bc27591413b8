"""The page on stopping names every rule and every key with the default that the models have."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import pytest

from xtts_finetune.spec.model import Spec
from xtts_finetune.spec.stop_rules import StopRule

PAGE = Path(__file__).parents[2] / "docs" / "stopping.md"
RULES: list[type[Spec]] = list(get_args(get_args(StopRule)[0]))
SAID_IN_WORDS = {("no_improvement", "steps"): "500"}  # where neither steps nor evals is given


def _name(model: type[Spec]) -> str:
    return str(get_args(model.model_fields["rule"].annotation)[0])


def _page_defaults() -> dict[tuple[str, str], str]:
    """(rule, key): default, from the page's second table."""
    table = PAGE.read_text(encoding="utf-8").partition("| rule | key |")[2].partition("\n\n")[0]
    found, rule = {}, ""
    for first, keys, defaults in re.findall(r"^\| (.*?) ?\| (`.*?) \| (.*?) \|", table, flags=re.MULTILINE):
        rule = first.strip("` ") or rule
        for key, default in zip(keys.split(", "), defaults.split(", "), strict=True):
            found[rule, key.strip("`")] = default.strip("`")
    return found


@pytest.mark.parametrize("model", RULES, ids=_name)
def test_the_page_has_every_key_and_its_default(model: type[Spec]) -> None:
    page, rule = _page_defaults(), _name(model)
    expected = {}
    for key, field in model.model_fields.items():
        if key != "rule":
            default = "required" if field.is_required() else field.default
            words = "none" if default is None else f"{default:g}" if isinstance(default, float) else str(default)
            expected[rule, key] = SAID_IN_WORDS.get((rule, key), words)
    assert {keys: default for keys, default in page.items() if keys[0] == rule} == expected


def test_the_page_says_when_to_use_each_rule() -> None:
    table = PAGE.read_text(encoding="utf-8").partition("| rule | stops when |")[2].partition("\n\n")[0]
    assert sorted(re.findall(r"^\| `(\w+)` \|", table, flags=re.MULTILINE)) == sorted(map(_name, RULES))
