"""The same recordings written down in each format are prepared alike, and what is wrong with them is named."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.data.data_samples import CountingEncoder, LetterTokenizer, declare, run_folder, silent_progress, write_sound
from xtts_finetune.data.prepare import prepare
from xtts_finetune.errors import UserError
from xtts_finetune.pipeline.plan.plan import make_plan
from xtts_finetune.records.clips import DropReason, read_clips, read_dropped
from xtts_finetune.spec.formats import FORMATS
from xtts_finetune.xtts.base import BaseFiles

TEXTS = ("Azt mondta: \"Igen,\" és 'ment'.", "Árvíztűrő, tükörfúrógép!", "Három; négy.", "Öt.")
GONE = "Ennek nincs hangja."


def as_ljspeech(folder: Path, texts: dict[str, str]) -> Path:
    lines = [f"{name}|{text}" for name, text in texts.items()]
    (folder / "metadata.csv").write_text("\n".join(lines), encoding="utf-8")
    return folder / "wavs"


def as_coqui(folder: Path, texts: dict[str, str]) -> Path:
    lines = [f"sounds\\{name}.wav|{text}" for name, text in texts.items()]
    (folder / "metadata.csv").write_text("audio_file|text\n" + "\n".join(lines), encoding="utf-8")
    return folder / "sounds"


def as_folder(folder: Path, texts: dict[str, str]) -> Path:
    for name, text in texts.items():
        (folder / f"{name}.txt").write_text(text, encoding="utf-8")
    return folder


def as_common_voice(folder: Path, texts: dict[str, str]) -> Path:
    lines = [f"c\t{name}.wav\t{text}\thu\t" for name, text in texts.items()]
    header = "client_id\tpath\tsentence\tlocale\tsegment\n"
    (folder / "validated.tsv").write_text(header + "\n".join(lines), encoding="utf-8")
    return folder / "clips"


def as_jsonl(folder: Path, texts: dict[str, str]) -> Path:
    lines = [json.dumps({"audio": f"{name}.wav", "text": text, "lang": "hu-HU"}) for name, text in texts.items()]
    (folder / "metadata.jsonl").write_text("\n".join(lines), encoding="utf-8")
    return folder


def as_audiofolder(folder: Path, texts: dict[str, str]) -> Path:
    with (folder / "metadata.csv").open("w", encoding="utf-8-sig", newline="") as file:
        rows = [(f"{name}.wav", text) for name, text in texts.items()]
        csv.writer(file).writerows([("file_name", "transcription"), *rows])
    return folder


def as_table(folder: Path, texts: dict[str, str]) -> Path:
    lines = [f"{name}.wav;valaki;{text}" for name, text in texts.items()]
    (folder / "metadata.csv").write_text("\n".join(lines), encoding="utf-8")
    return folder


WRITERS: dict[str, Callable[[Path, dict[str, str]], Path]] = {
    "ljspeech": as_ljspeech,
    "coqui": as_coqui,
    "folder": as_folder,
    "common_voice": as_common_voice,
    "jsonl": as_jsonl,
    "audiofolder": as_audiofolder,
    "table": as_table,
}


@pytest.mark.parametrize("format", [format for format in FORMATS if format != "parquet"])
def test_the_same_recordings_are_prepared_alike(tmp_path: Path, tiny_base: BaseFiles, format: str) -> None:
    folder = tmp_path / "az én hangom"
    folder.mkdir()
    texts = {f"felvétel {number}": text for number, text in enumerate(TEXTS)}
    sounds = WRITERS[format](folder, {**texts, "nincs": GONE})
    for number, name in enumerate(texts):
        write_sound(sounds / f"{name}.wav", 0.7, number)
    data: dict[str, Any] = {"name": "a", "path": folder, "format": format, "language": "hu"}
    declaration = declare(tiny_base.folder, [data], tmp_path / "run")
    run = run_folder(declaration)
    summary = prepare(declaration, LetterTokenizer(), CountingEncoder(), run, silent_progress)
    clips = read_clips(run.clips)
    assert [(clip.text, clip.language) for clip in clips] == [(text, "hu") for text in TEXTS]
    assert [clip.audio for clip in clips] == [sounds / f"{name}.wav" for name in texts]
    assert (summary.clips, summary.dropped) == (4, 1)
    (dropped,) = read_dropped(run.dropped)
    # A folder knows from its files alone that the sound is not there.
    reason = DropReason.BAD_LINE if format == "folder" else DropReason.MISSING_FILE
    assert dropped.reason is reason
    assert dropped.file.is_file() and dropped.file.is_relative_to(folder)
    lines = dropped.file.read_text(encoding="utf-8").splitlines()
    assert "nincs" in lines[dropped.line - 1] or dropped.file.stem == "nincs"


def test_a_wrong_format_is_said_by_the_plan_already(tmp_path: Path, tiny_base: BaseFiles) -> None:
    as_coqui(tmp_path, {"a": "t"})
    data = {"name": "a", "path": tmp_path, "format": "ljspeech"}
    with pytest.raises(UserError, match="looks like 'coqui'"):
        make_plan(declare(tiny_base.folder, [data], tmp_path / "run"))
