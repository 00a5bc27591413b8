from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.child import heavy_after
from tests.data.data_samples import declare, write_ljspeech, write_sound
from xtts_finetune.data.fingerprint import changed_inputs, changes_since, data_inputs, more_words
from xtts_finetune.errors import UserError
from xtts_finetune.records.clips import ClipRecord, read_clips, write_clips
from xtts_finetune.spec.declaration import Declaration
from xtts_finetune.xtts.base import BaseFiles


@pytest.fixture
def base(tmp_path: Path) -> BaseFiles:
    """Files that need only be there: no model is loaded."""
    files = BaseFiles(tmp_path / "base")
    files.folder.mkdir()
    for file in (files.model, files.dvae, files.mel_stats, files.vocab):
        file.write_bytes(file.name.encode())
    files.config.write_text('{"model_args": {}}', encoding="utf-8")
    return files


@pytest.fixture
def declaration(tmp_path: Path, base: BaseFiles) -> Declaration:
    folder = write_ljspeech(tmp_path / "my voice", 4)
    return declare(base.folder, [{"name": "a", "path": folder, "format": "ljspeech"}], tmp_path / "run")


def later(file: Path) -> None:
    status = file.stat()
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns + 1_000))


@pytest.mark.parametrize(
    "change, changed",
    [
        (lambda folder, base: None, []),
        (lambda folder, base: later(folder / "metadata.csv"), []),
        (lambda folder, base: write_sound(folder / "wavs" / "new.wav"), []),
        (lambda folder, base: later(folder / "wavs" / "clip001.wav"), ["a: audio"]),
        (lambda folder, base: (folder / "wavs" / "clip001.wav").unlink(), ["a: audio"]),
        (
            lambda folder, base: (folder / "metadata.csv").write_text("clip000|other\n"),
            ["a: texts", "a: audio"],
        ),
        (lambda folder, base: base.vocab.write_bytes(b"another"), ["base"]),
        (lambda folder, base: base.dvae.write_bytes(b"another"), ["base"]),
        (lambda folder, base: base.model.write_bytes(b"another"), []),
    ],
)
def test_what_changed_is_named(
    declaration: Declaration, base: BaseFiles, change: Callable[[Path, BaseFiles], object], changed: list[str]
):
    before = data_inputs(declaration)
    change(declaration.pipeline.datasets[0].path, base)
    assert changed_inputs(before, data_inputs(declaration)) == changed


@pytest.mark.parametrize(
    "settings", [{"clips": {"max_seconds": 9}}, {"eval_set": {"seed": 5}}], ids=["clips", "eval_set"]
)
def test_settings_count(declaration: Declaration, base: BaseFiles, settings: dict[str, object]):
    datasets = [spec.model_dump() for spec in declaration.pipeline.datasets]
    other = declare(base.folder, datasets, declaration.run_folder, **settings)
    assert changed_inputs(data_inputs(declaration), data_inputs(other)) == ["settings"]


def test_a_data_set_that_comes_or_goes_is_named():
    assert changed_inputs({"base": "1", "b: texts": "2"}, {"base": "1", "c: texts": "2"}) == [
        "c: texts",
        "b: texts",
    ]
    assert changed_inputs({}, {"base": "1"}) == ["base"]


def test_a_base_too_small_for_the_clips_is_an_error_of_the_declaration(declaration: Declaration, base: BaseFiles):
    base.config.write_text('{"model_args": {"gpt_max_audio_tokens": 50}}', encoding="utf-8")
    with pytest.raises(UserError, match="max_seconds"):
        data_inputs(declaration)


def test_needs_neither_torch_nor_audio_libraries():
    assert heavy_after("import xtts_finetune.data.fingerprint") == set()


