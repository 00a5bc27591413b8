"""The errors that a user may see: each says what is wrong, where, and what to do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


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
