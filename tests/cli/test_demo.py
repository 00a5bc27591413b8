"""The demo is found in a checkout and in an installed package."""

from __future__ import annotations

from pathlib import Path

import pytest

from xtts_finetune.errors import UserError
from xtts_finetune.setup import demo


def test_it_is_found_in_a_checkout(demo_folder: Path) -> None:
    assert demo.demo_declaration() == demo_folder / "pipeline.yaml"


def test_the_installed_one_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pipeline.yaml").write_text("name: demo", encoding="utf-8")
    monkeypatch.setattr(demo, "PLACES", (tmp_path, *demo.PLACES))
    assert demo.demo_declaration() == tmp_path / "pipeline.yaml"


def test_an_installation_without_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "PLACES", (tmp_path,))
    with pytest.raises(UserError, match="the demo's files are not in"):
        demo.demo_declaration()


def test_it_runs_where_the_user_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert demo.demo_run_folder() == tmp_path / "run" / "demo"
