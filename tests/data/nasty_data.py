"""Data sets with something that cannot be used: one defect each. Each function makes one of them."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
import soundfile

from tests.data.made_data import RATE, MadeData, sentence, speech
from xtts_finetune.records.clips import DropReason as Drop

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
    data.broken("samples", packed(0.0, "WAV"), Drop.UNREADABLE, "holds no sound")


@nasty
def flac_that_breaks_off(data: MadeData) -> None:
    whole = packed(3.0, "FLAC")
    data.broken("half", whole[: len(whole) // 2], Drop.UNREADABLE)


@nasty
def noise_in_the_middle_of_a_file(data: MadeData) -> None:
    whole = bytearray(packed(3.0, "FLAC"))
    whole[len(whole) // 3 : len(whole) // 2] = np.random.default_rng(1).bytes(len(whole) // 2 - len(whole) // 3)
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
    data.clip("short", wave=speech(0.49), expect=Drop.TOO_SHORT, detail="0.49 s, at least 0.5")
    data.clip("long", wave=speech(11.7), expect=Drop.TOO_LONG, detail="11.7 s, limit 11.6")
    data.clip("least", "One two.", speech(0.51))
    data.clip("most", sentence(11.5, 1), speech(11.5))


@nasty
def an_hour_in_one_file(data: MadeData) -> None:
    data.clip("hour", wave=np.zeros(3600 * 800, np.int16), rate=800, expect=Drop.TOO_LONG, detail="3600.0 s")


@nasty
def silence(data: MadeData) -> None:
    data.clip("zeros", wave=np.zeros(2 * RATE), expect=Drop.NEAR_SILENT, detail="-120.0 dBFS, at least -50 dBFS")
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
    said = 'XTTS cannot read "999'
    data.clip("number", "That makes " + "9" * 400 + " pounds", expect=Drop.UNREADABLE_TEXT, detail=said)


@nasty
def control_characters_in_a_text(data: MadeData) -> None:
    data.clip("bell", "A text\x07 with a bell", expect=Drop.UNKNOWN_CHARACTERS, detail="U+0007")
    data.clip("line", "A text\u2028of two lines", expect=None)


# Lines that are no clips.
@nasty
def wrong_columns(data: MadeData) -> None:
    data.bad_line("alone", "1 columns")
    data.bad_line("name|text|text|more", "4 columns")
    data.bad_line("|no name", "expected the name of a sound in column 1")


@nasty
def id_that_is_there_twice(data: MadeData) -> None:
    data.clip("twice")
    data.bad_line("twice|Another text of it.", "first in line 6", Drop.DUPLICATE_ID)


@nasty
def line_in_latin_2(data: MadeData) -> None:
    data.bad_line("name|Ő".encode() + "rült".encode("iso-8859-2"), "not UTF-8")


@nasty
def names_that_cannot_be(data: MadeData) -> None:
    data.bad_line("a\0b|A text.", "", Drop.MISSING_FILE)
    data.bad_line("n" * 3000 + "|A text.", "too long", Drop.UNREADABLE)
    data.bad_line("../../../../../../../etc/nothing here|A text.", "", Drop.MISSING_FILE)


@nasty_in("jsonl")
def broken_json(data: MadeData) -> None:
    data.bad_line('{"audio": "a.wav", "text": "cut', "not JSON")
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
