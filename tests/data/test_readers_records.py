"""Lines that are no clip in each of the newer formats: named with file and line, and the rest is read."""

from __future__ import annotations

import os
import sys
import unicodedata
from pathlib import Path

import pytest

from xtts_finetune.data.readers import RawClip, Unreadable, read_dataset
from xtts_finetune.errors import UserError
from xtts_finetune.spec.pipeline import DatasetSpec

TSV = "client_id\tpath\tsentence\tup_votes\tlocale\tsegment\n"


def read(folder: Path, format: str, **files: str) -> list[RawClip | Unreadable]:
    for name, content in files.items():
        (folder / name.replace("_", ".")).write_text(content, encoding="utf-8")
    return list(read_dataset(DatasetSpec(name="d", path=folder, format=format), "hu"))


def touch(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    return path


@pytest.mark.parametrize(
    "line, problem",
    [
        (
            "c\ta.mp3\tAzt\tmondta\t2\thu\t",
            "expected 6 columns separated by a tab but got 7 columns; take the",
        ),
        ("c\ta.mp3\tAzt\t2\thu", "expected 6 columns separated by a tab but got 5 columns"),
        ("c\t\tAzt\t2\thu\t", "expected the name of a sound in column 2"),
    ],
)
def test_common_voice_names_a_line_with_other_columns(tmp_path: Path, line: str, problem: str) -> None:
    lines = f"{TSV}c\ta.mp3\tEgy\t2\thu\t\n{line}\nc\tb.mp3\tKettő\t2\thu\t\n"
    good, bad, after = read(tmp_path, "common_voice", validated_tsv=lines)
    assert isinstance(bad, Unreadable)
    assert (bad.file, bad.line) == (tmp_path / "validated.tsv", 3)
    assert problem in bad.problem
    assert (good.text, after.text) == ("Egy", "Kettő")


def test_common_voice_finds_a_clip_whose_ending_is_left_out(tmp_path: Path) -> None:
    sound = touch(tmp_path / "clips" / "v1.2.mp3")
    (clip,) = read(tmp_path, "common_voice", validated_tsv="path\tsentence\nv1.2\tt\n")
    assert clip.audio == sound


def test_common_voice_takes_quotes_as_text(tmp_path: Path) -> None:
    (first, second) = read(tmp_path, "common_voice", validated_tsv='path\tsentence\na\t"Igen\nb\tNem"\n')
    assert (first.text, second.text) == ('"Igen', 'Nem"')


def test_common_voice_without_a_header_is_one_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"validated\.tsv:1: expected a header with 'path' and 'sentence'"):
        read(tmp_path, "common_voice", validated_tsv="a.mp3\tszöveg\n")


@pytest.mark.parametrize(
    "line, problem",
    [
        ('{"audio": "a.wav", "text": "t"', "not JSON: Expecting ',' delimiter at character 31"),
        ("a.wav|text", "not JSON"),
        ('["a.wav", "t"]', "expected a JSON object"),
        ("7", "expected a JSON object"),
        ("[" * 100_000, "not JSON"),
        ('{"audio": "a.wav", "n": ' + "9" * 5000 + "}", "not JSON"),
        ('{"audio": "a.wav"}', "expected text or transcript or sentence but got audio"),
        ('{"text": "t"}', "expected audio or audio_file or audio_filepath or path but got text"),
        ("{}", "but got nothing"),
        ('{"audio": "a.wav", "text": null}', "expected text"),
        ('{"audio": "a.wav", "text": 7}', "text: expected text in quotes but got 7"),
        ('{"audio": {"path": "a.wav"}, "text": "t"}', "audio: expected text in quotes but got {"),
        ('{"audio": "a.wav", "text": "t", "speaker": true}', "speaker: expected text"),
        ('{"audio": "a.wav", "text": "\\ud83d"}', "text: it holds half of a character"),
        ('{"audio": "\\udcff.wav", "text": "t"}', "audio: it holds half of a character"),
        ('{"audio": "  ", "text": "t"}', "names no file"),
        ('{"audio": "a.wav", "text": "t", "offset": 3.5}', "the part of a.wav from 3.5 s on; cut the recording"),
    ],
)
def test_json_lines_that_are_no_clip(tmp_path: Path, line: str, problem: str) -> None:
    right = '{"audio": "b.wav", "text": "Kettő", "duration": 1.0, "offset": 0.0}'
    good, bad, after = read(tmp_path, "jsonl", metadata_jsonl=f"{right}\n{line}\n{right}\n")
    assert isinstance(bad, Unreadable)
    assert (bad.file, bad.line) == (tmp_path / "metadata.jsonl", 2)
    assert problem in bad.problem
    bad.content.encode("utf-8")
    assert (good.text, after.text) == ("Kettő", "Kettő")


