"""Commands in messages can be pasted: they name the config that the command at work is about."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.pipeline.project import make_project
from xtts_finetune.errors import UserError
from xtts_finetune.look.commands import NAMED, command, note_named, options_of_config

PACKAGE = Path(__file__).parents[1] / "xtts_finetune"


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("run phase1 --fresh", ""),
        ("run -f voices/anna.yaml phase1 --lr 1e-6", "-f voices/anna.yaml"),
        ("run -fvoices/anna.yaml --demo", "-fvoices/anna.yaml --demo"),
        ("listen --file=anna.yaml --set phase1.lr=2 --set=a=b", "--file=anna.yaml --set phase1.lr=2 --set=a=b"),
        ("say --demo -- -f text --set x", "--demo"),
        ("run -f", "-f"),
    ],
)
def test_what_names_the_config_is_kept(typed: str, kept: str) -> None:
    assert options_of_config(typed.split()) == kept.split()


@pytest.mark.parametrize("system", ["linux", "win32"])
def test_names_are_quoted_as_the_shell_wants_it(system: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(NAMED, "[]")
    monkeypatch.setattr("sys.platform", system)
    note_named(["run", "-f", "my voice/pipeline.yaml", "--set", "language=hu"])
    quote = '"' if system == "win32" else "'"
    assert command("samples") == f"xtts-finetune samples -f {quote}my voice/pipeline.yaml{quote} --set language=hu"
    # These two take no overrides.
    assert command("diagnose phase1") == f"xtts-finetune diagnose phase1 -f {quote}my voice/pipeline.yaml{quote}"


def test_a_refused_plan_names_the_command_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(NAMED, "[]")
    project = make_project(tmp_path / "my voice")
    note_named(["phase2", "-f", str(project.file)])
    with pytest.raises(UserError, match="run this first") as refused:
        project.plan(wanted=["phase2"])
    assert str(refused.value).splitlines()[-1] == f"  run_pipeline phase1 -f '{project.file}'"


def test_no_word_stands_behind_a_printed_command() -> None:
    """What is to be pasted ends its line: 'run -f my-voice first' would be read as a phase called first."""
    glued = re.compile(r"(?:command|verb)\([^\n]*\)\} [a-z]+[\"']\)$", re.MULTILINE)
    for file in PACKAGE.rglob("*.py"):
        assert not glued.findall(file.read_text("utf-8")), file
