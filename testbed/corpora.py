"""Layouts of several lists, of texts in files of their own, and of the well-known collections."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from testbed.clips_of_layouts import (
    ENGLISH,
    LAYOUTS,
    SOUND,
    TWO,
    Made,
    as_csv,
    clips_at,
    layout,
    made,
    sound_files,
    stem,
    write,
)


@layout("one JSON list")
def _json_list(folder: Path) -> Made:
    clips = clips_at("audio/{i}.wav", speakers=TWO)
    records = [{"wav": c.sound, "transcription": c.text, "speaker": c.speaker} for c in clips]
    write(folder, "data.json", [json.dumps(records, ensure_ascii=False, indent=2)])
    return made(folder, clips)


@layout("a spreadsheet's CSV, everything quoted")
def _spreadsheet(folder: Path) -> Made:
    clips = clips_at("hang/{i}.wav", speakers=TWO)
    rows = [
        ("Nr.", "Datei", "Sprecher", "Was gesagt wird"),
        *((str(n), c.sound, c.speaker, c.text) for n, c in enumerate(clips)),
    ]
    write(folder, "Tabelle1.csv", as_csv(rows, ";", quoted=True), "utf-8-sig", "\r\n")
    return made(folder, clips)


@layout("an id, a path and a text")
def _id_and_path(folder: Path) -> Made:
    clips = clips_at("audio/part_{i}.wav", ENGLISH)
    rows = [("id", "wav_path", "words"), *((str(n), c.sound, c.text) for n, c in enumerate(clips))]
    write(folder, "index.csv", as_csv(rows))
    return made(folder, clips, "en")


@layout("Coqui's demo: train, eval and lang.txt, quotes as csv writes them")
def _coqui_demo(folder: Path) -> Made:
    clips = [replace(clip, held_out=n >= 9) for n, clip in enumerate(clips_at(SOUND, speakers=("coqui",)))]
    header = ("audio_file", "text", "speaker_name")
    for name, held_out in (("metadata_train.csv", False), ("metadata_eval.csv", True)):
        rows = [(c.sound, c.text, c.speaker) for c in clips if c.held_out is held_out]
        write(folder, name, as_csv([header, *rows], "|"))
    write(folder, "lang.txt", ["hu"])
    return made(folder, clips)


@layout("two lists, train and val")
def _two_lists(folder: Path) -> Made:
    clips = [replace(clip, held_out=n < 3) for n, clip in enumerate(clips_at(SOUND))]
    write(folder, "train.txt", [f"{c.sound}|{c.text}" for c in clips if not c.held_out])
    write(folder, "val.txt", [f"{c.sound}|{c.text}" for c in clips if c.held_out])
    return made(folder, clips)


@layout("Common Voice, train, dev and test without validated.tsv")
def _common_voice_splits(folder: Path) -> Made:
    clips = clips_at("clips/cv_{i}.mp3", speakers=("c1", "c2"))
    files = {"train.tsv": clips[:7], "dev.tsv": clips[7:10], "test.tsv": clips[10:]}
    for name, own in files.items():
        lines = [f"{c.speaker}\t{Path(c.sound).name}\t{c.text}\thu" for c in own]
        write(folder, name, ["client_id\tpath\tsentence\tlocale", *lines])
    sound_files(folder, clips)
    return Made(tuple(replace(c, held_out=n >= 7) for n, c in enumerate(clips[:10])), "hu")


def beside(
    name: str, ending: str, written: Callable[[str], str], place: str = "{i}.wav", encoding: str = "utf-8"
) -> None:
    """A layout of texts in files of their own."""

    def maker(folder: Path) -> Made:
        clips = clips_at(place)
        for clip in clips:
            write(folder, f"{Path(clip.sound).with_suffix('')}{ending}", [written(clip.text)], encoding)
        return made(folder, clips)

    LAYOUTS[name] = maker


beside("texts next to sounds", ".txt", str)
beside("texts next to sounds, code page 1250", ".txt", str, encoding="cp1250")
beside("texts next to sounds, UTF-16", ".txt", str, encoding="utf-16")
beside(".lab next to sounds, in sub-folders", ".lab", str, place="part {n}/{i}.flac")
beside(
    ".srt next to sounds",
    ".srt",
    lambda text: "1\n00:00:00,000 --> 00:00:00,100\n{}\n\n2\n00:00:00,100 --> 00:00:00,600\n<i>{}</i>\n".format(
        *text.split(" ", 1)
    ),
    place="a/{i}.mp3",
)
beside(".vtt next to sounds", ".vtt", lambda text: f"WEBVTT\n\nNOTE made by hand\n\n00:00.000 --> 00:00.250\n{text}\n")


@layout("LibriTTS")
def _libritts(folder: Path) -> Made:
    clips = clips_at("train-clean/{speaker}/198/{speaker}_198_000000_{i}.wav", ENGLISH, ("19", "26"))
    for clip in clips:
        base = Path(clip.sound).with_suffix("")
        write(folder, f"{base}.original.txt", [clip.text.upper()])
        write(folder, f"{base}.normalized.txt", [clip.text])
    return made(folder, clips, "en")


@layout("texts next to sounds in train/ and test/")
def _pairs_in_splits(folder: Path) -> Made:
    clips = [replace(c, held_out=False) for c in clips_at("train/{i}.wav")]
    clips += [replace(c, held_out=True) for c in clips_at("test/{i}.wav")[:4]]
    for clip in clips:
        write(folder, f"{Path(clip.sound).with_suffix('')}.txt", [clip.text])
    return made(folder, clips)


@layout("VCTK, two microphones")
def _vctk(folder: Path) -> Made:
    clips = clips_at("wav48_silence_trimmed/{speaker}/{speaker}_{i}_mic1.flac", ENGLISH, ("p225", "p226"))
    sound_files(folder, [replace(clip, sound=clip.sound.replace("mic1", "mic2")) for clip in clips])
    for clip in clips:
        write(folder, f"txt/{clip.speaker}/{stem(clip).removesuffix('_mic1')}.txt", [clip.text])
    write(folder, "speaker-info.txt", ["ID  AGE  GENDER  ACCENTS", "p225  23  F    English"])
    return made(folder, clips, "en")


@layout("sounds in wavs/, texts in txt/")
def _two_trees(folder: Path) -> Made:
    clips = clips_at("wavs/{i}.wav")
    for clip in clips:
        write(folder, f"txt/{stem(clip)}.txt", [clip.text])
    return made(folder, clips)


@layout("MLS, train, dev and test")
def _mls(folder: Path) -> Made:
    clips = []
    for split, first in (("train", 0), ("dev", 30), ("test", 60)):
        own = clips_at(split + "/audio/{speaker}/77/{speaker}_77_0000{i}.flac", speakers=("4800", "9998"))
        own = [replace(c, sound=c.sound.replace("_0000", f"_00{first:02}"), held_out=split != "train") for c in own]
        write(folder, f"{split}/transcripts.txt", [f"{stem(c)}\t{c.text}" for c in own])
        write(
            folder,
            f"{split}/segments.txt",
            [f"{stem(c)}\thttp://example.org/a.mp3\t{n}.0\t{n + 9}.5" for n, c in enumerate(own)],
        )
        sound_files(folder, own)
        clips += own if split != "test" else []
    return Made(tuple(clips), "hu")


@layout("M-AILABS, several folders deep")
def _mailabs(folder: Path) -> Made:
    clips = []
    for sex, reader, book in (("female", "anna_nagy", "egy"), ("male", "bela_kis", "ketto")):
        home = f"hu_HU/by_book/{sex}/{reader}/{book}"
        own = [replace(c, speaker=reader) for c in clips_at(home + "/wavs/" + book + "_{i}.wav")]
        write(folder, f"{home}/metadata.csv", [f"{stem(c)}|{c.text}|{c.text}" for c in own])
        clips += own
    return made(folder, clips)


@layout("Hugging Face's audiofolder, CSV, train and test")
def _audiofolder(folder: Path) -> Made:
    clips = []
    for split in ("train", "test"):
        own = [replace(c, held_out=split == "test") for c in clips_at(split + "/data/{i}.wav")]
        rows = [(Path(c.sound).relative_to(split).as_posix(), c.text) for c in own]
        write(folder, f"{split}/metadata.csv", as_csv([("file_name", "transcription"), *rows]))
        clips += own
    return made(folder, clips)


@layout("Hugging Face's audiofolder, JSON lines")
def _audiofolder_json(folder: Path) -> Made:
    clips = clips_at("{i}.flac", speakers=TWO)
    write(
        folder,
        "metadata.jsonl",
        [json.dumps({"file_name": c.sound, "text": c.text, "speaker": c.speaker}) for c in clips],
    )
    return made(folder, clips)


@layout("Hugging Face's Parquet, train and validation")
def _parquet(folder: Path) -> Made:
    import pyarrow  # noqa: PLC0415 - an extra
    from pyarrow import parquet  # noqa: PLC0415

    clips = [replace(clip, held_out=n >= 8) for n, clip in enumerate(clips_at("{i}.flac", speakers=TWO))]
    sound_files(folder / "own", clips)
    found = []
    for split, own in (("train", clips[:8]), ("validation", clips[8:])):
        file = f"data/{split}-00000-of-00001.parquet"
        content = [{"bytes": (folder / "own" / c.sound).read_bytes(), "path": c.sound} for c in own]
        table = pyarrow.table({"audio": content, "text": [c.text for c in own], "speaker_id": [c.speaker for c in own]})
        (folder / "data").mkdir(exist_ok=True)
        parquet.write_table(table, folder / file)
        found += [
            replace(c, sound=f"data/{split}-00000-of-00001_sounds/{n:07}.flac") for n, c in enumerate(own, start=1)
        ]
    for clip in clips:
        (folder / "own" / clip.sound).unlink()
    return Made(tuple(found), "hu")
