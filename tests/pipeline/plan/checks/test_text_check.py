"""`doctor` says whether texts will be compared with their sound, by what, or what to install."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.pipeline.project import make_project
from xtts_finetune.data.hearing.models import RecogniserModel
from xtts_finetune.data.text import checks as text_checks
from xtts_finetune.pipeline.plan.checks.check import Check, Verdict
from xtts_finetune.pipeline.plan.checks.text_checks import text_check


@pytest.fixture
def found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[RecogniserModel]:
    """The recognisers that are installed."""
    models: list[RecogniserModel] = []
    monkeypatch.setattr(text_checks, "recogniser_installed", lambda: True)
    monkeypatch.setattr(text_checks, "installed_models", lambda: models)
    monkeypatch.setattr(text_checks, "find_model", lambda name, language: models[0])
    return models


def checked(folder: Path, *overrides: str) -> Check:
    return text_check(make_project(folder).declaration(*overrides))


def test_the_recogniser_is_named(tmp_path: Path, found: list[RecogniserModel]) -> None:
    found.append(RecogniserModel("small", tmp_path))
    check = checked(tmp_path / "p")
    assert check.verdict is Verdict.OK and "by the recogniser small" in check.found


def test_what_is_missing_is_an_error_only_where_it_must_be_there(
    tmp_path: Path, found: list[RecogniserModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    auto, on = checked(tmp_path / "p"), checked(tmp_path / "q", "check_texts=on")
    assert (auto.verdict, on.verdict) == (Verdict.WARNING, Verdict.ERROR)
    assert "no recogniser on this machine reads 'en'" in auto.found and "recogniser: small" in auto.cure
    monkeypatch.setattr(text_checks, "recogniser_installed", lambda: False)
    assert "pip install" in checked(tmp_path / "r").cure


def test_a_named_one_that_is_not_here_is_not_fetched_to_look_at_it(
    tmp_path: Path, found: list[RecogniserModel]
) -> None:
    assert "small, which is fetched first" in checked(tmp_path / "p", "recogniser=small").found


def test_off_is_said(tmp_path: Path) -> None:
    check = checked(tmp_path / "p", "check_texts=off")
    assert check.verdict is Verdict.OK and "check_texts is off" in check.found
