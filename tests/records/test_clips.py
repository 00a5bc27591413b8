from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from xtts_finetune.errors import UserError
from xtts_finetune.records.clips import (
    ClipRecord,
    ClipWarning,
    DroppedClip,
    DropReason,
    WarningKind,
    read_clips,
    read_dropped,
    write_clips,
    write_dropped,
)

NASTY = 'Ő azt mondta: "igen",\u2028\u0085\x0bés\r ment | \\ el.'
TRAIN = ClipRecord("a", "d", Path("/x y/ő.wav"), NASTY, "s", "hu", 1.25, "ab" * 32, "train", 17)
WARNINGS = tuple(ClipWarning(kind, f"{NASTY} 1.5", 1.25) for kind in WarningKind)
ODD = replace(TRAIN, normalised="ő", file=Path("/x y/metadata.csv"), line=7, warnings=WARNINGS)
EVAL = ClipRecord("b", "d", Path("b.wav"), "text", "s", "hu", 2.0, "cd" * 32, "eval", 3)
DROPPED = DroppedClip("c", "d", "c.wav", NASTY, DropReason.TOO_LONG, "12.00 s", Path("metadata.csv"), 3)


def test_clips_come_back(tmp_path: Path):
    write_clips(tmp_path / "clips.jsonl", [TRAIN, ODD, EVAL])
    assert read_clips(tmp_path / "clips.jsonl") == [TRAIN, ODD, EVAL]
    assert read_clips(tmp_path / "clips.jsonl", "train") == [TRAIN, ODD]
    assert read_clips(tmp_path / "clips.jsonl", "eval") == [EVAL]


def test_a_record_of_an_earlier_version_is_read_with_its_old_words(tmp_path: Path):
    write_clips(tmp_path / "clips.jsonl", [ODD])
    text = (tmp_path / "clips.jsonl").read_text(encoding="utf-8")
    older = text.replace(WarningKind.PACE.value, "odd number of characters a second")
    assert older != text
    (tmp_path / "clips.jsonl").write_text(older, encoding="utf-8", newline="\n")
    assert read_clips(tmp_path / "clips.jsonl") == [ODD]


@pytest.mark.parametrize("reason", DropReason)
def test_dropped_clips_come_back_and_say_why_in_words(tmp_path: Path, reason: DropReason):
    dropped = DroppedClip("c", "d", "c.wav", NASTY, reason, "found", Path("metadata.csv"), 3)
    write_dropped(tmp_path / "dropped.jsonl", [dropped, DROPPED])
    assert read_dropped(tmp_path / "dropped.jsonl") == [dropped, DROPPED]
    assert reason.value in (tmp_path / "dropped.jsonl").read_text(encoding="utf-8")


def test_nothing_dropped_is_an_empty_file(tmp_path: Path):
    write_dropped(tmp_path / "dropped.jsonl", [])
    assert read_dropped(tmp_path / "dropped.jsonl") == []


def test_a_missing_file_says_what_to_do(tmp_path: Path):
    with pytest.raises(UserError, match="prepare"):
        read_clips(tmp_path / "clips.jsonl")


@pytest.mark.parametrize("damage", ["{", "[]", "{}", '{"id": 1}'])
def test_damage_is_named_with_its_line(tmp_path: Path, damage: str):
    file = tmp_path / "clips.jsonl"
    write_clips(file, [TRAIN])
    with file.open("a", encoding="utf-8") as end:
        end.write(damage + "\n")
    for read in (read_clips, read_dropped):
        with pytest.raises(UserError, match=r"clips\.jsonl:" + ("2" if read is read_clips else "1")):
            read(file)
