"""The utterances that a candidate has spoken so far, be it done, in the middle of speaking, or still in training."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from xtts_finetune.errors import UserError
from xtts_finetune.monitor.remembered import RememberedFile
from xtts_finetune.monitor.view import Sound
from xtts_finetune.records.heard.sample_faults import SampleFault, faults_of_lines
from xtts_finetune.records.json_lines import read_json_lines
from xtts_finetune.records.run_folder import STEP_FOLDER_NAME, CandidateFolder, sound_name

SOUND_NAME = re.compile(r"[^/\\:]{1,200}\.wav")


class Sounds:
    """Follows a candidate's utterances."""

    def __init__(self, folder: CandidateFolder) -> None:
        self._folder = folder
        self._record = RememberedFile(folder.utterances_json)
        self._scores = RememberedFile(folder.scores_json)
        self._faults: dict[int, RememberedFile] = {}

    def now(self) -> tuple[Sound, ...]:
        """The utterances as they are now: the final ones, or those of the newest step that was spoken at."""
        if not self._folder.utterances.is_dir():
            return ()
        final = tuple(self._final())
        return final or tuple(self._on_the_way())

    def _final(self) -> Iterator[Sound]:
        listed = self._record.read().get("utterances")
        if not isinstance(listed, list):
            listed = self._lines()
        faults = self._known_faults()
        for entry in listed:
            name = str(entry.get("file", "")) if isinstance(entry, Mapping) else ""
            if SOUND_NAME.fullmatch(name) and (self._folder.utterances / name).is_file():
                yield self._sound(name, entry, faults.get(name, ()))

    def _lines(self) -> list[dict[str, Any]]:
        """What a candidate that is speaking right now has finished."""
        try:
            return [record for _, record in read_json_lines(self._folder.spoken_lines)]
        except (UserError, OSError):
            return []

    def _known_faults(self) -> dict[str, tuple[SampleFault, ...]]:
        listed = self._scores.read().get("utterances")
        return {
            str(entry.get("file")): faults_of_lines(entry.get("findings") or entry.get("faults") or ())
            for entry in (listed if isinstance(listed, list) else [])
            if isinstance(entry, Mapping)
        }

    def _on_the_way(self) -> Iterator[Sound]:
        steps = self._folder.spoken_steps()
        if not steps:
            return
        step, path = steps[-1]
        remembered = self._faults.setdefault(step, RememberedFile(self._folder.faults(step)))
        self._faults = {step: remembered}
        for name, wrong in remembered.read().items():
            file = sound_name(str(name))
            if SOUND_NAME.fullmatch(file) and (path / file).is_file():
                faults = faults_of_lines(wrong) if isinstance(wrong, list) else ()
                yield Sound(str(name), "", self._relative(path / file), None, faults, step)

    def _sound(self, name: str, entry: Mapping[str, Any], faults: tuple[SampleFault, ...]) -> Sound:
        seconds = entry.get("seconds")
        return Sound(
            id=str(entry.get("id", name)),
            text=str(entry.get("text", "")),
            file=self._relative(self._folder.utterances / name),
            seconds=float(seconds) if isinstance(seconds, int | float) else None,
            faults=faults,
        )

    def _relative(self, file: Path) -> str:
        return str(PurePosixPath(*file.relative_to(self._folder.path.parent).parts))


def sound_file(root: Path, name: str) -> Path | None:
    """The file of a sound that a view named, or None: nothing but WAV files among a candidate's utterances."""
    parts = PurePosixPath(name).parts
    if not 3 <= len(parts) <= 4 or parts[1] != "utterances" or not SOUND_NAME.fullmatch(parts[-1]):
        return None
    if any(part in ("..", ".", "/") or "\\" in part or ":" in part for part in parts):
        return None
    if len(parts) == 4 and not STEP_FOLDER_NAME.fullmatch(parts[2]):
        return None
    file = root.joinpath(*parts)
    # A link must not lead out of the folder either.
    return file if file.is_file() and file.resolve().is_relative_to(root.resolve()) else None
