"""A script of any kind, by its ending, in whichever encoding it has."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from xtts_finetune.data.readers.encodings import encoding_of
from xtts_finetune.errors import UserError
from xtts_finetune.speaking.script.books import read_epub
from xtts_finetune.speaking.script.prose import read_markdown, read_plain
from xtts_finetune.speaking.script.script import Script
from xtts_finetune.speaking.script.tables import read_json_script, read_subtitles, read_table

KINDS: Mapping[str, Callable[[str], Script]] = {
    ".txt": read_plain,
    ".md": read_markdown,
    ".markdown": read_markdown,
    ".csv": read_table,
    ".tsv": lambda content: read_table(content, "\t"),
    ".json": read_json_script,
    ".jsonl": read_json_script,
    ".srt": read_subtitles,
    ".vtt": read_subtitles,
}
BOOK = ".epub"


def read_script(path: Path, language: str) -> Script:
    """The lines of a script; `language` helps with old encodings.

    Raises UserError with the place for a file that is not there, no script, or without anything to say.
    """
    if not path.is_file():
        what = "this is a folder" if path.is_dir() else "there is no such file"
        raise UserError(f"{path}: {what}; name a script: {', '.join((*KINDS, BOOK))}")
    ending = path.suffix.casefold()
    if ending not in (*KINDS, BOOK):
        raise UserError(f"{path}: a script ends in {', '.join((*KINDS, BOOK))}, not in '{ending}'")
    try:
        script = read_epub(path) if ending == BOOK else KINDS[ending](_text_of(path, language))
    except UserError as error:
        raise UserError(f"{path}: {error}") from None
    except OSError as error:
        raise UserError(f"{path}: it cannot be read ({error.strerror or error})") from None
    if not script.lines:
        raise UserError(f"{path}: there is nothing to say: no line has a letter or a digit")
    return script


def _text_of(path: Path, language: str) -> str:
    encoding = encoding_of(path, None, language)
    try:
        text = path.read_bytes().decode(encoding.codec)
    except UnicodeDecodeError as error:
        raise UserError(f"it is not in {encoding} (byte {error.start}); save it as UTF-8") from None
    if "\0" in text:
        raise UserError("this is no text: it has bytes of zero")
    return text.replace("\r\n", "\n").replace("\r", "\n").removeprefix("\ufeff")
