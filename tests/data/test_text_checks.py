"""Texts are compared with their sound once a clip, in a process of its own, wherever a recogniser is installed."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from tests.data.data_samples import clip, silent_progress
from xtts_finetune.data.hearing.models import installed_models
from xtts_finetune.data.text import checks as text_checks
from xtts_finetune.data.text.checks import TextChecks
from xtts_finetune.errors import UserError
from xtts_finetune.pipeline.children.python import python_module
from xtts_finetune.records.clips import ClipRecord, WarningKind, write_clips
from xtts_finetune.spec.pipeline import PipelineSpec

CLIPS = Path(__file__).parents[2] / "samples" / "demo" / "data" / "set_a" / "wavs"
TEXTS = (
    "The bread is good and little. Our story is under the tree.",
    "The mother is young and good. She sold a road over the bridge.",  # of another clip
    "Our box is in the garden. My golden bread is down the road.",
)
NAMES = ("demo_a_005", "demo_a_006", "demo_a_009")

needs_a_model = pytest.mark.skipif(
    not any(model.name == "tiny.en" for model in installed_models()), reason="needs a recogniser with its weights"
)


def declared(**settings: object) -> PipelineSpec:
    given = {"name": "t", "base": "base", "language": "en", "phases": ("phase1",), **settings}
    return PipelineSpec(datasets=({"name": "a", "path": "a", "format": "coqui"},), **given)  # type: ignore[arg-type]


def written(folder: Path, **changes: object) -> Path:
    clips: list[ClipRecord] = [
        clip(number, text=text, audio=CLIPS / f"{name}.flac", **changes)
        for number, (text, name) in enumerate(zip(TEXTS, NAMES, strict=True))
    ]
    path = folder / "clips.jsonl"
    write_clips(path, clips)
    return path


def not_to_be_started(module: str, arguments: Sequence[str]) -> list[str]:
    raise AssertionError("all of it is known")


@needs_a_model
def test_each_clip_is_read_once_and_what_does_not_fit_is_a_warning(tmp_path: Path) -> None:
    read, known = written(tmp_path), tmp_path / "cache" / "readings.jsonl"
    seen: list[tuple[int, int, str]] = []
    found = TextChecks(declared(), known, python_module)(read, lambda *call: seen.append(call))
    assert seen[-1] == (3, 3, "texts compared with their sound") and not found.notes
    ((place, warning),) = found.warnings.items()
    assert (place, warning.kind) == (1, WarningKind.OTHER_WORDS) and "something else is heard" in warning.detail
    assert warning.heard.startswith("Then they bought our good box")
    assert not list(known.parent.glob("*.tmp"))

    assert TextChecks(declared(), known, not_to_be_started)(read, silent_progress) == found

    # Killed while a line was written: the clips before it are not read again.
    lines = known.read_bytes().splitlines(keepends=True)
    known.write_bytes(b"".join(lines[:2]) + lines[2][:20])
    seen.clear()
    assert TextChecks(declared(), known, python_module)(read, lambda *call: seen.append(call)) == found
    assert seen[-1][:2] == (1, 1)

    # A clip that is gone is forgotten; the others are not read anew.
    write_clips(read, [clip(0, text=TEXTS[0], audio=CLIPS / f"{NAMES[0]}.flac")])
    assert not TextChecks(declared(), known, not_to_be_started)(read, silent_progress).warnings
    assert len(known.read_bytes().splitlines()) == 1


@needs_a_model
def test_a_recogniser_that_is_damaged_stops_nothing_unless_it_must_be(tmp_path: Path) -> None:
    model = tmp_path / "broken"
    model.mkdir()
    (model / "model.bin").write_bytes(b"no model")
    read, known = written(tmp_path), tmp_path / "readings.jsonl"
    found = TextChecks(declared(recogniser=str(model)), known, python_module)(read, silent_progress)
    assert not found.warnings and "3 texts were not compared with their sound: the recogniser in" in found.notes[0]
    with pytest.raises(UserError, match="cannot be loaded"):
        TextChecks(declared(recogniser=str(model), check_texts="on"), known, python_module)(read, silent_progress)


def test_without_a_recogniser_one_line_says_so_with_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(text_checks, "recogniser_installed", lambda: False)
    found = TextChecks(declared(), tmp_path / "known", not_to_be_started)(written(tmp_path), silent_progress)
    assert not found.warnings
    (note,) = found.notes
    assert note.startswith("The texts were not compared with their sound: no recogniser is installed; ")
    assert "pip install" in note and "faster-whisper" in note
    with pytest.raises(UserError, match="no recogniser is installed"):
        TextChecks(declared(check_texts="on"), tmp_path / "known", not_to_be_started)


@needs_a_model
def test_texts_in_a_language_that_no_recogniser_reads_are_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    english = [model for model in installed_models() if model.english_alone]
    monkeypatch.setattr(text_checks, "installed_models", lambda: english)
    read = written(tmp_path, language="hu")
    (note,) = TextChecks(declared(language="hu"), tmp_path / "known", not_to_be_started)(read, silent_progress).notes
    assert "no recogniser on this machine reads 'hu'; name one in pipeline.yaml" in note


def test_off_reads_nothing(tmp_path: Path) -> None:
    checks = TextChecks(declared(check_texts=False), tmp_path / "known", not_to_be_started)
    assert checks(tmp_path / "no clips", silent_progress).notes == ()


@needs_a_model
def test_a_sound_that_is_gone_meanwhile_is_left_alone(tmp_path: Path) -> None:
    sound = Path(shutil.copy(CLIPS / f"{NAMES[0]}.flac", tmp_path / "there.flac"))
    there = clip(0, text=TEXTS[0], audio=sound)
    read, known = tmp_path / "clips.jsonl", tmp_path / "readings.jsonl"
    write_clips(read, [there, replace(there, id="c1", sha256="0" * 64, audio=tmp_path / "gone.flac")])
    assert not TextChecks(declared(), known, python_module)(read, silent_progress).warnings
    (line,) = known.read_text(encoding="utf-8").splitlines()
    assert json.loads(line)["reasons"] == []
