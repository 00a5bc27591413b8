"""What a race is run from, pinned in its folder: the checkpoint, the length, the remedies.

`run/<name>/remedies/<phase>/` holds `start.pth` (a hard link to the phase's checkpoint, so that the race stays what it
is while the phase goes on), a file for each remedy, and `setup.json`, written last.

A remedy as a file in the language of a phase, with what it changes and why as comments.
"""

from __future__ import annotations

import hashlib
import json
import textwrap
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import yaml

from xtts_finetune.errors import DeclarationError, UserError
from xtts_finetune.records.atomic import link_or_copy, write_json_atomic, write_text_atomic
from xtts_finetune.spec.reading.yaml_file import read_document
from xtts_finetune.trials.race.remedies import AVERAGED, CONTROL, Remedy
from xtts_finetune.trials.situation import Situation
from xtts_finetune.trials.trials import Trial
from xtts_finetune.xtts.base import quick_hash

WIDTH = 110


def remedy_text(remedy: Remedy, values: Mapping[str, Any], unchanged: Mapping[str, Any], of: str) -> str:
    """The file's text: the remedy's `values`, each with what it is in `unchanged`, the control's values."""
    lines = [
        f"# Remedy '{remedy.name}' for {of}, written by xtts-finetune solve. What you change here is kept."
    ]
    for title, words in (
        ("Change", remedy.change),
        ("Why", remedy.why),
        ("Expected", remedy.expect),
    ):
        lines += textwrap.wrap(
            f"{title}: {words}.", WIDTH, initial_indent="# ", subsequent_indent="#   ", break_long_words=False
        )
    for key, value in values.items():
        before = unchanged.get(key)
        comment = "" if before == value else f"   # {'was ' + _flow(before) if key in unchanged else 'new'}"
        lines.append(f"{key}: {_flow(value)}{comment}")
    return "\n".join(lines) + "\n"


def read_remedy(file: Path) -> dict[str, Any]:
    """The values of a remedy's file. Raises DeclarationError when it cannot be read; no value is checked yet."""
    document = read_document(file, file.name)
    if document.data is None:
        raise DeclarationError(document.problems())
    return dict(document.data)


def _flow(value: object) -> str:
    """A value on one line of YAML."""
    text = yaml.safe_dump(value, default_flow_style=True, sort_keys=False, width=10_000, allow_unicode=True)
    return text.removesuffix("\n").removesuffix("\n...")


VERSION = 2


@dataclass(frozen=True)
class RaceFolder:
    """`run/<name>/remedies/<phase>/`."""

    path: Path

    @property
    def start(self) -> Path:
        """The checkpoint that every remedy starts from."""
        return self.path / "start.pth"

    @property
    def setup(self) -> Path:
        """What the race is run from."""
        return self.path / "setup.json"

    @property
    def race(self) -> Path:
        """What came out, for programs."""
        return self.path / "race.json"

    @property
    def selection(self) -> Path:
        """What came out, for people."""
        return self.path / "BEST_MODEL_SELECTION.txt"

    @property
    def page(self) -> Path:
        """The curves, one file."""
        return self.path / "RACE.html"

    def remedy(self, name: str) -> Path:
        """A remedy's file."""
        return self.path / f"{name}.yaml"

    def trial(self, name: str) -> Path:
        """The run folder in which a remedy is trained."""
        return self.path / name


@dataclass(frozen=True)
class Start:
    """Where all remedies start: which checkpoint of the phase, at which step, and whether its moments go on."""

    which: Literal["last", "best"]
    step: int
    mel_ce: float | None
    optimizer: Literal["keep", "reset"]
    fingerprint: str = ""


@dataclass(frozen=True)
class Entry:
    """A remedy as the race knows it; `written` is the fingerprint of its file as it was made."""

    name: str
    kind: Literal["train", "average", "advice"]
    change: str
    why: str
    expect: str
    written: str = ""


