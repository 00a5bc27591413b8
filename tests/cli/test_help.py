"""What `--help` prints: whole sentences in every width, examples that can be typed, and names of other tools."""

from __future__ import annotations

import re
import shlex
from typing import Any

import pytest
from typer.main import get_command

from xtts_finetune.cli import main, run_pipeline
from xtts_finetune.cli.examples import EXAMPLES
from xtts_finetune.cli.help import help_text, paragraphs, parameter_row

GROUP: Any = get_command(main.build_app())
COMMANDS: dict[str, Any] = {
    "xtts-finetune": GROUP,
    "run_pipeline": get_command(run_pipeline.build_app()),
    **{f"xtts-finetune {name}": command for name, command in GROUP.commands.items()},
}


def context_of(name: str) -> Any:
    return COMMANDS[name].make_context(name, [], resilient_parsing=True)


def in_one_line(text: str) -> str:
    return " ".join(text.split())


@pytest.mark.parametrize("width", [60, 80, 100, 200])
@pytest.mark.parametrize("name", COMMANDS)
def test_help_says_whole_sentences(name: str, width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    command = COMMANDS[name]
    with context_of(name) as context:
        text = help_text(command, context)
        told = [row[1] for each in command.get_params(context) if (row := parameter_row(each, context))]
    assert "…" not in text
    said = in_one_line(text)
    for sentence in (*paragraphs(command), *told):
        assert sentence in said
    commands = [line for _, line in EXAMPLES[command.callback.__name__]]
    long = [line for line in text.splitlines() if len(line) > min(width, 100) and line.strip() not in commands]
    assert long == []


def test_the_list_of_verbs_has_the_first_paragraph_of_each() -> None:
    with context_of("xtts-finetune") as context:
        said = in_one_line(help_text(GROUP, context))
    for name, command in GROUP.commands.items():
        assert (f" {name} {paragraphs(command)[0]}" in said) != command.hidden


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_says_what_it_is_for_and_what_to_type(name: str) -> None:
    command = COMMANDS[name]
    with context_of(name) as context:
        rows = [(one, row) for one in command.get_params(context) if (row := parameter_row(one, context))]
    for parameter, (names, text, _) in rows:
        assert re.fullmatch(r".*[.!?)]", text), (names, text)
        if parameter.param_type_name == "option" and not (parameter.is_flag or parameter.is_eager):
            assert " " in names.split(", ")[-1], names


@pytest.mark.parametrize(
    ("verb", "example"), [(verb, line) for verb, each in EXAMPLES.items() for _, line in each if "--help" not in line]
)
def test_examples_can_be_typed(verb: str, example: str) -> None:
    program, *words = shlex.split(example)
    if program == "xtts-finetune":
        assert verb.rstrip("_").replace("_", "-") in ("start", words[0])
        program = f"xtts-finetune {words.pop(0)}"
    COMMANDS[program].make_context(program, words).close()


def test_every_verb_has_examples() -> None:
    assert {command.callback.__name__ for command in COMMANDS.values()} == set(EXAMPLES)


@pytest.mark.parametrize(("alias", "verb"), main.ALIASES.items())
def test_names_of_other_tools_work_and_are_not_shown(alias: str, verb: str) -> None:
    assert {"train", "infer", "export"} <= set(main.ALIASES)
    ours, theirs = GROUP.commands[verb], GROUP.commands[alias]
    assert theirs.hidden and not ours.hidden
    assert type(theirs) is type(ours)
    assert [each.opts for each in theirs.params] == [each.opts for each in ours.params]
    assert theirs.callback.__name__ == ours.callback.__name__
