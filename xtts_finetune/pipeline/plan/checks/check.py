"""The answer of one check."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Verdict(str, Enum):
    """How a check came out. An error keeps a run from starting, a warning does not."""

    OK = "ok"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True)
class Check:
    """What was looked at, what was found, and for all but 'ok' what to do about it."""

    name: str
    verdict: Verdict
    found: str
    cure: str = ""

    def __str__(self) -> str:
        return f"{self.name}: {self.found}" + (f"; {self.cure}" if self.cure else "")


def ok(name: str, found: str) -> Check:
    """All is as it should be."""
    return Check(name, Verdict.OK, found)


def warning(name: str, found: str, cure: str) -> Check:
    """Something that may go wrong."""
    return Check(name, Verdict.WARNING, found, cure)


def error(name: str, found: str, cure: str) -> Check:
    """Something that will go wrong."""
    return Check(name, Verdict.ERROR, found, cure)


def found_and_cure(problem: str) -> tuple[str, str]:
    """A line 'what was found; what to do' as its two halves."""
    found, _, cure = problem.rpartition("; ")
    return (found, cure) if found else (problem, "")
