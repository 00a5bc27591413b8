"""Which recognisers are on a machine: those of packages, and those that were fetched before."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from xtts_finetune.data.hearing.models import installed_models, recogniser_installed

pytestmark = pytest.mark.skipif(not recogniser_installed(), reason="faster-whisper is not installed")

LOOKS = """\
import sys
from xtts_finetune.data.hearing.models import installed_models
print([model.name for model in installed_models()], "faster_whisper" in sys.modules)
"""


def test_one_that_was_fetched_before_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    before = [model.name for model in installed_models()]
    folder = tmp_path / "models--Systran--faster-whisper-medium"
    snapshot = folder / "snapshots" / "abc"
    for name in ("model.bin", "config.json", "tokenizer.json", "vocabulary.json"):
        snapshot.mkdir(parents=True, exist_ok=True)
        (snapshot / name).write_text("{}", encoding="utf-8")
    (folder / "refs").mkdir()
    (folder / "refs" / "main").write_text("abc", encoding="utf-8")
    found = {model.name: model.folder for model in installed_models()}
    assert sorted(found) == sorted({*before, "medium"})
    assert found["medium"] == snapshot


def test_looking_for_them_loads_no_library_where_none_was_fetched(tmp_path: Path) -> None:
    command = [sys.executable, "-c", LOOKS]
    looked = subprocess.run(
        command, env={**os.environ, "HF_HUB_CACHE": str(tmp_path)}, capture_output=True, text=True, check=True
    )
    assert looked.stdout.split("]")[1].strip() == "False"
