"""Write docs/commands.md from the commands themselves: `python docs/build_commands.py`.

A test keeps the page current, so that no option can be added, renamed or given another default without it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from typer.main import get_command

from xtts_finetune.cli import main, run_pipeline

PAGE = Path(__file__).parent / "commands.md"

# The bounds of numbers as --help writes them, in words.
NUMBER = r"(-?[\d.]+)"
BOUNDS = {
    f"{NUMBER}<=x<={NUMBER}": "from {} to {}",
    f"{NUMBER}<x<={NUMBER}": "above {}, at most {}",
    f"{NUMBER}<=x<{NUMBER}": "at least {}, below {}",
    f"{NUMBER}<x<{NUMBER}": "above {}, below {}",
    f"x>={NUMBER}": "at least {}",
    f"x>{NUMBER}": "above {}",
    f"x<={NUMBER}": "at most {}",
    f"x<{NUMBER}": "below {}",
}

HEAD = """<!-- Written by docs/build_commands.py; change the commands in xtts_finetune/cli instead. -->
# Every command

`run_pipeline` is the same as `xtts-finetune run`. Each command answers `--help` with what stands here. They lie in
`.venv/bin` (on Windows `.venv\\Scripts`); activate the environment to type them by their names alone.

| exit code | means |
|---|---|
| 0 | done; a stop rule that ended a phase is done, too |
| 1 | the work failed; the reason is on one line, with the path of the log |
| 2 | the declaration, an option or an input is wrong; nothing was started |
| 130 | interrupted; the command that goes on is printed |
"""


def page() -> str:
    """The whole page."""
    return HEAD + "".join(_section(name, command) for name, command in commands())


def commands() -> Iterator[tuple[str, Any]]:
    """Every command by the words that it is typed with."""
    yield "run_pipeline", get_command(run_pipeline.build_app())
    group: Any = get_command(main.build_app())
    for verb, command in group.commands.items():
        if verb != "run":  # it is run_pipeline
            yield f"xtts-finetune {verb}", command


def _section(name: str, command: Any) -> str:
    with command.make_context(name, [], resilient_parsing=True) as context:
        rows = [row for parameter in command.params if (row := _row(parameter, context))]
    arguments = [_argument(one) for one in command.params if one.param_type_name == "argument"]
    usage = " ".join([name, *arguments, "[OPTIONS]"])
    paragraphs = [" ".join(each.split()) for each in (command.help or "").split("\n\n")]
    text = "\n\n".join(_escaped(each) for each in paragraphs)
    table = "\n".join(["| | | default |", "|---|---|---|", *rows])
    return f"\n## `{name}`\n\n```text\n{usage}\n```\n\n{text}\n\n{table}\n"


def _argument(parameter: Any) -> str:
    """An argument as usage shows it: [PHASE...]."""
    name = re.sub(r"^\[(.+)\]$", r"\1", (parameter.metavar or parameter.name.upper()).rstrip("."))
    name = f"{name}..." if parameter.nargs == -1 else name
    return name if parameter.required else f"[{name}]"


def _row(parameter: Any, context: Any) -> str:
    """What --help says of it, with the notes at its end in a column of their own; '' of a hidden one."""
    record = parameter.get_help_record(context)
    if record is None:
        return ""
    names, words = record
    if parameter.param_type_name == "argument":
        names = _argument(parameter)
    names = re.sub(r" <(str|path|int range|int|float range|float|choice)>", "", names).replace("|", "\\|")
    notes = re.search(r"\s*\[((?:default: |required|[\dx.]+<?>?=).*)\]$", words)
    text = words[: notes.start()] if notes else words
    said = [_note(note) for note in notes[1].split("; ")] if notes else []
    return f"| `{names}` | {_escaped(' '.join(text.split()))} | {', '.join(said)} |"


def _note(note: str) -> str:
    """'default: (20)' -> '`20`', '1<=x<=200' -> 'from 1 to 200', 'x>=1' -> 'at least 1'."""
    if note.startswith("default: "):
        default = note.removeprefix("default: ")
        return f"`{default}`" if default == default.strip("()") else default.strip("()")
    if note == "required":
        return "**required**"
    for pattern, words in BOUNDS.items():
        if found := re.fullmatch(pattern, note):
            return words.format(*found.groups())
    raise ValueError(f"no words for {note!r}")


def _escaped(words: str) -> str:
    """Text for a page of Markdown: brackets stay text."""
    return words.replace("|", "\\|").replace("<", "&lt;").replace("[", "\\[")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8", newline="\n")
