"""Data sets whose clips are all kept, odd or not at all, and those with several defects together."""

from __future__ import annotations

import unicodedata

import numpy as np
import soundfile

from tests.data.made_data import RATE, MadeData, sentence, speech
from tests.data.nasty_data import NASTY, SILENCE, nasty, nasty_in
from xtts_finetune.records.clips import DropReason as Drop
from xtts_finetune.records.clips import WarningKind as Odd

__all__ = ["NASTY"]


# Sounds and texts that can be used, but are odd.
@nasty
def clipped(data: MadeData) -> None:
    data.clip("clipped", wave=(6 * speech(2.0, 1)).clip(-0.3, 0.3), expect=Odd.CLIPPING)
    loud = (25 * speech(2.0, 2)).clip(-1, 1)
    data.clip("lowered", wave=0.25 * loud, subtype="PCM_24", expect=Odd.CLIPPING)


@nasty
def silence_around_and_inside(data: MadeData) -> None:
    first, second = speech(1.0, 1), speech(1.0, 2)
    text = "Some words that take two sec."
    data.clip("before", text[1:], np.concatenate([SILENCE, SILENCE, first, second]), expect=Odd.SILENCE_AT_AN_END)
    data.clip("after", text[2:], np.concatenate([first, second, SILENCE, SILENCE]), expect=Odd.SILENCE_AT_AN_END)
    data.clip("inside", f"{text} And now some.", np.concatenate([first, SILENCE, SILENCE, second]), expect=Odd.PAUSE)
    data.clip("breath", text[3:], np.concatenate([SILENCE[:9000], first, SILENCE[:15000], second, SILENCE[:9000]]))


@nasty
def transcripts_that_were_cut(data: MadeData) -> None:
    data.good(30, 4.0)
    data.clip("half a text", sentence(1.7, 1), speech(4.0, 1), expect=Odd.PACE)
    data.clip("half a sound", sentence(8.0, 2), speech(4.0, 2), expect=Odd.PACE)
    data.clip("a bit more", sentence(5.0, 3), speech(4.0, 3))


@nasty
def marks_in_place_of_a_text(data: MadeData) -> None:
    data.clip("marks", "...", expect=Odd.PACE)


@nasty
def other_loudness(data: MadeData) -> None:
    data.good(30)
    data.clip("quiet", wave=speech(2.0, 1, 0.008), expect=Odd.LOUDNESS)
    data.clip("loud", wave=speech(2.0, 2, 0.28), expect=Odd.LOUDNESS)
    data.clip("a bit louder", wave=speech(2.0, 3, 0.09))


@nasty
def copies_of_a_sound(data: MadeData) -> None:
    wave, text = (32767 * speech(2.0, 1)).astype(np.int16), sentence(2.0, 1)
    data.clip("first", text, wave)
    data.clip("second", text, wave, expect=Odd.SAME_SOUND)
    data.clip("third", sentence(2.0, 2), wave, ending="flac", expect=Odd.SAME_SOUND)


@nasty
def text_read_twice(data: MadeData) -> None:
    data.clip("once", "This is a sentence of ours.", speech(2.0, 1))
    data.clip("again", "This is a SENTENCE of ours.", speech(2.0, 2), expect=Odd.SAME_TEXT)
    data.clip("yes", "Oh yes.", speech(0.6, 3))
    data.clip("yes again", "Oh yes.", speech(0.6, 4))


# Nothing wrong at all, however it looks.
@nasty
def bom_and_crlf(data: MadeData) -> None:
    data.start, data.newline = b"\xef\xbb\xbf", b"\r\n"
    data.clip("first", "A line with a carriage return.")


@nasty
def blank_lines(data: MadeData) -> None:
    for blank in (b"", b"   ", b"\t", b"\r"):
        data.line(blank)
    data.clip("after", "A line after blank ones.")


@nasty
def accents_spaces_and_signs_in_names(data: MadeData) -> None:
    for name in ("árvíztűrő tükörfúrógép", "a b  c", "#1 & (2) 'x' %20", "ends in dot.", "日本"):
        data.clip(name)
    composed = "kétségbeesés"
    wave = data.sounds / f"{unicodedata.normalize('NFD', composed)}.wav"
    soundfile.write(wave, speech(2.0, 77), RATE)
    data.line(f"{composed}|{sentence(2.0, 77)}".encode())
    data.kept += 1


@nasty
def any_sound_that_soundfile_reads(data: MadeData) -> None:
    for number, rate in enumerate((8_000, 16_000, 24_000, 44_100, 48_000)):
        data.clip(f"rate {rate}", wave=speech(2.0, number, rate=rate), rate=rate)
    for number, subtype in enumerate(("PCM_U8", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ULAW", "ALAW", "IMA_ADPCM")):
        data.clip(f"as {subtype}", wave=speech(2.0, 20 + number), subtype=subtype)
    for number, ending in enumerate(("flac", "ogg", "mp3", "aiff", "au", "caf")):
        data.clip(f"in {ending}", wave=speech(2.0, 40 + number), ending=ending)
    data.clip("stereo", wave=np.stack([speech(2.0, 8), speech(2.0, 9)], axis=1))
    data.clip("six channels", wave=np.stack([speech(2.0, 10)] * 6, axis=1))


@nasty
def quotes_and_marks_in_texts(data: MadeData) -> None:
    data.clip("quotes", "\"Yes,\" she said, 'no'; well: (so)!")
    data.clip("numbers", "It is 3.5 % of 1,000 in 1984.", speech(4.0, 3))


@nasty_in("jsonl")
def pipes_and_line_breaks_in_a_json_text(data: MadeData) -> None:
    data.clip("lines", "One line\nand another\r\none more.")


@nasty_in("audiofolder")
def line_breaks_in_a_csv_text(data: MadeData) -> None:
    data.clip("quotes", 'He said "no", and\nwent away.')


def several_together(data: MadeData) -> None:
    """What each format can have."""
    data.good(24)
    data.broken("gone", None, Drop.BAD_LINE if data.format == "folder" else Drop.MISSING_FILE, "gone.wav")
    data.clip("silent", wave=np.zeros(2 * RATE), expect=Drop.NEAR_SILENT)
    data.clip("brief", wave=speech(0.2), expect=Drop.TOO_SHORT)
    data.clip("nothing", "", expect=Drop.EMPTY_TEXT)
    data.clip("cyrillic", "Привет", expect=Drop.UNKNOWN_CHARACTERS)
    data.broken("noise", b"noise", Drop.UNREADABLE)
    data.clip("clipped", wave=(6 * speech(2.0, 1)).clip(-0.08, 0.08), expect=Odd.CLIPPING)
    data.clip("cut", "Two.", speech(4.0, 2), expect=Odd.PACE)
    data.clip("far", wave=speech(2.0, 3, 0.008), expect=Odd.LOUDNESS)


for _format in ("ljspeech", "coqui", "folder", "common_voice", "jsonl", "audiofolder"):
    NASTY[f"several_together_in_{_format}"] = (_format, several_together)
