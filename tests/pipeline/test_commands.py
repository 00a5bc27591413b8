"""The commands that are printed to be copied."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.pipeline.project import Project
from xtts_finetune.pipeline.children.running import verb


@pytest.mark.parametrize(
    ("typed", "options"),
    [
        ("run_pipeline", ""),
        ("run_pipeline phase2 --device cpu", ""),
        ("run_pipeline --demo phase1", " --demo"),
        ("xtts-finetune listen base phase1 -f 'my voice' --seed 3", " -f 'my voice'"),
        ('run_pipeline --file="a b.yaml" phase2', ' --file="a b.yaml"'),
        ("run_pipeline -f x --set 'a.b={c: 1}' --set d=2", " -f x --set 'a.b={c: 1}' --set d=2"),
    ],
)
def test_another_verb_is_for_the_same_declaration(project: Project, typed: str, options: str) -> None:
    work = replace(project.work(), again=typed)
    assert verb(work, "decide") == f"xtts-finetune decide{options}"
