from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from xtts_finetune.data.readers import READERS, RawClip, Unreadable, read_dataset
from xtts_finetune.errors import UserError
from xtts_finetune.spec.formats import FORMATS
from xtts_finetune.spec.pipeline import DatasetSpec

LINES = ("ljspeech", "coqui")

# Anything that a line can hold: no line ends, no separators, and no halves of characters, which UTF-8 lacks.
TEXTS = st.text(st.characters(exclude_characters="\n\r|", exclude_categories=["Cs"])).filter(
    lambda text: text.strip() and not text.startswith("\ufeff")
)


def read(folder: Path, metadata: bytes | str, format: str = "ljspeech", **more: str) -> list[RawClip | Unreadable]:
    content = metadata.encode() if isinstance(metadata, str) else metadata
    (folder / "metadata.csv").write_bytes(content)
    return list(read_dataset(DatasetSpec(name="d", path=folder, format=format, **more), "hu"))


def touch(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    return path


def test_every_format_that_can_be_declared_has_a_reader():
    assert set(READERS) == set(FORMATS)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(texts=st.lists(TEXTS, min_size=1, max_size=5), format=st.sampled_from(LINES))
def test_any_text_comes_back(tmp_path: Path, texts: list[str], format: str):
    lines = [f"c{number}|{text}" for number, text in enumerate(texts)]
    clips = read(tmp_path, "\n".join(lines), format)
    assert [clip.text for clip in clips] == [unicodedata.normalize("NFC", text).strip() for text in texts]
    assert [clip.line for clip in clips] == list(range(1, len(texts) + 1))


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"], ids=["plain", "BOM"])
@pytest.mark.parametrize("end", [b"\n", b"\r\n"], ids=["LF", "CRLF"])
@pytest.mark.parametrize("format", LINES)
def test_byte_order_mark_and_line_ends_leave_no_trace(tmp_path: Path, format: str, end: bytes, mark: bytes):
    lines = ["első|Árvíztűrő tükörfúrógép.", "", 'második|Azt mondta: "Igen," és ment.']
    clips = read(tmp_path, mark + end.join(line.encode() for line in lines) + end, format)
    assert [(clip.id, clip.text, clip.line) for clip in clips] == [
        ("első", "Árvíztűrő tükörfúrógép.", 1),
        ("második", 'Azt mondta: "Igen," és ment.', 3),
    ]


@pytest.mark.parametrize("format", LINES)
def test_texts_are_composed_as_the_vocabulary_has_its_letters(tmp_path: Path, format: str):
    assert read(tmp_path, unicodedata.normalize("NFD", "a|Tűz, őz"), format)[0].text == "Tűz, őz"


def test_ljspeech_takes_the_normalised_text_where_there_is_one(tmp_path: Path):
    clips = read(tmp_path, "a|In 1840|In eighteen forty\nb|Two|\nc|Three\n")
    assert [clip.text for clip in clips] == ["In eighteen forty", "Two", "Three"]


@pytest.mark.parametrize("ending", [".wav", ".flac", ".ogg", ".WAV"])
def test_ljspeech_finds_the_audio_whatever_its_ending(tmp_path: Path, ending: str):
    audio = touch(tmp_path / "wavs" / f"v1.2 é x{ending}")
    assert [clip.audio for clip in read(tmp_path, "v1.2 é x|text")] == [audio]


def test_ljspeech_names_the_usual_file_where_there_is_none(tmp_path: Path):
    assert read(tmp_path, "a|text")[0].audio == tmp_path / "wavs" / "a.wav"


def test_an_id_may_have_the_ending_already(tmp_path: Path):
    audio = touch(tmp_path / "wavs" / "a.wav")
    assert read(tmp_path, "a.wav|text")[0].audio == audio


def test_composed_and_decomposed_accents_name_the_same_file(tmp_path: Path):
    audio = touch(tmp_path / "wavs" / (unicodedata.normalize("NFD", "őz") + ".wav"))
    clip = read(tmp_path, unicodedata.normalize("NFC", "őz") + "|text")[0]
    assert clip.audio.samefile(audio)


@pytest.mark.parametrize("header", ["audio_file|text|speaker_name\n", ""])
def test_coqui_reads_with_and_without_header(tmp_path: Path, header: str):
    audio = touch(tmp_path / "wavs" / "my clip.wav")
    (clip,) = read(tmp_path, f"{header}wavs/my clip.wav|Szöveg|anna\n", "coqui")
    assert (clip.id, clip.audio, clip.text, clip.speaker) == ("wavs/my clip", audio, "Szöveg", "anna")


def test_coqui_goes_by_the_names_in_the_header(tmp_path: Path):
    (clip,) = read(tmp_path, "text|audio_file|emotion_name|speaker_name\nHi|a.wav|glad|bob\n", "coqui")
    assert (clip.text, clip.id, clip.speaker) == ("Hi", "a", "bob")


def test_coqui_takes_absolute_and_windows_paths(tmp_path: Path):
    audio = touch(tmp_path / "elsewhere" / "a.wav")
    absolute, windows = read(tmp_path, f"{audio}|one\nelsewhere\\a.wav|two\n", "coqui")
    assert absolute.audio == windows.audio == audio


def test_coqui_keeps_files_apart_that_differ_in_folder_or_after_a_dot(tmp_path: Path):
    clips = read(tmp_path, "x/1.wav|t\ny/1.wav|t\nv1.1|t\nv1.2|t\n", "coqui")
    assert [clip.id for clip in clips] == ["x/1", "y/1", "v1.1", "v1.2"]


@pytest.mark.parametrize("format", LINES)
def test_speaker_and_language_come_from_the_declaration_where_the_line_has_none(tmp_path: Path, format: str):
    assert read(tmp_path, "a|t", format)[0].speaker == "d"
    (clip,) = read(tmp_path, "a|t", format, speaker="anna", language="en")
    assert (clip.speaker, clip.language) == ("anna", "en")
    assert read(tmp_path, "a|t", format)[0].language == "hu"


@pytest.mark.parametrize(
    "line, problem",
    [
        (b"only an id", "columns"),
        (b"a|b|c|d", "4 columns"),
        (b"|text", "expected"),
        (b"a|\xf5r\xfclt", "byte 3 of the line is not UTF-8"),
    ],
)
@pytest.mark.parametrize("format", LINES)
def test_a_bad_line_is_named_and_the_rest_is_read(tmp_path: Path, format: str, line: bytes, problem: str):
    good, bad, after = read(tmp_path, "a|egy ő\n".encode() + line + b"\nc|three\n", format)
    assert isinstance(bad, Unreadable)
    assert (bad.file, bad.line) == (tmp_path / "metadata.csv", 2)
    assert problem in bad.problem
    assert (good.text, after.text) == ("egy ő", "three")


@pytest.mark.parametrize("name", ["x" * 5000, "a\0b", "..", "\\", "/", "."])
@pytest.mark.parametrize("format", LINES)
def test_a_name_that_no_file_can_have_breaks_nothing(tmp_path: Path, format: str, name: str):
    assert len(read(tmp_path, f"{name}|text\nb|text\n", format)) == 2


@pytest.mark.parametrize("format", LINES)
def test_a_missing_folder_or_metadata_is_named(tmp_path: Path, format: str):
    with pytest.raises(UserError, match=r"data set 'd'.*metadata\.csv"):
        list(read_dataset(DatasetSpec(name="d", path=tmp_path, format=format), "hu"))
    with pytest.raises(UserError, match=r"data set 'd'.*no folder"):
        list(read_dataset(DatasetSpec(name="d", path=tmp_path / "none", format=format), "hu"))