@pytest.mark.parametrize(
    "change, changed",
    [
        (lambda folder: later(folder / "x.txt"), ["a: texts"]),
        (lambda folder: later(folder / "in" / "y.wav"), ["a: audio"]),
        (lambda folder: (folder / "notes.pdf").touch(), []),
        (lambda folder: (folder / "new.wav").touch(), ["a: audio"]),
        (lambda folder: (folder / "in" / "new.txt").touch(), ["a: texts"]),
        (lambda folder: (folder / "x.txt").unlink(), ["a: texts"]),
    ],
)
def test_a_folder_counts_by_its_files(
    base: BaseFiles, tmp_path: Path, change: Callable[[Path], object], changed: list[str]
):
    folder = tmp_path / "my voice"
    for name in ("x", "in/y"):
        write_sound(folder / f"{name}.wav", 0.1).with_suffix(".txt").write_text("t", encoding="utf-8")
    declaration = declare(base.folder, [{"name": "a", "path": folder, "format": "folder"}], tmp_path / "run")
    before = data_inputs(declaration)
    change(folder)
    assert changed_inputs(before, data_inputs(declaration)) == changed


@pytest.mark.parametrize("format, metadata", [("jsonl", "all.jsonl"), ("audiofolder", "metadata.jsonl")])
def test_another_metadata_file_counts_and_a_weight_does_not(
    base: BaseFiles, tmp_path: Path, format: str, metadata: str
):
    for name in (metadata, "other.jsonl"):
        text = '{"audio": "x.wav", "file_name": "x.wav", "text": "t"}\n'
        (tmp_path / name).write_text(text, encoding="utf-8")
    data = {"name": "a", "path": tmp_path, "format": format, "metadata": metadata}
    others = ({**data, "weight": 3.0}, {**data, "metadata": "other.jsonl"})
    before, heavier, other = (data_inputs(declare(base.folder, [each], tmp_path / "run")) for each in (data, *others))
    assert changed_inputs(before, heavier) == []
    assert changed_inputs(before, other) == ["settings"]


def test_a_project_that_was_moved_has_the_same_data(base: BaseFiles, tmp_path: Path) -> None:
    """What lies in the project counts from there; so do the paths of the kept clips."""
    old, new = tmp_path / "old", tmp_path / "new"
    write_ljspeech(old / "data", 4)
    before = data_inputs(in_project(old, base))
    clip = ClipRecord("one", "a", old / "data/wavs/clip001.wav", "A.", "anna", "en", 1.0, "0" * 64, "train", 3)
    outside = replace(clip, id="two", audio=tmp_path / "elsewhere.wav")
    write_clips(old / "run" / "trial" / "clips.jsonl", [clip, outside])
    old.rename(new)
    assert data_inputs(in_project(new, base)) == before and changes_since(in_project(new, base), before) == []
    found = read_clips(new / "run" / "trial" / "clips.jsonl")
    assert [each.audio for each in found] == [new / "data/wavs/clip001.wav", tmp_path / "elsewhere.wav"]


def test_runs_that_recorded_whole_paths_are_up_to_date_where_they_are(base: BaseFiles, tmp_path: Path) -> None:
    folder = write_ljspeech(tmp_path / "data", 4)
    declaration = in_project(tmp_path, base)
    recorded = data_inputs(declaration, wherever=False)
    assert recorded != data_inputs(declaration) and changes_since(declaration, recorded) == []
    later(folder / "wavs" / "clip001.wav")
    assert changes_since(declaration, recorded) == ["a: audio"]


def in_project(folder: Path, base: BaseFiles) -> Declaration:
    datasets = [{"name": "a", "path": folder / "data", "format": "ljspeech"}]
    return replace(declare(base.folder, datasets, folder / "run" / "trial"), file=folder / "pipeline.yaml")


def test_a_change_of_the_number_of_clips_is_told_with_both_numbers() -> None:
    before = {"clips": 60, "dropped": 5}
    assert more_words(before, 66) == "1 clip more than before (65 -> 66)"
    assert more_words(before, 63) == "2 clips fewer than before (65 -> 63)"
    assert more_words(before, 65) == "" and more_words({}, 65) == ""
