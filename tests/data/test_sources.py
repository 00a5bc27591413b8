from __future__ import annotations

import os
from pathlib import Path

import pytest

from xtts_finetune.data.findings import Measures
from xtts_finetune.data.sources import Source, Sources, stamp_of

MEASURES = Measures(-21.5, 0.1, 0.25, 0.0, 0.00012, 0.14)
KNOWN = Source("ab" * 32, 22_050, MEASURES)
OTHER = Source("cd" * 32, 1, MEASURES)


@pytest.fixture
def audio(tmp_path: Path) -> Path:
    file = tmp_path / "hang fájl.wav"
    file.write_bytes(b"sound")
    return file


def remembered(tmp_path: Path, audio: Path) -> Path:
    index = tmp_path / "cache" / "sources.jsonl"
    with Sources(index) as sources:
        assert sources.get(stamp_of(audio)) is None
        sources.keep(stamp_of(audio), KNOWN)
    return index


def test_remembers_from_run_to_run(tmp_path: Path, audio: Path):
    index = remembered(tmp_path, audio)
    with Sources(index) as sources:
        assert sources.get(stamp_of(audio)) == KNOWN


@pytest.mark.parametrize("change", ["content", "time"])
def test_forgets_a_file_that_changed(tmp_path: Path, audio: Path, change: str):
    index = remembered(tmp_path, audio)
    status = audio.stat()
    if change == "content":
        audio.write_bytes(b"another sound")
    os.utime(audio, ns=(status.st_atime_ns, status.st_mtime_ns + (1 if change == "time" else 0)))
    with Sources(index) as sources:
        assert sources.get(stamp_of(audio)) is None


def test_a_line_cut_off_by_a_kill_spoils_neither_what_is_before_nor_what_comes_after(tmp_path: Path, audio: Path):
    index = remembered(tmp_path, audio)
    with index.open("a", encoding="utf-8") as file:
        file.write('["/some/where", 12, 3')
    other = tmp_path / "b.wav"
    other.touch()
    with Sources(index) as sources:
        sources.keep(stamp_of(other), OTHER)
    with Sources(index) as sources:
        assert sources.get(stamp_of(audio)) == KNOWN
        assert sources.get(stamp_of(other)) == OTHER


def test_tidying_keeps_what_this_run_asked_for(tmp_path: Path, audio: Path):
    index = remembered(tmp_path, audio)
    other = tmp_path / "b.wav"
    other.touch()
    with Sources(index) as sources:
        sources.keep(stamp_of(other), KNOWN)
        sources.tidy()
    assert len(index.read_text(encoding="utf-8").splitlines()) == 1
    with Sources(index) as sources:
        assert sources.get(stamp_of(audio)) is None
        assert sources.get(stamp_of(other)) == KNOWN


def test_each_of_many_files_has_its_own_sound_also_after_a_kill(tmp_path: Path):
    index = tmp_path / "cache" / "sources.jsonl"
    stamps = [(f"clip {number}.wav", number, 10**18 + number) for number in range(2_000)]
    known = [Source(f"{number:064x}", number, MEASURES) for number in range(2_000)]
    with Sources(index) as sources:
        for stamp, source in zip(stamps, known, strict=True):
            sources.keep(stamp, source)
    with Sources(index) as sources:
        assert [sources.get(stamp) for stamp in stamps] == known
        assert sources.get(("clip 5.wav", 6, 10**18 + 5)) is None


@pytest.mark.parametrize(
    "line",
    [
        "",
        "null",
        "17",
        '{"a": 1}',
        "[3]",
        '[2, "a.wav", 1, 1, "{sha}", 9, 0, 0, 0, 0, 0, 0]',
        '[3, "a.wav", 1, 1, "abcd", 9, 0, 0, 0, 0, 0, 0]',
        '[3, "a.wav", 1, 1, "{no hexadecimal digits}", 9, 0, 0, 0, 0, 0, 0]',
        '[3, "a.wav", 1, 1, 5, 9, 0, 0, 0, 0, 0, 0]',
        '[3, "a.wav", 1, 1, "{sha}", 9.5, 0, 0, 0, 0, 0, 0]',
        '[3, "a.wav", 1, 1, "{sha}", 9, 0, 0, 0, 0, 0]',
        '[3, "a.wav", 1, 1, "{sha}", 9, 0, 0, 0, 0, 0, "b"]',
        '[3, "a.wav", Infinity, 1, "{sha}", 9, 0, 0, 0, 0, 0, 0]',
        '[3, "a.wav", 1, 1, "{sha}", 1000000000000000000000, 0, 0, 0, 0, 0, 0]',
    ],
)
def test_a_damaged_line_is_a_file_that_is_not_known(tmp_path: Path, line: str):
    index = tmp_path / "sources.jsonl"
    whole = '[3, "b.wav", 1, 1, "{sha}", 9, 0, 0, 0, 0, 0, 0]'
    written = "\n".join([line, whole, line]).replace("{sha}", "ab" * 32)
    index.write_text(written.replace("{no hexadecimal digits}", "no" * 32) + "\n", encoding="utf-8")
    with Sources(index) as sources:
        assert sources.get(("a.wav", 1, 1)) is None
        assert sources.get(("b.wav", 1, 1)) == Source("ab" * 32, 9, Measures(0, 0, 0, 0, 0, 0))
