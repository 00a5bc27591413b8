"""Checks of `resume_from`: an earlier phase with a checkpoint it will have, or a file that exists."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from xtts_finetune.spec.checks.files import problem_of_file
from xtts_finetune.spec.reading.document import Document
from xtts_finetune.spec.reading.words import did_you_mean, listed
from xtts_finetune.spec.train import is_lora

_STEP = re.compile(r"step ([1-9][0-9]{0,9})")
WORDS = "'best', 'last' or 'step N'"


def check_resume(names: Sequence[str], phases: Mapping[str, Document]) -> None:
    """Check every phase's `resume_from` against the phases before it. `names` is the declared order."""
    for position, name in enumerate(names):
        document = phases.get(name)
        if document is None or not isinstance(document.get("resume_from"), dict):
            continue
        earlier = document.get("resume_from", "phase")
        if earlier is None:
            _check_file(document)
        elif isinstance(earlier, str):
            _check_phase(document, name, earlier, list(names[:position]), names)
            _check_checkpoint(document, earlier, phases.get(earlier))


def _check_phase(
    document: Document, name: str, earlier: str, before: list[str], names: Sequence[str]
) -> None:
    keys = ("resume_from", "phase")
    if earlier in before:
        return
    choice = (
        f"; phases before it: {listed(before)}" if before else "; it is the first phase: leave 'phase' out"
    )
    if earlier == "base":
        cure = "leave resume_from out" if not before else "no phase can do that but the first"
        message = f"'base' is no phase; to start from the base, {cure}"
    elif earlier == name:
        message = f"a phase cannot resume from itself{choice}"
    elif earlier in names:
        message = f"'{earlier}' comes after '{name}' in pipeline.yaml{choice}"
    else:
        message = f"there is no phase '{earlier}'{did_you_mean(earlier, before) or choice}"
    document.complain(keys, f"resume_from.phase: {message}")


def _check_checkpoint(document: Document, earlier: str, before: Document | None) -> None:
    keys = ("resume_from", "checkpoint")
    checkpoint: Any = document.get(*keys)
    checkpoint = "best" if checkpoint is None else checkpoint
    if not isinstance(checkpoint, str):
        return
    step = _STEP.fullmatch(checkpoint)
    if step is None and checkpoint not in ("best", "last"):
        hint = did_you_mean(checkpoint, ("best", "last")) or " (a path goes without 'phase')"
        message = f"expected {WORDS} with 'phase: {earlier}' but got '{checkpoint[:60]}'{hint}"
        document.complain(keys, f"resume_from.checkpoint: {message}")
        return
    planned = before.get("steps") if before is not None else None
    if step is not None and type(planned) is int and int(step.group(1)) > planned:
        message = f"'{checkpoint}' is beyond the end of '{earlier}', which has {planned} steps"
        document.complain(keys, f"resume_from.checkpoint: {message}")
    kept = document.get("resume_from", "optimizer") == "keep"
    if checkpoint == "best" and kept:
        message = (
            "'best' is kept without the optimizer's state; write 'checkpoint: last' or 'optimizer: reset'"
        )
        document.complain(("resume_from", "optimizer"), f"resume_from.optimizer: {message}")
    elif kept and before is not None and is_lora(before.get("train")):
        message = f"'{earlier}' trains adapters, whose moments are no others'; write 'optimizer: reset'"
        document.complain(("resume_from", "optimizer"), f"resume_from.optimizer: {message}")


def _check_file(document: Document) -> None:
    keys = ("resume_from", "checkpoint")
    checkpoint = document.get(*keys)
    if checkpoint is None:
        document.complain(
            ("resume_from",), "resume_from: expected 'phase' or 'checkpoint' (a path); it has neither"
        )
    elif isinstance(checkpoint, str):
        if checkpoint in ("best", "last") or _STEP.fullmatch(checkpoint):
            message = f"'{checkpoint}' needs 'phase': of which phase?"
        else:
            message = problem_of_file(document.folder, checkpoint)
        if message:
            document.complain(keys, f"resume_from.checkpoint: {message}")
