"""`xtts-finetune schema` writes the schemas, and with --check says whether they are current."""

from __future__ import annotations

from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from xtts_finetune.cli.verbs.beginning.schema import schema
from xtts_finetune.errors import UserError

app = typer.Typer()
app.command()(schema)


def test_writes_then_is_current(tmp_path: Path) -> None:
    folder = str(tmp_path / "schemas")
    written = CliRunner().invoke(app, ["--out", folder])
    assert written.exit_code == 0
    assert "phase.schema.json" in written.output
    assert "are current" in CliRunner().invoke(app, ["--out", folder, "--check"]).output


def test_check_writes_nothing_and_names_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"not current: .*pipeline\.schema\.json.*write them with"):
        schema(tmp_path / "none", check=True)
    assert not (tmp_path / "none").exists()


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(UserError, match="cannot be written"):
        schema(tmp_path / "file", check=False)
