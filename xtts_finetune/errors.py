"""The errors that a user may see: each says what is wrong, where, and what to do. And the exit codes of commands.

0 done, 1 failed, 2 an input is wrong, 130 interrupted. Whatever else is raised is unexpected: 1, with a log.

    UserError                 errors                            2: nothing was started
        DeclarationError      errors                            2: everything wrong in a declaration, at once
        AtWork                pipeline.children.lock            2: another command is at work in the run's folder
        Unreadable            training.rank                     2: but the phase had begun, so its records are closed
    WorkFailed                errors                            1: what was started could not be finished
    Interrupted               pipeline.children.process         130: what was done is kept

These stay in their rooms: whoever calls knows what to make of them.

    TooMuch                   spec.reading.yaml_file            no declaration is as large
    NotRead                   xtts.weights.stored_tensors       a file of weights, and why
    AudioError                data.sound.unbroken               a file that is no sound; its clip is left out
    Unusable                  data.text.trainable               a text that cannot be used; its clip is left out
    NoClip                    data.readers.jsonl                a line that is no clip; it is left out
    ToldByAnother             training.rank                     another rank has said how the phase ends
    OthersAreGone             training.rank                     the other ranks are gone, and said nothing
    RestartsUsedUp            ranks.agent                       a rank was lost once too often
    _EvaluationInterrupted    training.phase_trainer            Ctrl-C in the middle of an evaluation
    _Interrupted              evaluation.spoken_quality         Ctrl-C in the middle of speaking
    NotMeasured               evaluation.instruments.panel      an instrument that cannot be read here, and why
    NotTaken                  evaluation.listening.answers      a rating that is refused, and why
        AlreadyTaken          evaluation.listening.answers      the very rating is there
    NotDecided                recordings.review.decisions       a decision that cannot be made, and why
    NotAccepted               look.loopback                     what a page hands in and no server reads
    Refused                   speaking.serving.asking           what a program asks the server for and does not get
    Full                      speaking.serving.desk             as many wait already as may
    _Left                     speaking.serving.desk             whoever asked is gone
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

DONE, FAILED, WRONG_INPUT, INTERRUPTED = 0, 1, 2, 130


class UserError(Exception):
    """An input is wrong and nothing was started: one clear message, exit code 2."""


@dataclass(frozen=True)
class Problem:
    """One thing wrong in a declaration: `where` is a file with its line, `message` names key, finding and cure."""

    where: str
    message: str

    def __str__(self) -> str:
        return f"{self.where}: {self.message}"


class DeclarationError(UserError):
    """Everything wrong in a declaration, all at once."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        count = len(self.problems)
        lines = [str(problem) for problem in self.problems]
        lines.append(f"{count} error{'s' if count != 1 else ''}; nothing was started.")
        super().__init__("\n".join(lines))


class WorkFailed(Exception):
    """Work that was started could not be finished: the reason on one line and where the log is, exit code 1."""

    def __init__(self, message: str, log: Path | None = None) -> None:
        super().__init__(message if log is None else f"{message}\n  log: {log}")
        self.log = log
