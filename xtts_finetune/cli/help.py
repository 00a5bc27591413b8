"""What `--help` prints: whole sentences, wrapped at words, as wide as the terminal; docs/commands.md says the same.

Typer and click cut the list of commands, and break words at hyphens.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from typing import Any

from xtts_finetune.cli.examples import EXAMPLES
from xtts_finetune.cli.terminal import width_of
from xtts_finetune.look.wrapping import wrapped_line

# Longer lines are hard to read; a pipe has no width of its own.
WIDEST = 100
# Names longer than this stand on a line of their own.
NAMES = 30

# Values without a name of their own, as versions of typer call them, and how they are shown.
_VALUES = {
    " (<int range>|<int>|INTEGER RANGE|INTEGER)": " N",
    " (<float range>|<float>|FLOAT RANGE|FLOAT)": " NUMBER",
    " (<str>)": " TEXT",
    " (<path>)": " PATH",
}

# The bounds of numbers as typer writes them, in words.
_NUMBER = r"(-?[\d.]+)"
_BOUNDS = {
    f"{_NUMBER}<=x<={_NUMBER}": "from {} to {}",
    f"{_NUMBER}<x<={_NUMBER}": "above {}, at most {}",
    f"{_NUMBER}<=x<{_NUMBER}": "at least {}, below {}",
    f"{_NUMBER}<x<{_NUMBER}": "above {}, below {}",
    f"x>={_NUMBER}": "at least {}",
    f"x>{_NUMBER}": "above {}",
    f"x<={_NUMBER}": "at most {}",
    f"x<{_NUMBER}": "below {}",
}


def help_text(command: Any, context: Any) -> str:
    """Everything that `--help` says of a verb, or of the command with all its verbs."""
    return "\n".join(_lines(command, context, min(WIDEST, width_of(sys.stdout, WIDEST))))


def _lines(command: Any, context: Any, width: int) -> Iterator[str]:
    yield from wrapped_line(f"Usage: {usage_words(command, context)}", width)
    for paragraph in paragraphs(command):
        yield ""
        yield from _indented(paragraph, width)
    rows = [(one.param_type_name, row) for one in command.get_params(context) if (row := parameter_row(one, context))]
    for kind, title in (("argument", "Arguments"), ("option", "Options")):
        yield from _section(
            title, [(names, _said(text, notes)) for of, (names, text, notes) in rows if of == kind], width
        )
    verbs = [(name, paragraphs(one)[0]) for name, one in getattr(command, "commands", {}).items() if not one.hidden]
    yield from _section("Commands", verbs, width)
    if examples := EXAMPLES.get(command.callback.__name__, ()):
        yield from ("", "Examples:")
        for what, line in examples:
            yield from _indented(f"{what}:", width)
            yield f"    {line}"


def usage_words(command: Any, context: Any) -> str:
    """'xtts-finetune say [OPTIONS] TEXT...'."""
    arguments = [argument_words(one) for one in command.params if one.param_type_name == "argument"]
    more = ["COMMAND"] if hasattr(command, "commands") else []
    return " ".join([context.command_path, *more, "[OPTIONS]", *arguments])


def argument_words(parameter: Any) -> str:
    """An argument as usage shows it: [PHASE...]."""
    name = re.sub(r"^\[(.+)\]$", r"\1", (parameter.metavar or parameter.name.upper()).rstrip("."))
    name = f"{name}..." if parameter.nargs == -1 else name
    return name if parameter.required else f"[{name}]"


def paragraphs(command: Any) -> list[str]:
    """The verb's description, each paragraph on one line."""
    return [" ".join(each.split()) for each in (command.help or "").split("\n\n")]


def parameter_row(parameter: Any, context: Any) -> tuple[str, str, list[str]] | None:
    """The names of an option or argument, what it is for, and notes such as 'required' or '`20`', its default.

    None for a hidden one.
    """
    record = parameter.get_help_record(context)
    if record is None:
        return None
    names, words = record
    if parameter.param_type_name == "argument":
        names = argument_words(parameter)
    for kind, shown in _VALUES.items():
        names = re.sub(kind, shown, names)
    found = re.search(r"\s*\[((?:default: |required|[\dx.]+<?>?=).*)\]$", words)
    text = " ".join((words[: found.start()] if found else words).split())
    return names, text, [_note(note) for note in found[1].split("; ")] if found else []


def _note(note: str) -> str:
    """'default: (20)' -> '`20`', '1<=x<=200' -> 'from 1 to 200', 'x>=1' -> 'at least 1'."""
    if note.startswith("default: "):
        default = note.removeprefix("default: ")
        return f"`{default}`" if default == default.strip("()") else default.strip("()")
    if note == "required":
        return "**required**"
    for pattern, words in _BOUNDS.items():
        if found := re.fullmatch(pattern, note):
            return words.format(*found.groups())
    raise ValueError(f"no words for {note!r}")


def _said(text: str, notes: Sequence[str]) -> str:
    """The help with its notes behind it: 'How many are heard. [default: 20; from 1 to 200]'."""
    bounds = re.compile(r"(from|above|at least|at most|below) -?\d")
    said = [
        note.strip("*") if note == "**required**" or bounds.match(note) else f"default: {note.strip('`')}"
        for note in notes
    ]
    return f"{text} [{'; '.join(said)}]" if said else text


def _section(title: str, rows: Sequence[tuple[str, str]], width: int) -> Iterator[str]:
    """Names and what they are for in two columns; a name that is too long, or a narrow terminal, makes it two lines."""
    if not rows:
        return
    yield from ("", f"{title}:")
    column = min(max(len(name) for name, _ in rows), NAMES, width // 3) + 4
    for name, text in rows:
        first = f"  {name}".ljust(column)
        if len(first) > column:
            yield first
            first = " " * column
        yield from wrapped_line(f"{first}{text}", width, column)


def _indented(text: str, width: int) -> list[str]:
    return wrapped_line(f"  {text}", width, 2)
