"""Other lengths for phases that `init` wrote, once clips were added or removed; what the user changed stays."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from xtts_finetune.data.eval_set import read_eval_set
from xtts_finetune.data.fingerprint import changes_since
from xtts_finetune.data.first_look import first_look
from xtts_finetune.data.readers import RawClip, read_dataset
from xtts_finetune.errors import UserError
from xtts_finetune.pipeline.plan.inputs import data_info
from xtts_finetune.records.atomic import json_or_none, write_json_atomic
from xtts_finetune.records.run_folder import RunFolder
from xtts_finetune.setup.data_sets import FoundSet
from xtts_finetune.setup.files import PHASES, render, write_files
from xtts_finetune.setup.found_data import Answers, look_at_base
from xtts_finetune.spec.declaration import Declaration
from xtts_finetune.spec.pipeline import DatasetSpec

# Beside pipeline.yaml: what `init` wrote, and from what.
RECORD = ".init.json"
# Another number of clips than this share of those before gives other lengths that are worth a word.
WORTH_A_WORD = 0.1


@dataclass(frozen=True)
class Written:
    """What `init` last wrote.

    clips, lines   clips that it took, and lines with text of the data sets then
    files          a hash of each file's text by its name
    """

    clips: int
    lines: int
    memory: int
    on_gpu: bool
    files: Mapping[str, str]

    def untouched(self, folder: Path, name: str) -> bool:
        """Whether a file is as it was written."""
        try:
            return self.files.get(name) == _hash((folder / name).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return False


def note_written(answers: Answers, files: Mapping[str, str], before: Written | None = None) -> None:
    """Record what was written, for a later refresh; of files that were left alone what was known `before` holds."""
    hashes = {**(before.files if before else {}), **{name: _hash(text) for name, text in files.items()}}
    lines = len(answers.look.kept) + sum(bool(clip.audio) for clip in answers.look.left_out)
    written = Written(len(answers.look.kept), lines, answers.memory, answers.on_gpu, hashes)
    write_json_atomic(answers.folder / RECORD, vars(written))


def read_written(folder: Path) -> Written | None:
    """What `init` wrote into the folder; None where it did not, or where its record is gone or damaged."""
    keys = Written.__annotations__
    return json_or_none(folder / RECORD, lambda record: Written(**{key: record[key] for key in keys}))


def clips_since(declaration: Declaration) -> tuple[int, int] | None:
    """The clips that `init` chose the lengths for, and those that there are now; None where that is no other number.

    Once they are prepared the second number is exact, before that it goes by the lines of the data sets.
    """
    written = read_written(declaration.file.parent)
    if written is None:
        return None
    now = written.clips + _lines(declaration) - written.lines
    info = data_info(RunFolder(declaration.run_folder))
    if info and not changes_since(declaration, info.get("inputs") or {}):
        now = int(info["clips"])
    return (written.clips, now) if abs(now - written.clips) > WORTH_A_WORD * written.clips else None


def since_words(clips: tuple[int, int]) -> str:
    """'20 clips were added since init chose the lengths of the phases (24 then, 44 now)'."""
    then, now = clips
    changed = f"{abs(now - then)} clip{'s were' if abs(now - then) != 1 else ' was'}"
    what = "added" if now > then else "removed"
    return f"{changed} {what} since init chose the lengths of the phases ({then} then, {now} now)"


def _lines(declaration: Declaration) -> int:
    pipeline = declaration.pipeline
    lines = (line for spec in pipeline.datasets for line in read_dataset(spec, pipeline.language))
    return sum(isinstance(line, RawClip) for line in lines)


@dataclass(frozen=True)
class Change:
    """A file that suits other data now: its values by their keys, before and after, and whether it may be written."""

    name: str
    values: Mapping[str, tuple[Any, Any]]
    untouched: bool


@dataclass(frozen=True)
class Refresh:
    """What a refresh would change, the texts of the files that it may write, and from what they were made."""

    changes: tuple[Change, ...]
    files: Mapping[str, str]
    answers: Answers
    written: Written

    def write(self) -> None:
        """Write the files that the user has not changed."""
        for name in self.files:
            (self.answers.folder / name).unlink(missing_ok=True)  # as it was written: nothing to keep
        write_files(self.answers.folder, self.files)
        note_written(self.answers, self.files, self.written)


def refresh_of(declaration: Declaration, memory: tuple[int, bool] | None = None) -> Refresh:
    """Choose the lengths anew for the clips that are there now; nothing is written.

    `memory` in bytes, and whether it is a GPU's; None: as it was. Raises UserError where `init` wrote nothing, or for
    too few clips.
    """
    folder, pipeline, run = declaration.file.parent, declaration.pipeline, RunFolder(declaration.run_folder)
    written = read_written(folder)
    if written is None:
        raise UserError(
            f"{folder} has no record of what init wrote ({RECORD}), so nothing there is known to be safe to write "
            "over; set up another folder with init and compare the two"
        )
    base = look_at_base(str(pipeline.base))
    look = first_look(pipeline.datasets, pipeline.language, base.vocab, pipeline.clips)
    size, on_gpu = memory or (written.memory, written.on_gpu)
    data = [_found(spec, pipeline.language) for spec in pipeline.datasets]
    answers = Answers(folder, pipeline.name, data, pipeline.language, "as before", base, size, on_gpu, look)
    frozen = read_eval_set(run.eval_set)
    texts = render(answers, None if frozen is None else len(frozen.clips))
    wanted = [f"phases/{name}.yaml" for name in PHASES]
    if frozen is None and written.untouched(folder, "pipeline.yaml"):
        # Nothing is held out yet: how much is, and which lines are spoken, follows the clips as well.
        wanted += ["pipeline.yaml", "eval/utterances.yaml"]
    changes = [change for name in wanted if (change := _change(folder, name, texts[name], written)) is not None]
    files = {change.name: texts[change.name] for change in changes if change.untouched}
    return Refresh(tuple(changes), files, replace(answers), written)


def _found(spec: DatasetSpec, language: str) -> FoundSet:
    clips = tuple(line for line in read_dataset(spec, language) if isinstance(line, RawClip))
    return FoundSet(spec, clips, spec.speaker is None)


def _change(folder: Path, name: str, text: str, written: Written) -> Change | None:
    try:
        old = _values(yaml.safe_load((folder / name).read_text(encoding="utf-8")))
    except (OSError, ValueError, yaml.YAMLError):
        return None  # it is gone, or of the user's making
    new = _values(yaml.safe_load(text))
    values = {key: (old.get(key), new.get(key)) for key in {**old, **new} if old.get(key) != new.get(key)}
    return Change(name, values, written.untouched(folder, name)) if values else None


# What follows the number of clips and the memory; all else in the files does not.
KEYS = (
    "steps",
    "eval_every_steps",
    "utterances_every_evals",
    "checkpoint_every.steps",
    "no_improvement.steps",
    "batch_size",
    "accumulate",
    "eval_set.fraction",
    "eval_set.at_least",
    "sentences",
)


def _values(content: Any) -> dict[str, Any]:
    found = {}
    if isinstance(content, dict):
        rules = content.get("stop_when") or []
        waits = {"no_improvement": next((rule for rule in rules if rule.get("rule") == "no_improvement"), None)}
        lines = {"sentences": [line["text"] for line in content.get("sentences") or []] or None}
        for key in KEYS:
            value: Any = {**content, **waits, **lines}
            for part in key.split("."):
                value = value.get(part) if isinstance(value, dict) else None
            if value is not None:
                found[key] = value
    return found


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
