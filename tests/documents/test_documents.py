"""Every command in the documents is right, and those that take seconds are run.

Our own commands are all read by the commands themselves: verb, options, arguments. Each command in a block
stands in one of two tables besides, RUN or READ, or a test fails: nobody can write a command into a document that
is in neither.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import tomllib
from typer.main import get_command

from tests.documents.found import DOCUMENTS, OURS, ROOT, Command, in_blocks, in_text
from tests.pipeline.project import make_project
from xtts_finetune.cli import main, run_pipeline

if sys.version_info >= (3, 11):
    import tomllib
else:
    tomllib = pytest.importorskip("tomli")

BLOCKS = [command for document in DOCUMENTS for command in in_blocks(document)]
NAMED = [command for document in DOCUMENTS for command in in_text(document)]

# Run as they stand, in a project whose two phases are done: what each must print.
RUN: dict[str, str] = {
    "run_pipeline --plan": "Everything is up to date",
    "run_pipeline phase1": "Everything is up to date",
    "run_pipeline phase2": "Everything is up to date",
    "xtts-finetune tries": "There are no earlier tries",
    "xtts-finetune doctor": "ok       phase1",
    "xtts-finetune decide": "nobody has listened yet",
    "xtts-finetune report": "REPORT.html",
    "xtts-finetune samples": "phase2 has spoken",
    "xtts-finetune monitor": "phase2",  # no terminal here: one look
    "xtts-finetune monitor --json": '"mel_ce"',
    "xtts-finetune monitor --png curves.png --html page.html": "written: page.html",
    "xtts-finetune diagnose": "too short",
    "xtts-finetune diagnose phase1": "too short",
    "xtts-finetune diagnose phase2": "too short",
    "xtts-finetune samples base phase1": "phase1 has spoken",
    "xtts-finetune diagnose old/trainer_0_log.txt": "trainer_0_log.txt",
    "xtts-finetune diagnose losses.csv --json": '"verdict"',
    "xtts-finetune solve phase1": "race all:",
    "xtts-finetune schema": "schemas/pipeline.schema.json",
    "run_pipeline --demo --plan": "stages would run",
}

# Read only, and why. A pattern must fit the whole command.
READ: dict[str, str] = {
    # Hours on a GPU, minutes on the demo, gigabytes of packages
    r"make|make [a-z-]+": "that there is such a target is tested; the targets are what CI runs",
    r"(python|py)[\d.]* (-3\.\d+ )?-m venv \.venv": "makes an environment",
    r"(python[\d.]* -m )?pip install .+": "downloads; its file and extras are tested below",
    r"run_pipeline --demo": "two minutes; tests of training and the demo do it part by part",
    r"run_pipeline( phase\d)? --.+": "trains; overrides are run in tests/cli/test_overrides.py",
    r"xtts-finetune monitor run/\S+ .*": "runs of others; run in tests/monitor",
    r"xtts-finetune diagnose train\.log": "a log of the user's; all formats are read in tests/curves",
    r"xtts-finetune solve phase2": "needs a second phase that has stalled; run in tests/trials",
    r"xtts-finetune schema --out \S+": "writes elsewhere; run in tests/spec",
    r"run_pipeline": "trains; run in tests/pipeline/test_run.py",
    r"xtts-finetune prepare.*": "needs clips; run in tests/data and tests/cli/test_prepare_strict.py",
    r"xtts-finetune listen.*": "needs speech; run in tests/pipeline/test_listening.py and tests/cli/test_listen.py",
    r"xtts-finetune monitor .*--web.*|xtts-finetune monitor --web.*": "serves until Ctrl-C; run in tests/monitor",
    r"xtts-finetune monitor --watch.*": "shows until Ctrl-C; run in tests/monitor",
    r"xtts-finetune diagnose phase1 --demo": "needs the demo's run; run in tests/cli/test_diagnose.py",
    r"xtts-finetune solve \S+ --(race|run|adopt).*": "trains; run in tests/trials",
    r"xtts-finetune (search|worker).*": "trains; run in tests/trials",
    r"xtts-finetune tries --.+": "needs an earlier try; run in tests/pipeline/tries/test_tries.py",
    r"export [A-Z_]+=.+": "a setting of the shell",
    r"xtts-finetune fetch.*": "downloads 2.1 GB; run against a local server in tests/fetch",
    r"xtts-finetune init.*": "asks; run in tests/setup",
    r"xtts-finetune (import|review) .+": "needs recordings; run in tests/recordings",
    r"xtts-finetune ship.*": "needs a trained model; run in tests/shipping and tests/cli/test_ship.py",
    r"xtts-finetune say .*": "needs a shipped model; run in tests/cli/test_ship.py",
    r"xtts-finetune speak .*": "needs a script and a trained model; run in tests/speaking/test_speak.py",
    r"xtts-finetune tune-speech.*": "needs a trained model; run in tests/speaking/test_tuning.py",
    r"xtts-finetune serve.*": "serves until Ctrl-C; run in tests/speaking/test_serving.py and tests/cli/test_serve.py",
    r"[\w-]+\.(sh|bat).*": "launchers: that they exist is tested below, and Windows' are run in tests/launchers",
    r"python -m benchmarks\.\w+.*": "minutes; that there is such a program with such options is tested below",
    # Other people's programs
    r"tensorboard --logdir \S+": "serves until Ctrl-C",
    r"mlflow .*": "serves until Ctrl-C",
    r"tts .*": "Coqui's own command",
    r"git clone .+|cd .+|pre-commit install": "no command of ours",
    r"python scripts/torch_for_card\.py": "asks the driver; run in tests/launchers/test_torch_for_card.py",
    r"python -c .+": "one line of Python",
}


def check_usage(words: tuple[str, ...]) -> None:
    """Raise the command's own error when it does not understand the words; nothing is run."""
    program, *arguments = words
    arguments = [word.strip("[]") for word in arguments]
    command: Any = get_command((run_pipeline if program == "run_pipeline" else main).build_app())
    if program == "xtts-finetune" and arguments and not arguments[0].startswith("-"):
        verb = command.commands.get(arguments[0])
        assert verb is not None, f"there is no verb {arguments[0]!r}"
        command, arguments = verb, arguments[1:]
    if any(word in ("-h", "--help", "--version") for word in arguments) or (
        program == "xtts-finetune" and not words[1:]
    ):
        return
    command.make_context(" ".join(words[:2]), list(arguments))


