"""Data sets with something wrong: one defect each, or several together. Each function makes one of them."""

from __future__ import annotations

import io
import unicodedata
from collections.abc import Callable

import numpy as np
import soundfile

from tests.data.made_data import RATE, MadeData, sentence, speech
from xtts_finetune.records.clips import DropReason as Drop
from xtts_finetune.records.clips import WarningKind as Odd

Make = Callable[[MadeData], None]
NASTY: dict[str, tuple[str, Make]] = {}


def nasty(make: Make) -> Make:
    """A data set in LJSpeech's format."""
    return nasty_in("ljspeech")(make)


def nasty_in(format: str) -> Callable[[Make], Make]:
    def register(make: Make) -> Make:
        NASTY[make.__name__] = (format, make)
        return make

    return register


def packed(seconds: float, format: str, subtype: str | None = None) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, speech(seconds), RATE, format=format, subtype=subtype)
    return file.getvalue()


SILENCE = np.zeros(RATE, np.float32)


# Sounds that cannot be used.
@nasty
def missing_sound(data: MadeData) -> None:
    data.broken("gone", None, Drop.MISSING_FILE, "gone.wav")


@nasty
def folder_in_place_of_a_sound(data: MadeData) -> None:
    (data.sounds / "dir.wav").mkdir()
    data.broken("dir", None, Drop.MISSING_FILE, "dir.wav")


@nasty
def empty_file(data: MadeData) -> None:
    data.broken("empty", b"", Drop.UNREADABLE)


@nasty
def text_named_wav(data: MadeData) -> None:
    data.broken("web page", b"<html>404 not found</html>" * 50, Drop.UNREADABLE)


@nasty
def header_alone(data: MadeData) -> None:
    data.broken("header", packed(2.0, "WAV")[:30], Drop.UNREADABLE)


@nasty
def header_without_samples(data: MadeData) -> None:
    data.broken("samples", packed(0.0, "WAV"), Drop.TOO_SHORT, "0.00 s")


