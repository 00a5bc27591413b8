"""What `init` takes of several lists, what it says of the others, and what it says where nothing can be read."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from testbed.layouts import ENGLISH, Clip, clips_at, sound_files, stem, write
from xtts_finetune.data.readers import RawClip, Unreadable, read_dataset
from xtts_finetune.errors import UserError
from xtts_finetune.setup.data_sets import find_data
from xtts_finetune.spec.pipeline import DatasetSpec


def voice(folder: Path, place: str = "wavs/clip_{i}.wav", speakers: tuple[str, ...] = ("anna", "bela")) -> list[Clip]:
    clips = clips_at(place, ENGLISH, speakers)
    sound_files(folder, clips)
    return clips


def lines(clips: list[Clip]) -> list[str]:
    return [f"{clip.sound}|{clip.text}" for clip in clips]


def texts(spec: DatasetSpec) -> list[str]:
    return [clip.text for clip in read_dataset(spec, "en") if isinstance(clip, RawClip)]


def test_lists_of_other_sounds_are_all_taken_and_copies_are_named(tmp_path: Path) -> None:
    clips = voice(tmp_path)
    write(tmp_path, "part1.csv", lines(clips[:7]))
    write(tmp_path, "part2.csv", lines(clips[7:]))
    write(tmp_path, "part2_old.csv", lines(clips[8:]))
    write(tmp_path, "notes.csv", ["what,when", "new microphone,May"])
    first, second = find_data([tmp_path])
    assert (len(first.clips), len(second.clips)) == (7, 5)
    assert first.spec.name != second.spec.name
    assert first.not_taken == (
        "part2_old.csv: part2.csv has the same sounds",
        "notes.csv: none of its lines has a text and a sound that is here",
    )


def test_what_people_voted_against_is_never_taken(tmp_path: Path) -> None:
    clips = voice(tmp_path, "clips/{i}.mp3")
    header = "client_id\tpath\tsentence"
    for name, own in (("validated.tsv", clips[:5]), ("invalidated.tsv", clips[5:]), ("dev.tsv", clips[:2])):
        write(tmp_path, name, [header, *(f"c\t{Path(clip.sound).name}\t{clip.text}" for clip in own)])
    (found,) = find_data([tmp_path])
    assert (found.spec.format, found.spec.metadata, len(found.clips)) == ("common_voice", None, 5)
    assert found.not_taken == (
        "invalidated.tsv: it has clips that nobody agreed on",
        "dev.tsv: validated.tsv has the same sounds",
    )


def test_a_short_eval_list_is_read_as_the_long_one_is(tmp_path: Path) -> None:
    clips = voice(tmp_path)
    for name, own in (("filelists/train.txt", clips[:10]), ("filelists/val.txt", clips[10:])):
        write(tmp_path, name, [f"{clip.sound}|{clip.speaker}|{clip.text}" for clip in own])
    train, val = find_data([tmp_path])
    assert (train.spec.columns, val.spec.columns) == (("audio", "speaker", "text"),) * 2
    assert (train.spec.held_out, val.spec.held_out) == (False, True)
    assert [clip.text for clip in val.clips] == [clip.text for clip in clips[10:]]


@pytest.mark.parametrize(
    "spoil",
    [lambda n: n % 2 * 0.1, lambda n: 0.5, lambda n: None],
    ids=["start and end", "one start for all", "no times at all"],
)
def test_a_part_of_a_recording_never_gets_the_whole_sound(tmp_path: Path, spoil: Callable[[int], float | None]) -> None:
    clips = clips_at("talk.wav", ENGLISH)
    sound_files(tmp_path, clips[:1])
    times = [(spoil(n), clip.text.replace(",", "")) for n, clip in enumerate(clips)]
    if times[0][0] is None:
        write(tmp_path, "m.csv", [f"talk.wav|{text}" for _, text in times])
    else:
        write(tmp_path, "m.csv", ["file,start,end,text", *(f"talk.wav,{at},{at + 0.2},{text}" for at, text in times)])
    with pytest.raises(UserError, match=r"part of (talk\.wav|it).*cut the recording into one file per clip first"):
        find_data([tmp_path])


def test_a_json_line_with_a_duration_shorter_than_its_sound_is_a_part(tmp_path: Path) -> None:
    clips = voice(tmp_path)
    records = [
        {"audio_filepath": clip.sound, "offset": 0, "duration": 0.3 if n < 4 else 0.6, "text": clip.text}
        for n, clip in enumerate(clips)
    ]
    write(tmp_path, "manifest.json", list(map(json.dumps, records)))
    (found,) = find_data([tmp_path])
    assert len(found.clips) == 8
    bad = [line.problem for line in read_dataset(found.spec, "en") if isinstance(line, Unreadable)]
    assert len(bad) == 4 and bad[0].startswith("this is the part of clip_000.wav up to 0.3 of 0.6 s; cut the recording")


WRONG_ORDERS = {
    "the speaker where the text belongs": (
        "coqui",
        lambda c: f"{c.sound}|{c.speaker}|{c.text}",
        "audio, speaker, text",
    ),
    "0 where the text belongs": ("ljspeech", lambda c: f"{stem(c)}|{c.text}|0", "audio, text, speaker"),
}
OTHER_COLUMNS = {
    "seconds": (lambda c: f"1.{stem(c)[-2:]}", "audio, text, other"),
    "a text": (lambda c: c.text.lower(), "audio, text, text"),
    "a language": (lambda c: "en", "audio, text, language"),
}


@pytest.mark.parametrize(("format", "line", "order"), WRONG_ORDERS.values(), ids=WRONG_ORDERS)
def test_columns_in_another_order_are_refused_with_the_likely_one(
    tmp_path: Path, format: str, line: Callable[[Clip], str], order: str
) -> None:
    clips = voice(tmp_path)
    write(tmp_path, "metadata.csv", list(map(line, clips)))
    spec = DatasetSpec.model_validate({"name": "d", "path": tmp_path, "format": format})
    with pytest.raises(UserError, match=re.escape(f"'columns: [{order}]'")):
        list(read_dataset(spec, "en"))
    told = spec.model_copy(update={"format": "table", "columns": tuple(order.split(", "))})
    assert texts(told) == [clip.text for clip in clips]


@pytest.mark.parametrize(("value", "order"), OTHER_COLUMNS.values(), ids=OTHER_COLUMNS)
def test_what_is_no_speaker_is_not_declared_as_one(tmp_path: Path, value: Callable[[Clip], str], order: str) -> None:
    clips = voice(tmp_path)
    write(tmp_path, "metadata.csv", [f"{clip.sound}|{clip.text}|{value(clip)}" for clip in clips])
    (found,) = find_data([tmp_path])
    assert found.spec.columns == tuple(order.split(", "))
    # A config that was written before keeps what it has.
    before = DatasetSpec.model_validate({"name": "d", "path": tmp_path, "format": "coqui"})
    assert texts(before) == [clip.text for clip in clips]


def test_speakers_of_two_names_are_speakers(tmp_path: Path) -> None:
    clips = voice(tmp_path, speakers=("Anna Nagy", "Béla Kis", "Carl von Stein"))
    write(tmp_path, "metadata.csv", [f"{clip.sound}|{clip.text}|{clip.speaker}" for clip in clips])
    (found,) = find_data([tmp_path])
    assert {clip.speaker for clip in found.clips} == {clip.speaker for clip in clips}


def test_what_an_import_keeps_of_itself_is_no_list(tmp_path: Path) -> None:
    clips = voice(tmp_path)
    write(tmp_path, "metadata.csv", ["audio_file|text|speaker_name", *(f"{c.sound}|{c.text}|anna" for c in clips[:9])])
    write(tmp_path, "import.jsonl", [json.dumps({"file": c.sound, "text": c.text, "state": "doubtful"}) for c in clips])
    (found,) = find_data([tmp_path])
    assert (found.spec.format, len(found.clips), found.not_taken) == ("coqui", 9, ())


def test_what_is_declared_of_a_table_is_believed(tmp_path: Path) -> None:
    clips = voice(tmp_path)
    write(tmp_path, "list.txt", ["yes;no;perhaps", *(f"{clip.speaker};{clip.text[:4]};{stem(clip)}" for clip in clips)])
    told = {"format": "table", "metadata": "list.txt", "separator": ";", "header": True}
    spec = DatasetSpec.model_validate(
        {"name": "d", "path": tmp_path, **told, "columns": ["text", "other", "audio"], "speaker": "carl"}
    )
    assert set(texts(spec)) == {"anna", "bela"}
    assert {clip.speaker for clip in read_dataset(spec, "en") if isinstance(clip, RawClip)} == {"carl"}


def test_a_refusal_names_the_list_its_first_line_and_the_sound_that_was_looked_for(tmp_path: Path) -> None:
    folder = tmp_path / "voice"
    write(folder, "metadata.csv", [f"{stem(clip)}|{clip.text}" for clip in voice(tmp_path / "elsewhere")])
    with pytest.raises(UserError) as error:
        find_data([folder])
    said = str(error.value)
    assert f"{folder / 'metadata.csv'} begins with 'clip_000|Good evening" in said
    assert f"there is no sound {folder / 'clip_001'}" in said
    assert f"one lies at {tmp_path / 'elsewhere' / 'wavs' / 'clip_001.wav'}" in said
    assert "docs/data.md#layouts" in said


def test_sounds_of_one_name_in_two_folders_are_not_guessed(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        voice(tmp_path, folder + "/{i}.wav")
    write(tmp_path, "metadata.csv", [f"{n:03}|This is the sentence of number {n}." for n in range(12)])
    with pytest.raises(
        UserError, match=r"sounds of that name are .*a/001\.wav and .*b/001\.wav: say which by its folder"
    ):
        find_data([tmp_path])


def test_a_sound_is_not_lent_to_a_line_that_names_another_folder(tmp_path: Path) -> None:
    clips = voice(tmp_path, "a/{i}.wav")
    write(tmp_path, "metadata.csv", [*lines(clips), *(f"{c.sound.replace('a/', 'b/')}|Not {c.text}" for c in clips)])
    (found,) = find_data([tmp_path])
    assert sorted(clip.text for clip in found.clips) == sorted(clip.text for clip in clips)


def test_a_list_without_texts_and_a_spreadsheet_are_named(tmp_path: Path) -> None:
    write(tmp_path, "list.csv", [f"{clip.sound}|{clip.speaker}" for clip in voice(tmp_path)])
    (tmp_path / "texts.xlsx").write_bytes(b"PK")
    with pytest.raises(UserError, match=r"in none of them are texts that differ.*\n.*texts\.xlsx is a spreadsheet"):
        find_data([tmp_path])