def test_one_json_list_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    lines = '\n[\n {"audio": "a.wav",\n  "text": "Egy"},\n "x", {"audio": "b.wav", "text": "Kettő"},\n {"audio": '
    first, odd, second, end = read(tmp_path, "jsonl", metadata_jsonl=lines)
    assert [(clip.text, clip.line) for clip in (first, second)] == [("Egy", 3), ("Kettő", 5)]
    assert (odd.problem, odd.line) == ("expected a JSON object, as {...}", 5)
    assert ("cannot be read from here on" in end.problem, end.line) == (True, 6)


def test_audiofolder_reads_quotes_commas_and_line_breaks(tmp_path: Path) -> None:
    lines = 'text,file_name\n"Azt mondta: ""Igen,""\nés ment.",a.wav\nKettő,b.wav\n'
    first, second = read(tmp_path, "audiofolder", metadata_csv=lines)
    assert (first.text, first.line) == ('Azt mondta: "Igen," és ment.', 2)
    assert (second.text, second.line) == ("Kettő", 4)


@pytest.mark.parametrize(
    "line, problem, number",
    [
        ("b.wav,one, two", "expected 2 columns but got 3; a text with a comma", 3),
        ("b.wav", "expected 2 columns but got 1", 3),
        (",one", "expected the name of a sound in column 1", 3),
        ('b.wav,"one', "not CSV", 3),
        ('b.wav,"one" two', "not CSV", 3),
    ],
)
def test_a_bad_record_of_csv_costs_itself_alone(tmp_path: Path, line: str, problem: str, number: int) -> None:
    lines = f'file_name,text\na.wav,"Egy, egy"\n{line}\nc.wav,"Három, három"\n'
    good, bad, after = read(tmp_path, "audiofolder", metadata_csv=lines)
    assert isinstance(bad, Unreadable)
    assert (bad.file, bad.line) == (tmp_path / "metadata.csv", number)
    assert problem in bad.problem
    assert (good.text, after.text, after.line) == ("Egy, egy", "Három, három", 4)


def test_an_open_quote_at_the_end_swallows_nothing(tmp_path: Path) -> None:
    lines = 'file_name,text\na.wav,"one\nb.wav,two\nc.wav,three\n'
    bad, *rest = read(tmp_path, "audiofolder", metadata_csv=lines)
    assert isinstance(bad, Unreadable)
    assert [clip.text for clip in rest] == ["two", "three"]


def test_audiofolder_without_a_header_is_one_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"metadata\.csv:1: expected a header with 'file_name'"):
        read(tmp_path, "audiofolder", metadata_csv="a.wav,szöveg\n")


def test_a_folder_pairs_sounds_and_texts_in_sub_folders_too(tmp_path: Path) -> None:
    for name, text in (("b.wav", "kettő\n"), ("első rész/a.v1.FLAC", "\ufeffegy,\r\negy\r\n")):
        touch(tmp_path / name).with_suffix(".txt").write_text(text, encoding="utf-8", newline="")
    first, second = read(tmp_path, "folder")
    assert (first.id, first.text, first.line) == ("b", "kettő", 1)
    assert (second.id, second.text) == ("első rész/a.v1", "egy, egy")
    assert (first.file, second.audio) == (tmp_path / "b.txt", tmp_path / "első rész" / "a.v1.FLAC")


