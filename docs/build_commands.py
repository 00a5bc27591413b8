"""Write docs/commands.md from the commands themselves: `python docs/build_commands.py`.

A test keeps the page current, so that no option can be added, renamed or given another default without it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from typer.main import get_command

from xtts_finetune.cli import main, run_pipeline
from xtts_finetune.cli.examples import EXAMPLES
from xtts_finetune.cli.help import paragraphs, parameter_row, usage_words

PAGE = Path(__file__).parent / "commands.md"

HEAD = """<!-- Written by docs/build_commands.py; change the commands in xtts_finetune/cli instead. -->
# Every command

`run_pipeline` is the same as `xtts-finetune run`. Each command answers `--help` with what stands here. They lie in
`.venv/bin` (on Windows `.venv\\Scripts`); activate the environment to type them by their names alone.

| exit code | means |
|---|---|
| 0 | done; a stop rule that ended a phase is done, too |
| 1 | the work failed; the reason is on one line, with the path of the log |
| 2 | the config, an option or an input is wrong; nothing was started |
| 130 | interrupted; the command that continues is printed |
"""


def page() -> str:
    """The whole page."""
    return HEAD + "".join(_section(name, command) for name, command in commands())


def commands() -> Iterator[tuple[str, Any]]:
    """Every command by the words that it is typed with; aliases for words of other tools are left out."""
    yield "run_pipeline", get_command(run_pipeline.build_app())
    group: Any = get_command(main.build_app())
    for verb, command in group.commands.items():
        if verb != "run" and not command.hidden:  # run is run_pipeline
            yield f"xtts-finetune {verb}", command


def _section(name: str, command: Any) -> str:
    with command.make_context(name, [], resilient_parsing=True) as context:
        usage = usage_words(command, context)
        rows = [_row(*row) for parameter in command.params if (row := parameter_row(parameter, context))]
    text = "\n\n".join(_escaped(each) for each in paragraphs(command))
    table = "\n".join(["| | | default |", "|---|---|---|", *rows])
    lines = [f"# {what}\n{line}" for what, line in EXAMPLES.get(command.callback.__name__, ())]
    examples = "\n".join(["```bash", *lines, "```\n\n"]) if lines else ""
    return f"\n## `{name}`\n\n```text\n{usage}\n```\n\n{text}\n\n{examples}{table}\n"


def _row(names: str, text: str, notes: list[str]) -> str:
    """An option with what it is for, and its default in a column of its own."""
    names = names.replace("|", "\\|")
    return f"| `{names}` | {_escaped(text)} | {', '.join(notes)} |"


def _escaped(words: str) -> str:
    """Text for a page of Markdown: brackets stay text."""
    return words.replace("|", "\\|").replace("<", "&lt;").replace("[", "\\[")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8", newline="\n")
