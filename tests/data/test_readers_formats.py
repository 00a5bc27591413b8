"""What all formats have in common: any text survives, every finding has its place, paths may be awkward."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import unicodedata
from collections.abc import Callable, Sequence
from pathlib import Path, PureWindowsPath

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from xtts_finetune.data.readers import RawClip, Unreadable, read_dataset
from xtts_finetune.errors import UserError
from xtts_finetune.spec.formats import FORMATS, METADATA, Format
from xtts_finetune.spec.pipeline import DatasetSpec

HU = "Azt mondta: \"Igen,\" 'és' ment; árvíztűrő."
# No halves of characters, which UTF-8 lacks.
ANY = st.characters(exclude_categories=["Cs"])
LINE_ENDS = "\r\n"


def as_lines(separator: str, header: str = "") -> Callable[[Sequence[tuple[str, str]]], str]:
    return lambda clips: header + "".join(f"{name}{separator}{text}\n" for name, text in clips)


def as_json(audio: str, text: str) -> Callable[[Sequence[tuple[str, str]]], str]:
    return lambda clips: "".join(
        json.dumps({audio: name, text: said}, ensure_ascii=number % 2 == 0) + "\n"
        for number, (name, said) in enumerate(clips)
    )


def as_csv(clips: Sequence[tuple[str, str]]) -> str:
    file = io.StringIO(newline="")
    # The usual "\r\n" line ends: with others Python leaves a lone "\r" of a text without quotes.
    writer = csv.writer(file)
    writer.writerows([("file_name", "text"), *clips])
    return file.getvalue()


# How people write each format: its file, how, and which characters a text cannot hold then.
WRITTEN: dict[str, tuple[Format, str, Callable[[Sequence[tuple[str, str]]], str], str]] = {
    "ljspeech": ("ljspeech", "metadata.csv", as_lines("|"), "|" + LINE_ENDS),
    "coqui": ("coqui", "metadata.csv", as_lines("|"), "|" + LINE_ENDS),
    "coqui header": ("coqui", "metadata.csv", as_lines("|", "audio_file|text\n"), "|" + LINE_ENDS),
    "common_voice": (
        "common_voice",
        "validated.tsv",
        as_lines("\t", "path\tsentence\n"),
        "\t" + LINE_ENDS,
    ),
    "jsonl": ("jsonl", "metadata.jsonl", as_json("audio", "text"), ""),
    # Python before 3.11 reads no NUL in a CSV file.
    "audiofolder csv": ("audiofolder", "metadata.csv", as_csv, "\0"),
    "audiofolder jsonl": ("audiofolder", "metadata.jsonl", as_json("file_name", "transcription"), ""),
}


def read(folder: Path, format: str, **more: str) -> list[RawClip | Unreadable]:
    return list(read_dataset(DatasetSpec(name="d", path=folder, format=format, **more), "hu"))


def write(folder: Path, how: str, clips: Sequence[tuple[str, str]]) -> Path:
    """The clips in a metadata file."""
    _, name, written, _ = WRITTEN[how]
    (folder / name).write_bytes(written(clips).encode())
    return folder / name


def touch(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    return path


def seen(text: str) -> str:
    """A text as a clip has it: composed, stripped, in one line."""
    return re.sub(r"\s*[\r\n]+\s*", " ", unicodedata.normalize("NFC", text).strip())


@pytest.mark.parametrize("how", WRITTEN)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(data=st.data())
def test_any_text_survives_writing_and_reading(tmp_path: Path, how: str, data: st.DataObject) -> None:
    format, _, _, never = WRITTEN[how]
    alphabet = ANY.filter(lambda character: character not in never)
    texts = data.draw(st.lists(st.text(alphabet).filter(str.strip), min_size=1, max_size=4))
    write(tmp_path, how, [(f"c{number}.wav", text) for number, text in enumerate(texts)])
    assert [clip.text for clip in read(tmp_path, format)] == [seen(text) for text in texts]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(text=st.text(ANY).filter(lambda text: text.strip() and not text.startswith("\ufeff")))
def test_any_text_survives_in_a_folder(tmp_path: Path, text: str) -> None:
    (touch(tmp_path / "a.wav").with_suffix(".txt")).write_bytes(text.encode())
    assert [clip.text for clip in read(tmp_path, "folder")] == [seen(text)]


@pytest.mark.parametrize("how", WRITTEN)
def test_texts_are_composed_as_the_vocabulary_has_its_letters(tmp_path: Path, how: str) -> None:
    write(tmp_path, how, [("a", unicodedata.normalize("NFD", "Tűz, őz"))])
    assert read(tmp_path, WRITTEN[how][0])[0].text == unicodedata.normalize("NFC", "Tűz, őz")


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"], ids=["plain", "BOM"])
@pytest.mark.parametrize("end", [b"\n", b"\r\n"], ids=["LF", "CRLF"])
@pytest.mark.parametrize("how", WRITTEN)
def test_marks_line_ends_and_blank_lines_leave_no_trace(tmp_path: Path, how: str, end: bytes, mark: bytes) -> None:
    file = write(tmp_path, how, [("első.wav", HU), ("b.wav", "két szó")])
    head, last = file.read_bytes().replace(b"\r\n", b"\n").rstrip(b"\n").rsplit(b"\n", 1)
    lines = [*head.split(b"\n"), b"", last]
    file.write_bytes(mark + end.join(lines) + end)
    clips = read(tmp_path, WRITTEN[how][0])
    assert [(clip.text, clip.line) for clip in clips] == [(HU, len(lines) - 2), ("két szó", len(lines))]
    assert clips[0].id.removesuffix(".wav") == "első"


@pytest.mark.parametrize("how", WRITTEN)
def test_a_line_that_is_not_utf_8_is_named_and_the_rest_is_read(tmp_path: Path, how: str) -> None:
    file = write(tmp_path, how, [("a.wav", "egy ő"), ("b.wav", "tXkör"), ("c.wav", "három"), ("d.wav", "négy")])
    file.write_bytes(file.read_bytes().replace(b"tX", b"t\xfc"))
    good, bad, after, _ = read(tmp_path, WRITTEN[how][0])
    assert isinstance(bad, Unreadable)
    assert (bad.file, bad.line) == (file, after.line - 1)
    assert "is not UTF-8; save the file as UTF-8" in bad.problem
    assert "t\\xfck" in bad.content
    assert (good.text, after.text) == ("egy ő", "három")


@pytest.mark.parametrize("how", WRITTEN)
def test_paths_with_spaces_and_accents_relative_absolute_or_from_windows(tmp_path: Path, how: str) -> None:
    format, home = WRITTEN[how][0], "clips" if how == "common_voice" else "wavs" if how == "ljspeech" else ""
    sounds = [
        touch(tmp_path / home / "my clip őz.wav"),
        touch(tmp_path / home / "al mappa" / "b.wav"),
        touch(tmp_path.parent / f"{tmp_path.name} elsewhere" / "c.wav"),
        touch(tmp_path / home / unicodedata.normalize("NFD", "tűz.wav")),
    ]
    names = ["my clip őz.wav", str(PureWindowsPath("al mappa/b.wav")), str(sounds[2]), "tűz.wav"]
    write(tmp_path, how, [(name, "t") for name in names])
    clips = read(tmp_path, format)
    assert [clip.audio for clip in clips[:3]] == sounds[:3]
    assert clips[3].audio.samefile(sounds[3])


@pytest.mark.parametrize("how", WRITTEN)
@pytest.mark.parametrize("name", ["x" * 5000, "a\0b", "..", "\\", "/", "."])
def test_a_name_that_no_file_can_have_breaks_nothing(tmp_path: Path, how: str, name: str) -> None:
    write(tmp_path, how, [(name, "t"), ("b.wav", "t")])
    first, second = read(tmp_path, WRITTEN[how][0])
    assert isinstance(first, Unreadable) or not os.path.isfile(first.audio)  # noqa: PTH113 - raises nothing
    assert second.id.removesuffix(".wav") == "b"


@pytest.mark.parametrize("how", WRITTEN)
def test_a_missing_sound_is_a_clip_whose_file_the_audit_can_name(tmp_path: Path, how: str) -> None:
    write(tmp_path, how, [("gone.wav", "t")])
    (clip,) = read(tmp_path, WRITTEN[how][0])
    assert clip.audio.name == "gone.wav"
    assert clip.audio.is_relative_to(tmp_path)


@pytest.mark.parametrize("how", WRITTEN)
def test_an_empty_text_is_left_to_the_audit(tmp_path: Path, how: str) -> None:
    write(tmp_path, how, [("a.wav", ""), ("b.wav", "t")])
    assert [clip.text for clip in read(tmp_path, WRITTEN[how][0])] == ["", "t"]


@pytest.mark.parametrize("how", WRITTEN)
def test_without_a_line_there_is_no_clip(tmp_path: Path, how: str) -> None:
    write(tmp_path, how, []).write_bytes(b"")
    assert read(tmp_path, WRITTEN[how][0]) == []


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-8-sig", "cp1250"])
@pytest.mark.parametrize("how", WRITTEN)
def test_other_encodings_are_read_as_what_they_are(tmp_path: Path, how: str, encoding: str) -> None:
    if encoding == "cp1250" and WRITTEN[how][1].endswith(".jsonl"):
        pytest.skip("JSON is UTF-8 by its own rules")
    clips = [("a.wav", HU), ("b.wav", "Őszi szél fúj, és zörög a fűzfa ága."), ("c.wav", "Jó estét kívánok!")]
    file = write(tmp_path, how, clips)
    file.write_bytes(file.read_text(encoding="utf-8").encode(encoding))
    assert [clip.text for clip in read(tmp_path, WRITTEN[how][0])] == [text for _, text in clips]


@pytest.mark.parametrize("how", WRITTEN)
def test_the_metadata_file_may_have_another_name_and_folder(tmp_path: Path, how: str) -> None:
    format, name, written, _ = WRITTEN[how]
    home = {"common_voice": "clips", "ljspeech": "wavs"}.get(format, ".")
    texts = touch(tmp_path / "részek" / f"train part{Path(name).suffix}")
    texts.write_text(written([("a.wav", "t"), ("b.wav", "t")]), encoding="utf-8")
    # Relative to the data set's folder, or, as a hub's data sets have it, to the metadata's.
    sounds = [touch(tmp_path / home / "a.wav"), touch(texts.parent / home / "b.wav")]
    clips = read(tmp_path, format, metadata=texts.relative_to(tmp_path).as_posix())
    assert [clip.audio for clip in clips] == sounds
    assert {clip.file for clip in clips} == {texts}


@pytest.mark.parametrize("format", FORMATS)
def test_a_missing_folder_or_metadata_is_named(tmp_path: Path, format: str) -> None:
    if usual := METADATA[format]:
        with pytest.raises(UserError, match=rf"data set 'd'.*has no {re.escape(usual[0])}"):
            read(tmp_path, format)
    with pytest.raises(UserError, match=r"data set 'd'.*no folder"):
        read(tmp_path / "none", format)


@pytest.mark.parametrize(
    "how, line, speaker, language",
    [
        ("coqui", "audio_file|text|speaker_name|language\na|t|bob|en-US\n", "bob", "en"),
        ("common_voice", "client_id\tpath\tsentence\tlocale\nbob\ta\tt\tpt-BR\n", "bob", "pt"),
        ("common_voice", "client_id\tpath\tsentence\tlocale\nbob\ta\tt\tsw\n", "bob", "sw"),
        ("jsonl", '{"path": "a", "sentence": "t", "speaker_name": "bob", "lang": "zh-CN"}', "bob", "zh-cn"),
        ("jsonl", '{"audio_filepath": "a", "transcript": "t", "speaker": 7}', "7", "de"),
        ("jsonl", '{"audio_file": "a", "text": "t", "speaker": null, "language": ""}', "anna", "de"),
        ("audiofolder csv", "file_name,text,speaker,language\na,t,bob,Hungarian\n", "bob", "hu"),
        ("audiofolder csv", "file_name,text,speaker,language\na,t,,\n", "anna", "de"),
    ],
)
def test_what_a_line_says_of_speaker_and_language_wins(
    tmp_path: Path, how: str, line: str, speaker: str, language: str
) -> None:
    (tmp_path / WRITTEN[how][1]).write_text(line, encoding="utf-8")
    (clip,) = read(tmp_path, WRITTEN[how][0], speaker="anna", language="de")
    assert (clip.speaker, clip.language) == (speaker, language)


@pytest.mark.parametrize("how", WRITTEN)
def test_without_a_word_the_data_set_then_the_pipeline_says_speaker_and_language(tmp_path: Path, how: str) -> None:
    write(tmp_path, how, [("a", "t")])
    (clip,) = read(tmp_path, WRITTEN[how][0])
    assert (clip.speaker, clip.language) == ("d", "hu")
    (clip,) = read(tmp_path, WRITTEN[how][0], speaker="anna", language="en")
    assert (clip.speaker, clip.language) == ("anna", "en")


@pytest.mark.parametrize("how", WRITTEN)
def test_a_format_that_is_not_what_lies_there_is_one_error(tmp_path: Path, how: str) -> None:
    right, name, _, _ = WRITTEN[how]
    file = write(tmp_path, how, [("a.wav", "one"), ("b.wav", "two")])
    home = {"common_voice": "clips", "ljspeech": "wavs"}.get(right, ".")
    for sound in ("a.wav", "b.wav"):
        touch(tmp_path / home / sound)
    for other in FORMATS:
        if other in (right, "folder", "parquet") or (other == "table" and not name.endswith(".jsonl")):
            continue
        with pytest.raises(UserError) as error:
            read(tmp_path, other, metadata=name)
        assert f"{file}" in str(error.value)
        assert f"looks like '{right}'" in str(error.value)
        assert f"write 'format: {right}'" in str(error.value)


def test_a_header_shows_the_format_also_where_no_sound_lies(tmp_path: Path) -> None:
    write(tmp_path, "coqui header", [("a.wav", "t")])
    with pytest.raises(UserError, match=r"looks like 'coqui': line 1 is 'audio_file\|text'"):
        read(tmp_path, "ljspeech")


def test_one_missing_sound_is_no_sign_of_another_format(tmp_path: Path) -> None:
    write(tmp_path, "ljspeech", [("gone", "t"), ("b", "t")])
    for sound in (tmp_path / "wavs" / "b.wav", tmp_path / "gone"):
        touch(sound)
    assert len(read(tmp_path, "ljspeech")) == 2


HEADERS = [
    b"",
    b"audio_file|text\n",
    b"path\tsentence\n",
    b"file_name,text\n",
    b'{"audio": "',
    b"\xef\xbb\xbf",
]
PIECES = st.sampled_from(
    [
        b"\n",
        b"\r\n",
        b"\r",
        b"|",
        b"\t",
        b",",
        b'"',
        b'""',
        b"{",
        b"}",
        b"[",
        b'"text": ',
        b"a.wav",
        b"\\",
        b"\0",
    ]
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=80)
@given(
    head=st.sampled_from(HEADERS),
    pieces=st.lists(PIECES | st.binary(max_size=6) | st.text(ANY, max_size=6).map(str.encode), max_size=30),
)
@pytest.mark.parametrize("format", [format for format in FORMATS if format != "folder"])
def test_whatever_bytes_lie_there_every_finding_has_its_place(
    tmp_path: Path, format: str, head: bytes, pieces: list[bytes]
) -> None:
    content = head + b"".join(pieces)
    file = tmp_path / f"m{'.jsonl' if content.startswith(b'{') else '.csv'}"
    file.write_bytes(content)
    try:
        found = read(tmp_path, format, metadata=file.name)
    except UserError as error:
        assert str(file) in str(error)
        return
    lines = [clip.line for clip in found]
    assert lines == sorted(set(lines)) and all(
        1 <= line <= max(map(content.count, (b"\n", b"\r"))) + 1 for line in lines
    )
    for clip in found:
        repr(clip).encode()
        assert isinstance(clip, Unreadable) or "\n" not in clip.text
