"""Whether the texts of the clips are what their sounds say: a recogniser reads each clip, once."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from xtts_finetune.data.hearing.models import (
    WEIGHTS,
    RecogniserModel,
    find_model,
    how_to_install,
    installed_models,
    recogniser_installed,
)
from xtts_finetune.errors import UserError
from xtts_finetune.records.atomic import write_bytes_atomic
from xtts_finetune.records.clips import ClipRecord, ClipWarning, WarningKind, iter_clips
from xtts_finetune.records.json_lines import JsonLinesWriter, json_line, parsed
from xtts_finetune.spec.pipeline import PipelineSpec

# Raise this when clips are read or judged in another way: what was heard before is then read anew.
FORMAT = 1
WHAT = "texts compared with their sound"

Progress = Callable[[int, int, str], None]
StartModule = Callable[[str, Sequence[str]], list[str]]


@dataclass(frozen=True)
class Compared:
    """What came of it: a warning by the place of the clip, and what the user should see."""

    warnings: dict[int, ClipWarning] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def recogniser_for(spec: PipelineSpec, language: str) -> RecogniserModel:
    """Which recogniser compares the texts in a language.

    Raises UserError, with the cure, where there is none.
    """
    if not recogniser_installed():
        raise UserError(f"no recogniser is installed; to have them compared, run {how_to_install()}")
    if spec.recogniser is None and not any(language == "en" or not model.english_alone for model in installed_models()):
        raise UserError(
            f"no recogniser on this machine reads '{language}'; "
            "name one in pipeline.yaml, which is fetched once: recogniser: small (480 MB)"
        )
    model = find_model(spec.recogniser, language)
    if model.english_alone and language != "en":
        raise UserError(f"the recogniser '{model.name}' reads English alone, and not '{language}'")
    return model


@dataclass
class TextChecks:
    """Compares texts with their sound as pipeline.yaml says. `start` builds the command line of a module.

    known   the file that remembers what was heard
    """

    spec: PipelineSpec
    known: Path
    start: StartModule

    def __post_init__(self) -> None:
        self._faults: dict[str, str] = {}
        self._models: dict[str, RecogniserModel | None] = {}
        if self.spec.check_texts == "on":
            recogniser_for(self.spec, self.spec.language)

    def __call__(self, read: Path, progress: Progress) -> Compared:
        """Compare all clips of a clips.jsonl. Raises UserError where the check must be, and cannot."""
        if self.spec.check_texts == "off":
            return Compared()
        before = _known(self.known)
        due: dict[Path, set[str]] = {}
        clips = unread = 0
        for clip in iter_clips(read):
            clips += 1
            model = self._model(clip.language)
            if model is None:
                unread += 1
            elif (key := _key(clip, model)) not in before:
                due.setdefault(model.folder, set()).add(key)
        notes = self._read_all(read, due, before, progress)
        if unread:
            fault = "; ".join(dict.fromkeys(self._faults.values()))
            some = "The texts" if unread == clips else f"The texts of {unread} of {clips} clips"
            notes.append(f"{some} were not compared with their sound: {fault}")
        warnings = {}
        used = set()
        for place, clip in enumerate(iter_clips(read)):
            model = self._model(clip.language)
            key = "" if model is None else _key(clip, model)
            used.add(key)
            if (warning := before.get(key)) is not None:
                warnings[place] = warning
        if not used.issuperset(before):
            _keep_only(self.known, used)
        return Compared(warnings, tuple(notes))

    def _model(self, language: str) -> RecogniserModel | None:
        if language not in self._models:
            try:
                self._models[language] = recogniser_for(self.spec, language)
            except UserError as error:
                if self.spec.check_texts == "on":
                    raise
                self._models[language] = None
                self._faults[language] = str(error)
        return self._models[language]

    def _read_all(
        self, read: Path, due: dict[Path, set[str]], before: dict[str, ClipWarning | None], progress: Progress
    ) -> list[str]:
        """Read what is due, and note each clip as it comes; why not all could be read."""
        total, done, notes = sum(map(len, due.values())), 0, []
        with JsonLinesWriter(self.known) as kept:
            for folder, keys in due.items():
                progress(done, total, WHAT)
                with self._tasks_of(read, folder, keys) as tasks:
                    for record in self._readings(folder, tasks):
                        if "failed" in record:
                            fault = f"were not compared with their sound: {record['failed']}"
                            if self.spec.check_texts == "on":
                                raise UserError(f"the texts {fault}")
                            notes.append(f"{total - done} texts {fault}")
                            break
                        done += 1
                        progress(done, total, WHAT)
                        if "heard" in record:
                            before[str(record["key"])] = _warning(record)
                            kept.write(record)
        return notes

    @contextmanager
    def _tasks_of(self, read: Path, folder: Path, keys: set[str]) -> Iterator[Path]:
        """A file with what is due, each clip once, for the process that reads them; gone in the end."""
        path = self.known.with_name(f".{self.known.name}.{os.getpid()}.tmp")
        left = set(keys)
        with path.open("w", encoding="ascii", newline="\n") as file:
            for clip in iter_clips(read):
                model = self._model(clip.language)
                if model is not None and model.folder == folder and (key := _key(clip, model)) in left:
                    left.remove(key)
                    task = {"key": key, "audio": str(clip.audio), "text": clip.text, "language": clip.language}
                    file.write(json.dumps(task) + "\n")
        try:
            yield path
        finally:
            path.unlink(missing_ok=True)

    def _readings(self, folder: Path, tasks: Path) -> Iterator[dict[str, Any]]:
        """What the process that reads says, a record a clip; `failed` in the last one if it did not get to the end."""
        command = self.start("xtts_finetune.data.text.reading", [str(folder), str(tasks)])
        with subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL) as child:
            failed = False
            try:
                for line in child.stdout or ():
                    record = json.loads(line)
                    failed = "failed" in record
                    yield record
            finally:
                child.terminate()  # where it is read to its end, it has ended
        if child.returncode and not failed:
            yield {"failed": f"the recogniser in {folder} ended early; the log of prepare says why"}


def _key(clip: ClipRecord, model: RecogniserModel) -> str:
    size = (model.folder / WEIGHTS).stat().st_size
    told = json.dumps([FORMAT, clip.sha256, clip.text, clip.language, model.name, size])
    return hashlib.blake2b(told.encode(), digest_size=16).hexdigest()


def _warning(record: Mapping[str, Any]) -> ClipWarning | None:
    reasons = record["reasons"]
    if not reasons:
        return None
    severity = round(float(record["badness"]), 2)
    return ClipWarning(WarningKind.OTHER_WORDS, "; ".join(reasons), severity, str(record["heard"]))


def _known(path: Path) -> dict[str, ClipWarning | None]:
    """What was heard before, by clip and text: a warning, or None where they agree. Damaged lines do not count."""
    if not path.is_file():
        return {}
    return {str(record["key"]): _warning(record) for record in parsed(path.read_bytes())[0]}


def _keep_only(path: Path, keys: Container[str]) -> None:
    """Leave out what was heard in clips that are there no more."""
    kept = [json_line(record) for record in parsed(path.read_bytes())[0] if str(record["key"]) in keys]
    write_bytes_atomic(path, b"".join(kept))