def unique(commands: list[Command]) -> list[Command]:
    return list({command.text: command for command in commands}.values())


OUR_COMMANDS = unique([command for command in [*BLOCKS, *NAMED] if command.words[0] in OURS])


def on_this_project(command: Command) -> str:
    """The command without the declaration that it names: RUN's are run on one of the test's own."""
    return re.sub(r" -f (my-voice|voices/anna)\b", "", command.text)


def needs_arguments(command: Command) -> bool:
    """Whether it is named in the text, where `xtts-finetune solve` stands for the verb."""
    return command in NAMED and len(command.words) == 2


@pytest.mark.parametrize("command", OUR_COMMANDS, ids=str)
def test_the_commands_understand_what_the_documents_say(command: Command) -> None:
    try:
        check_usage(command.words)
    except Exception as error:
        if not (needs_arguments(command) and "Missing" in f"{type(error).__name__} {error}"):
            raise AssertionError(f"{command}: {error}") from None


def test_a_wrong_option_would_be_seen() -> None:
    for words in (("run_pipeline", "--plann"), ("xtts-finetune", "monitor", "--port", "x")):
        with pytest.raises(Exception, match=r"plann|integer"):
            check_usage(words)


@pytest.mark.parametrize("command", unique(BLOCKS), ids=str)
def test_every_command_is_run_or_it_is_said_why_not(command: Command) -> None:
    if "..." in command.text or command.text.endswith("[OPTIONS]"):
        return  # a form, not a command
    text = on_this_project(command)
    why = [pattern for pattern in READ if re.fullmatch(pattern, text)]
    assert text in RUN or why, f"{command}: put it into RUN or READ"


