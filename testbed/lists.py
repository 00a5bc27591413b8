"""Layouts of one list with a line for each clip, in every order, encoding and writing of it that people have."""

from __future__ import annotations

import json
from pathlib import Path

from testbed.clips_of_layouts import ENGLISH, TWO, Clip, listed, stem


def simple(clip: Clip) -> str:
    return f"{stem(clip)}|{clip.text}"


listed("LJSpeech, two columns", simple)
listed("LJSpeech, three columns", lambda c: f"{stem(c)}|{c.text.replace('Egy', '1')}|{c.text}")
listed("LJSpeech, UTF-16", simple, encoding="utf-16")
listed("LJSpeech, UTF-16 big-endian without a mark", simple, encoding="utf-16-be")
listed("LJSpeech, code page 1250", simple, encoding="cp1250")
listed("LJSpeech, ISO 8859-2", simple, encoding="iso8859-2")
listed("LJSpeech, UTF-8 with a byte order mark", simple, encoding="utf-8-sig", end="\r\n")
listed("LJSpeech, line ends of an old Mac", simple, end="\r")
listed("sounds in wav/ for wavs/", simple, place="wav/clip_{i}.wav")
listed("sounds in another case", simple, place="WAVS/Clip_{i}.WAV")
listed("another ending than the list's", lambda c: f"wavs/{stem(c)}.wav|{c.text}", place="wavs/clip_{i}.flac")
listed("another computer's absolute path", lambda c: f"/media/bob/voice/wavs/{stem(c)}.wav|{c.text}")
listed("a path of Windows", lambda c: f"D:\\Bob\\voice\\wavs\\{stem(c)}.wav|{c.text}")
listed("Coqui without a header", lambda c: f"{c.sound}|{c.text}|{c.speaker}", speakers=TWO)
listed("path|speaker|text", lambda c: f"{c.sound}|{c.speaker}|{c.text}", speakers=TWO)
listed("path|text|0", lambda c: f"{c.sound}|{c.text}|0", speakers=("0",))
listed("path|number of the speaker|text", lambda c: f"{c.sound}|{c.speaker}|{c.text}", speakers=("0", "1", "2"))
listed("text first", lambda c: f"{c.text}|{c.sound}", texts=ENGLISH, language="en")
listed("tabs", lambda c: f"{c.sound}\t{c.text}", file="list.tsv")
listed(
    "semicolons and a Hungarian header",
    lambda c: f'{c.sound};"{c.text.replace(chr(34), 2 * chr(34))}";{c.speaker}',
    header="hangfájl;mondat;beszélő",
    file="export.csv",
    speakers=TWO,
    encoding="cp1250",
    end="\r\n",
)
listed("commas, no quotes, text last", lambda c: f"{stem(c)}.wav,{c.text}", file="texts.csv")
listed("a list in a .txt", lambda c: f"{c.sound}|{c.text}", file="filelist.txt")
listed(
    "GPT-SoVITS",
    lambda c: f"output/slicer/{Path(c.sound).name}|{c.speaker}|EN|{c.text}",
    file="anna.list",
    place="sliced/vocal.wav_{i}.wav",
    speakers=("anna",),
    texts=ENGLISH,
    language="en",
)
listed("Piper, one speaker", simple, place="wav/u{i}.wav")
listed("Piper, several speakers", lambda c: f"{stem(c)}|{c.speaker}|{c.text}", place="wav/u{i}.wav", speakers=TWO)
listed(
    "OpenSLR",
    lambda c: f"{stem(c)}\t{c.text}",
    file="line_index.tsv",
    speakers=("huf_01234", "hum_05678"),
    place="{speaker}_00000{i}9999.wav",
)
listed(
    "Common Voice",
    lambda c: f"{c.speaker}\t{Path(c.sound).name}\t{c.text}\t2\t0\thu",
    file="validated.tsv",
    header="client_id\tpath\tsentence\tup_votes\tdown_votes\tlocale",
    place="clips/common_voice_hu_{i}.mp3",
    speakers=("a" * 128, "b" * 128),
)
listed(
    "JSON lines of any words",
    lambda c: json.dumps({"audio_filepath": c.sound, "text": c.text, "duration": 0.25}),
    file="manifest.json",
)


FRENCH = ("La fête a déjà commencé, ma chère.", "C'est où que l'élève a trouvé ça?", "Il a été très étonné de la voir.")
RUSSIAN = ("Добрый вечер, дорогие зрители.", "Это очень трудный вопрос.", "Я не знаю, что сказать.")
JAPANESE = ("こんばんは、皆さん。", "これは難しい質問です。", "今日はいい天気ですね。")
listed("French, code page 1252", simple, texts=FRENCH, language="fr", encoding="cp1252")
listed("Russian, code page 1251", simple, texts=RUSSIAN, language="ru", encoding="cp1251")
listed(
    "Russian, KOI8-R, commas",
    lambda c: f'{c.sound},"{c.text}"',
    texts=RUSSIAN,
    language="ru",
    encoding="koi8-r",
    file="texts.csv",
)
listed("Japanese, Shift JIS", lambda c: f"{c.sound}|{c.text}", texts=JAPANESE, language="ja", encoding="cp932")
listed("lists in a folder of their own", simple, file="transcripts/list.txt")