def test_what_stands_alone_in_a_folder_is_named(tmp_path: Path) -> None:
    touch(tmp_path / "no text.wav")
    touch(tmp_path / "no sound.txt")
    touch(tmp_path / "a.wav").with_suffix(".txt").write_text("t", encoding="utf-8")
    touch(tmp_path / "a.flac")
    touch(tmp_path / "a.TXT")
    found = {clip.content: clip for clip in read(tmp_path, "folder") if isinstance(clip, Unreadable)}
    assert found["no text.wav"].problem == "there is no no text.txt with its text"
    assert found["no text.wav"].file == tmp_path / "no text.wav"
    assert "there is no no sound.wav or other sound" in found["no sound.txt"].problem
    assert "the text of a.wav would count twice" in found["a.flac"].problem
    # Where letter case does not count in file names, a.TXT is a.txt.
    assert len(found) == (3 if (tmp_path / "A.txt").exists() else 4)


def test_texts_in_other_encodings_are_read_as_what_they_are(tmp_path: Path) -> None:
    texts = ("Jó estét kívánok, őszinte üdvözlettel.", "Fűzfa és tűzfal.", "Egy szép nap.", "Három út.")
    for name, text, encoding in zip("abcd", texts, ("cp1250", "cp1250", "utf-16", "utf-8"), strict=True):
        touch(tmp_path / f"{name}.wav").with_suffix(".txt").write_bytes(text.encode(encoding))
    assert [clip.text for clip in read(tmp_path, "folder")] == list(texts)


def test_a_text_in_no_encoding_costs_its_clip_alone(tmp_path: Path) -> None:
    touch(tmp_path / "a.wav").with_suffix(".txt").write_bytes(b"egy\nt\x81\x8d\xffk\x9d\x98\x8f")
    touch(tmp_path / "b.wav").with_suffix(".txt").write_bytes(b"t")
    bad, good = read(tmp_path, "folder")
    assert isinstance(bad, Unreadable)
    assert "byte 2 of the line is not UTF-8" in bad.problem
    assert (bad.file, bad.line, good.text) == (tmp_path / "a.txt", 2, "t")


def test_a_sound_that_cannot_be_read_is_left_to_the_audit_not_forgotten(tmp_path: Path) -> None:
    touch(tmp_path / "a.m4a").with_suffix(".txt").write_bytes(b"t")
    assert [clip.audio.name for clip in read(tmp_path, "folder")] == ["a.m4a"]


def test_hidden_files_and_circles_of_links_do_no_harm(tmp_path: Path) -> None:
    touch(tmp_path / "in" / "a.wav").with_suffix(".txt").write_bytes(b"t")
    touch(tmp_path / "in" / "._a.wav")
    touch(tmp_path / ".cache" / "b.wav")
    touch(tmp_path / "notes.pdf")
    try:
        (tmp_path / "in" / "circle").symlink_to(tmp_path, target_is_directory=True)
    except OSError:
        pytest.skip("links cannot be made here")
    assert [clip.id for clip in read(tmp_path, "folder")] == ["in/a"]


def test_files_copied_from_a_mac_still_belong_together(tmp_path: Path) -> None:
    touch(tmp_path / (unicodedata.normalize("NFC", "tűz") + ".wav"))
    (tmp_path / (unicodedata.normalize("NFD", "tűz") + ".txt")).write_bytes(b"t")
    (clip,) = read(tmp_path, "folder")
    assert (clip.id, clip.text) == (unicodedata.normalize("NFC", "tűz"), "t")


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has file names that are no Unicode")
def test_a_file_name_that_is_no_unicode_is_named_so_that_it_can_be_written_down(tmp_path: Path) -> None:
    name = os.fsencode(tmp_path) + b"/t\xfcz"
    for ending in (b".wav", b".txt"):
        with open(name + ending, "wb"):  # noqa: PTH123 - pathlib takes no bytes
            pass
    touch(tmp_path / "a.wav").with_suffix(".txt").write_bytes(b"t")
    good, *bad = read(tmp_path, "folder")
    assert good.id == "a"
    assert [clip.problem for clip in bad] == ["the name of the file or of its folder is not UTF-8; rename it"] * 2
    assert {f"{clip.content} {clip.file}".encode() for clip in bad}


def test_a_folder_without_a_single_pair_is_one_error(tmp_path: Path) -> None:
    touch(tmp_path / "wavs" / "a.wav")
    with pytest.raises(UserError, match=r"no sound with its text next to it.*; it has metadata\.csv, as the"):
        read(tmp_path, "folder", metadata_csv="a|t")
