"""The run's folder: may it be written to, is anybody at work in it?"""

from __future__ import annotations

import os
from pathlib import Path

from xtts_finetune.errors import UserError
from xtts_finetune.pipeline.children.lock import refuse_second_command
from xtts_finetune.pipeline.plan.checks.check import Check, error, ok, warning

NAME = "run folder"


def check_folder(root: Path) -> Check:
    """Whether the folder, or the one that it will be made in, may be written to."""
    there = root
    while not there.exists() and there != there.parent:
        there = there.parent
    if not there.is_dir():
        return error(NAME, f"{there} is a file, not a folder", "move it away, or name the pipeline otherwise")
    if not os.access(there, os.W_OK):
        return error(NAME, f"{there} may not be written to", "give yourself the right, or move the project")
    return ok(NAME, str(root))


def check_nobody_at_work(root: Path) -> Check:
    """Whether another command is at work in the folder."""
    try:
        refuse_second_command(root)
    except UserError as fault:
        return warning("commands", str(fault), "one at a time works in a run's folder")
    return ok("commands", "no other is at work here")