@nasty
def flac_that_breaks_off(data: MadeData) -> None:
    whole = packed(3.0, "FLAC")
    data.broken("half", whole[: len(whole) // 2], Drop.UNREADABLE)


@nasty
def noise_in_the_middle_of_a_file(data: MadeData) -> None:
    whole = bytearray(packed(3.0, "FLAC"))
    whole[len(whole) // 3 : len(whole) // 2] = np.random.default_rng(1).bytes(
        len(whole) // 2 - len(whole) // 3
    )
    data.broken("torn", bytes(whole), Drop.UNREADABLE)


@nasty
def not_a_number(data: MadeData) -> None:
    wave = speech(2.0)
    wave[500] = np.nan
    data.clip("nan", wave=wave, subtype="FLOAT", expect=Drop.UNREADABLE, detail="not numbers")
    wave[500] = -np.inf
    data.clip("inf", wave=wave, subtype="DOUBLE", expect=Drop.UNREADABLE, detail="not numbers")


@nasty
def short_and_long(data: MadeData) -> None:
    data.clip("short", wave=speech(0.49), expect=Drop.TOO_SHORT, detail="0.49 s, at least 0.5 s")
    data.clip("long", wave=speech(11.7), expect=Drop.TOO_LONG, detail="11.70 s, at most 11.6 s")
    data.clip("least", "One two.", speech(0.51))
    data.clip("most", sentence(11.5, 1), speech(11.5))


@nasty
def an_hour_in_one_file(data: MadeData) -> None:
    data.clip("hour", wave=np.zeros(3600 * 800, np.int16), rate=800, expect=Drop.TOO_LONG, detail="3600.00 s")


@nasty
def silence(data: MadeData) -> None:
    data.clip(
        "zeros", wave=np.zeros(2 * RATE), expect=Drop.NEAR_SILENT, detail="-120.0 dBFS, at least -50 dBFS"
    )
    data.clip("offset", wave=np.full(2 * RATE, 0.2), expect=Drop.NEAR_SILENT, detail="dBFS")
    data.clip("hiss", wave=speech(2.0, level=0.0015), expect=Drop.NEAR_SILENT, detail="dBFS")
    data.clip("whisper", wave=speech(2.0, level=0.009))


# Texts that cannot be used.
@nasty
def empty_text(data: MadeData) -> None:
    for name, text in (("nothing", ""), ("spaces", "   "), ("wide spaces", "\u00a0\u3000")):
        data.clip(name, text, expect=Drop.EMPTY_TEXT)


@nasty
def letters_of_another_alphabet(data: MadeData) -> None:
    data.clip("cyrillic", "The word Привет is not.", expect=Drop.UNKNOWN_CHARACTERS, detail="'п' (U+043F)")
    data.clip("emoji", "That was good \N{GRINNING FACE}", expect=Drop.UNKNOWN_CHARACTERS, detail="U+1F600")
    data.clip("invisible", "zero\u200bwidth", expect=Drop.UNKNOWN_CHARACTERS, detail="U+200B")


@nasty
def text_too_long(data: MadeData) -> None:
    data.clip("essay", "word " * 100, expect=Drop.TOO_MANY_TOKENS, detail="at most 200")


@nasty
def number_that_nobody_can_say(data: MadeData) -> None:
    data.clip("number", "That makes " + "9" * 400 + " pounds", expect=Drop.UNREADABLE_TEXT)


@nasty
def control_characters_in_a_text(data: MadeData) -> None:
    data.clip("bell", "A text\x07 with a bell", expect=Drop.UNKNOWN_CHARACTERS, detail="U+0007")
    data.clip("line", "A text\u2028of two lines", expect=None)


# Lines that are no clips.
@nasty
def wrong_columns(data: MadeData) -> None:
    data.bad_line("alone", "1 columns")
    data.bad_line("name|text|text|more", "4 columns")
    data.bad_line("|no name", "columns")


@nasty
def id_that_is_there_twice(data: MadeData) -> None:
    data.clip("twice")
    data.bad_line("twice|Another text of it.", "first in line 6", Drop.DUPLICATE_ID)


@nasty
def line_in_latin_2(data: MadeData) -> None:
    data.bad_line("name|Őrült".encode("iso-8859-2"), "not UTF-8")


@nasty
def names_that_cannot_be(data: MadeData) -> None:
    data.bad_line("a\0b|A text.", "", Drop.MISSING_FILE)
    data.bad_line("n" * 3000 + "|A text.", "too long", Drop.UNREADABLE)
    data.bad_line("../../../../../../../etc/nothing here|A text.", "", Drop.MISSING_FILE)


@nasty_in("jsonl")
def broken_json(data: MadeData) -> None:
    data.bad_line('{"audio": "a.wav", "text": "cut', "no JSON")
    data.bad_line('["a.wav", "text"]', "object")
    data.bad_line('{"text": "No sound."}', "audio")
    data.bad_line('{"audio": "a.wav"}', "text")
    data.bad_line('{"audio": 3, "text": "A number."}', "expected text")


@nasty_in("audiofolder")
def quote_that_is_never_closed(data: MadeData) -> None:
    data.bad_line('a.wav,"It never ends', "quote")


@nasty_in("common_voice")
def tsv_with_a_column_less(data: MadeData) -> None:
    data.bad_line("someone\tclip.wav\tNo locale", "columns")


@nasty_in("folder")
def sound_or_text_alone(data: MadeData) -> None:
    soundfile.write(data.folder / "alone.wav", speech(2.0), RATE)
    data.left_out["alone.wav", 1] = (Drop.BAD_LINE, "no alone.txt")
    data.bad_line("deaf|A text without a sound.", "no deaf.wav")


# Languages.
@nasty_in("jsonl")
def languages_that_the_base_lacks(data: MadeData) -> None:
    data.clip("klingon", "Qapla'", language="tlh", expect=Drop.UNKNOWN_LANGUAGE, detail="tlh")
    data.clip("spanish", "Buenos dias", language="es-MX", expect=Drop.UNKNOWN_LANGUAGE, detail="no 'es'")
    data.clip("hungarian", "Jó napot kívánok, hogy vannak?", language="hu_HU")


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
    data.clip(
        "before", text[1:], np.concatenate([SILENCE, SILENCE, first, second]), expect=Odd.SILENCE_AT_AN_END
    )
    data.clip(
        "after", text[2:], np.concatenate([first, second, SILENCE, SILENCE]), expect=Odd.SILENCE_AT_AN_END
    )
    data.clip(
        "inside", f"{text} And now some.", np.concatenate([first, SILENCE, SILENCE, second]), expect=Odd.PAUSE
    )
    data.clip(
        "breath", text[3:], np.concatenate([SILENCE[:9000], first, SILENCE[:15000], second, SILENCE[:9000]])
    )


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
    for number, subtype in enumerate(
        ("PCM_U8", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ULAW", "ALAW", "IMA_ADPCM")
    ):
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
