"""What comes after `xtts-finetune init`: the check that every later command makes, and those commands."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path

from xtts_finetune.errors import UserError
from xtts_finetune.pipeline.plan.plan import make_plan
from xtts_finetune.setup.answers import Answers
from xtts_finetune.spec.declaration import load_declaration
from xtts_finetune.spec.languages import LANGUAGES
from xtts_finetune.xtts.text.cleaning import install_command, package_problem


def plan_of(answers: Answers) -> str:
    """'' if the written declaration can be planned, else what is still in the way.

    Raises UserError for a fault that a base on this machine would not mend.
    """
    declaration = load_declaration(answers.folder / "pipeline.yaml")
    if answers.base.missing:
        return "The declaration is right, but its base is not on this machine yet."
    try:
        make_plan(declaration)
    except UserError as error:
        raise UserError(f"the files were written, but cannot be planned yet: {error}") from None
    return ""


def steps(answers: Answers) -> list[tuple[str, str]]:
    """What to do next, and the command for it."""
    named = [] if answers.folder == Path.cwd() else ["-f", _shown(answers.folder)]
    rows = [("what would run", ["run_pipeline", "--plan", *named])]
    if answers.base.missing:
        rows.insert(0, ("get the base, 2.1 GB", ["xtts-finetune", "fetch"]))
    rows += [
        ("look at everything that a run needs", ["xtts-finetune", "doctor", *named]),
        ("read the clips; open DATA.html and mend what it names", ["xtts-finetune", "prepare", *named]),
        ("train; or double-click the launchers, a phase each", ["run_pipeline", *named]),
    ]
    lines = [(what, _line(words)) for what, words in rows]
    if package_problem(answers.language):
        what = f"the packages that {LANGUAGES[answers.language]} texts need"
        lines.insert(0, (what, install_command(answers.language)))
    return lines


def _shown(path: Path) -> str:
    """The path as it is shortest from here."""
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)


def _line(words: list[str]) -> str:
    return subprocess.list2cmdline(words) if sys.platform == "win32" else shlex.join(words)