def test_no_entry_is_left_over() -> None:
    texts = {on_this_project(command) for command in [*BLOCKS, *NAMED]}
    assert not [text for text in RUN if text not in texts]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The current folder: a project that was run through by stand-ins for the processes that train."""
    project = make_project(tmp_path_factory.mktemp("documents") / "project")
    project.run()
    (project.folder / "old").mkdir()
    rows = [f"{epoch},{3.5 - 0.1 * epoch:.2f},{3.6 - 0.1 * epoch:.2f}" for epoch in range(12)]
    table = "\n".join(["epoch,loss,val_loss", *rows, ""])
    (project.folder / "losses.csv").write_text(table, encoding="utf-8")
    lines = [f"epoch {epoch} loss: {3.5 - 0.1 * epoch:.2f}" for epoch in range(12)]
    (project.folder / "old" / "trainer_0_log.txt").write_text("\n".join([*lines, ""]), encoding="utf-8")
    before = Path.cwd()
    os.chdir(project.folder)
    yield project.folder
    os.chdir(before)


@pytest.mark.parametrize("text", RUN)
def test_run(text: str, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program, *arguments = text.split()
    monkeypatch.setattr(sys, "argv", [program, *arguments])
    printed = io.StringIO()
    with (
        contextlib.redirect_stdout(printed),
        contextlib.redirect_stderr(printed),
        pytest.raises(SystemExit) as end,
    ):
        (run_pipeline if program == "run_pipeline" else main).main()
    assert end.value.code == 0, printed.getvalue()
    assert RUN[text] in printed.getvalue()


@pytest.mark.parametrize("command", [c for c in unique(BLOCKS) if re.match(r"[\w-]+\.(sh|bat)$", c.words[0])], ids=str)
def test_launchers_exist_and_pass_on_options_that_exist(command: Command) -> None:
    assert (ROOT / command.words[0]).is_file()
    if command.words[0].startswith("breakthrough"):
        check_usage(("run_pipeline", *command.words[1:]))


@pytest.mark.parametrize("command", [c for c in unique(BLOCKS) if "benchmarks" in c.text], ids=str)
def test_benchmarks_exist_with_their_options(command: Command) -> None:
    name = next(word for word in command.words if "benchmarks" in word)
    place = ROOT / name.replace(".", "/")
    source = (place / "__main__.py" if place.is_dir() else place.with_suffix(".py")).read_text(encoding="utf-8")
    assert [word for word in command.words if word.startswith("--") and f'"{word}"' not in source] == []


def test_benchmarks_are_started_as_modules() -> None:
    """As files they would find each other only where the project's folder is on the path."""
    texts = [*ROOT.glob("benchmarks/**/*.py"), *ROOT.glob("docs/*.md"), ROOT / "README.md"]
    assert [text.name for text in texts if "python benchmarks/" in text.read_text(encoding="utf-8")] == []


@pytest.mark.parametrize("command", [c for c in unique(BLOCKS) if "install" in c.words], ids=str)
def test_what_is_installed_exists(command: Command) -> None:
    for option, value in zip(command.words, command.words[1:], strict=False):
        assert option != "-c" or (ROOT / value).is_file()
    named = re.findall(r"(?:\.|xtts-finetune)\[([\w,]+)\]", command.text)
    with (ROOT / "pyproject.toml").open("rb") as file:
        extras = set(tomllib.load(file)["project"]["optional-dependencies"])
    assert {extra for group in named for extra in group.split(",")} <= extras


def test_all_documents_were_read() -> None:
    assert {"README.md", "getting-started.md", "monitor.md"} <= {command.document for command in BLOCKS}
    assert shutil.which("python") is None or len(unique(BLOCKS)) > 30