@dataclass(frozen=True)
class Setup:
    """What a race is run from. Lengths and marks count evaluations; `best_before` is the mel_ce of the phase's best
    model.
    """

    phase: str
    start: Start
    evals: int
    marks: tuple[int, ...]
    eval_every: int
    entries: tuple[Entry, ...]
    best_before: float
    models: tuple[str, ...] = ()
    diagnosis: str = ""

    @property
    def steps(self) -> int:
        """Length of the race in steps of the control."""
        return self.evals * self.eval_every

    @property
    def trained(self) -> tuple[Entry, ...]:
        """The remedies that are trained, the control first."""
        return tuple(entry for entry in self.entries if entry.kind == "train")

    def entry(self, name: str) -> Entry:
        """The remedy of this name. Raises UserError when there is none."""
        for entry in self.entries:
            if entry.name == name:
                return entry
        known = ", ".join(entry.name for entry in self.entries)
        raise UserError(f"there is no remedy '{name}' for {self.phase}; there are: {known}")

    def to_json(self) -> dict[str, Any]:
        """As setup.json holds it."""
        return {"version": VERSION, **asdict(self)}


def write_setup(
    folder: RaceFolder, setup: Setup, situation: Situation, remedies: Mapping[str, Remedy]
) -> Setup:
    """Write the remedies' files, then setup.json; the setup with the files' fingerprints.

    A file that somebody has changed since it was made stays as it is.
    """
    before = read_setup(folder)
    ours = {entry.name: entry.written for entry in before.entries} if before else {}
    unchanged = situation.going_on()
    entries = []
    for entry in setup.entries:
        remedy, file = remedies[entry.name], folder.remedy(entry.name)
        values = remedy.values(situation) if remedy.kind == "train" else {}
        text = remedy_text(remedy, values, unchanged, setup.phase)
        if not file.is_file() or _fingerprint(file) == ours.get(entry.name):
            write_text_atomic(file, text)
        entries.append(Entry(**{**asdict(entry), "written": _hash(text)}))
    setup = Setup(**{**setup.__dict__, "entries": tuple(entries)})
    write_json_atomic(folder.setup, setup.to_json())
    return setup


def read_setup(folder: RaceFolder) -> Setup | None:
    """The setup of a race, None where there is none. Raises UserError when it cannot be understood."""
    if not folder.setup.is_file():
        return None
    try:
        content = json.loads(folder.setup.read_text(encoding="utf-8"))
        if content.pop("version") != VERSION:
            raise ValueError("it is of another version")
        return Setup(
            **{
                **content,
                "start": Start(**content["start"]),
                "entries": tuple(Entry(**entry) for entry in content["entries"]),
                "marks": tuple(int(mark) for mark in content["marks"]),
                "models": tuple(content["models"]),
            }
        )
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise UserError(f"{folder.setup}: damaged ({error}); begin the race anew with --fresh") from None


def pin(source: Path, start: Path) -> str:
    """Keep a starting checkpoint as `start`, and return its fingerprint; it needs no room beside the phase's own.

    A hard link where the file system has them, else a copy.
    """
    start.parent.mkdir(parents=True, exist_ok=True)
    link_or_copy(source, start)
    return quick_hash(start)


def trial_of(folder: RaceFolder, setup: Setup, name: str, seed: int | None = None) -> Trial:
    """A remedy's trial, from its file as it now is; with `seed` a repetition of it with other batches.

    Raises DeclarationError when the file cannot be read.
    """
    values = read_remedy(folder.remedy(name))
    shown = name
    if seed is not None:
        values["seed"] = seed
        shown = f"{name}-seed{seed}"
    return Trial(shown, folder.trial(shown), values, folder.start, _optimizer(values, setup))


def changed_by_hand(folder: RaceFolder, entry: Entry) -> bool:
    """Whether a remedy's file is not as it was made."""
    return _fingerprint(folder.remedy(entry.name)) != entry.written


def names_of(setup: Setup) -> tuple[str, ...]:
    """The remedies that race, without the control and what needs no training."""
    return tuple(entry.name for entry in setup.trained if entry.name not in (CONTROL, AVERAGED))


def _optimizer(values: Mapping[str, Any], setup: Setup) -> Literal["keep", "reset"]:
    # Adapters start anew, so there are no moments for them.
    return "reset" if isinstance(values.get("train"), Mapping) else setup.start.optimizer


def _fingerprint(file: Path) -> str:
    return _hash(file.read_text(encoding="utf-8", errors="replace")) if file.is_file() else ""


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8")).hexdigest()[:16]
