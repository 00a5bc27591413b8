"""The command lines in the documents: those set as code in a block, and those named in the text."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
# A block of one of these is all commands; one without any is, if one of its lines is a command.
SHELLS = {"sh", "bash", "console", "bat", "powershell"}
OURS = ("run_pipeline", "xtts-finetune")
# What a line of commands begins with, once the folder that the program lies in is taken off.
PROGRAMS = re.compile(
    r"(run_pipeline|xtts-finetune|make|python[\d.]*|py|pip|git|ssh|tensorboard|mlflow|tts|cd|set|export|cp|curl|"
    r"[\w-]+\.(sh|bat))(\.exe)?$"
)
RESULT = "->"  # what the command before it makes
SETTING = re.compile(r"[A-Z_]+=\S*$")


@dataclass(frozen=True)
class Command:
    """One command of a document, as a list of words without the folder of its program."""

    document: str
    line: int
    words: tuple[str, ...]

    @property
    def text(self) -> str:
        """The words as one line: what the tables of the test name it by."""
        return " ".join(self.words)

    def __str__(self) -> str:
        return f"{self.document}:{self.line}: {self.text}"


def in_blocks(document: Path) -> list[Command]:
    """The commands in a document's fenced blocks.

    Raises ValueError for a line in a block of commands that is none that this module knows: a command must not be
    passed over because its program is new.
    """
    found = []
    for first, language, lines in _blocks(document):
        if language and language not in SHELLS:
            continue
        split = [(first + number, _words(line)) for number, line in _joined(lines)]
        if language not in SHELLS and not any(_is_command(words) for _, words in split):
            continue
        for number, words in split:
            if words and not _is_command(words):
                raise ValueError(f"{document.name}:{number}: no known command: {' '.join(words)}")
            found += [Command(document.name, number, words)] if words else []
    return found


def in_text(document: Path) -> list[Command]:
    """Our own commands that a document names between backticks."""
    text = document.read_text(encoding="utf-8")
    for block in re.findall(r"^```.*?^```", text, flags=re.DOTALL | re.MULTILINE):
        text = text.replace(block, "\n" * block.count("\n"), 1)
    found = []
    for match in re.finditer(r"`((?:\.venv/bin/)?(?:run_pipeline|xtts-finetune)(?: [^`]+)?)`", text):
        words = _words(match[1].replace("\\|", "|").replace("\n", " "))
        found.append(Command(document.name, text.count("\n", 0, match.start()) + 1, words))
    return found


def _blocks(document: Path) -> Iterator[tuple[int, str, list[str]]]:
    """Line number, language and lines of each fenced block."""
    inside: tuple[int, str, list[str]] | None = None
    for number, line in enumerate(document.read_text(encoding="utf-8").splitlines(), 1):
        fence = re.match(r"\s*```(\w*)", line)
        if fence and inside is None:
            inside = (number + 1, fence[1], [])
        elif fence and inside is not None:
            yield inside
            inside = None
        elif inside is not None:
            inside[2].append(line)


def _joined(lines: list[str]) -> Iterator[tuple[int, str]]:
    """Lines with those that go on after a backslash, each under the number of its first."""
    pending, begun = "", 0
    for number, line in enumerate(lines):
        begun = begun if pending else number
        pending += line.removesuffix("\\")
        if not line.endswith("\\"):
            yield begun, pending
            pending = ""


def _words(line: str) -> tuple[str, ...]:
    """A line's words without comment, prompt, environment and the folder of its program; none of an empty one."""
    line = re.sub(r"\s+& rem .*$", "", line.strip())
    if line.startswith(RESULT):
        return ()
    line = re.sub(r"^(\.venv[\\/](bin|Scripts)[\\/]|\.[\\/])", "", line)
    try:
        words = shlex.split(line, comments=True)
    except ValueError:  # an apostrophe: no command
        return tuple(line.split())
    while words and SETTING.match(words[0]):
        words = words[1:]
    if words:
        words[0] = re.sub(r"^(\.venv[\\/](bin|Scripts)[\\/]|\.[\\/])", "", words[0])
    return tuple(words)


def _is_command(words: tuple[str, ...]) -> bool:
    return bool(words) and PROGRAMS.match(words[0]) is not None
