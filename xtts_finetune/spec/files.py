"""Paths of a declaration: relative to the file that they stand in; checks that what they name is there.

`resume_from` names an earlier phase with a checkpoint that it will have, or a file.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from xtts_finetune.numbers.fixed import BASE
from xtts_finetune.spec.formats import METADATA, find_metadata
from xtts_finetune.spec.reading.document import Document, Keys
from xtts_finetune.spec.reading.words import did_you_mean, listed
from xtts_finetune.spec.train import is_lora

STEP = re.compile(r"step ([1-9][0-9]{0,9})")
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


def _check_phase(document: Document, name: str, earlier: str, before: list[str], names: Sequence[str]) -> None:
    keys = ("resume_from", "phase")
    if earlier in before:
        return
    choice = f"; phases before it: {listed(before)}" if before else "; it is the first phase: leave 'phase' out"
    if earlier == BASE:
        cure = "leave resume_from out" if not before else "only the first phase can do that"
        message = f"'base' is not a phase; to start from the base, {cure}"
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
    step = STEP.fullmatch(checkpoint)
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
        message = "'best' is kept without the optimizer's state; write 'checkpoint: last' or 'optimizer: reset'"
        document.complain(("resume_from", "optimizer"), f"resume_from.optimizer: {message}")
    elif kept and before is not None and is_lora(before.get("train")):
        message = f"'{earlier}' trains adapters, whose moments fit nothing else; write 'optimizer: reset'"
        document.complain(("resume_from", "optimizer"), f"resume_from.optimizer: {message}")


def _check_file(document: Document) -> None:
    keys = ("resume_from", "checkpoint")
    checkpoint = document.get(*keys)
    if checkpoint is None:
        document.complain(("resume_from",), "resume_from: expected 'phase' or 'checkpoint' (a path); it has neither")
    elif isinstance(checkpoint, str):
        if checkpoint in ("best", "last") or STEP.fullmatch(checkpoint):
            message = f"'{checkpoint}' needs 'phase': of which phase?"
        else:
            message = problem_of_file(document.folder, checkpoint)
        if message:
            document.complain(keys, f"resume_from.checkpoint: {message}")


BASE_FILES = ("model.pth", "dvae.pth", "mel_stats.pth", "vocab.json", "config.json")
KNOWN_BASES = ("xtts_v2",)


def absolute(folder: Path, written: str | Path) -> Path:
    """`written` as an absolute path, taken relative to `folder`; '~' is the user's home. Touches no file.

    Raises ValueError with words if no path can be made of it.
    """
    try:
        return (folder / Path(written).expanduser()).resolve()
    except (OSError, RuntimeError, ValueError) as error:
        raise ValueError(f"'{str(written)[:60]}' is not a path: {error}") from None


def is_base_folder(folder: Path, base: str) -> bool:
    """Whether `base` names a folder rather than a known base such as xtts_v2."""
    looks_like_path = base.startswith((".", "~")) or "/" in base or "\\" in base
    return looks_like_path or is_folder(folder / base)


def problem_of_file(folder: Path, written: str) -> str:
    """What is wrong with `written` as the path of an existing file, or nothing."""
    if problem := problem_of_path(folder, written):
        return problem
    path = absolute(folder, written)
    if is_file(path):
        return ""
    if is_folder(path):
        return f"expected a file, but '{written}' is a folder"
    if _is_something(path):
        return f"'{written}' is not an ordinary file{_looked_for(path, folder, written)}"
    return f"there is no file '{written}'{_looked_for(path, folder, written)}"


def problem_of_path(folder: Path, written: str) -> str:
    """What is wrong with `written` as a path, whatever is there, or nothing."""
    try:
        absolute(folder, written)
    except ValueError as error:
        return str(error)
    return ""


def check_files(pipeline: Document, utterances: Document | None) -> None:
    """The base's files, the data sets' folders and the reference recordings."""
    _check_base(pipeline)
    seen: dict[tuple[Path, str], int] = {}
    for index, _ in pipeline.entries("datasets"):
        keys: Keys = ("datasets", index, "path")
        folder = _check_dataset(pipeline, keys, index)
        if folder is None:
            continue
        # One folder may hold several: train.tsv and other.tsv of Common Voice, say.
        usual = METADATA.get(pipeline.text("datasets", index, "format") or "", ())
        texts = pipeline.text("datasets", index, "metadata") or "".join(usual[:1])
        first = seen.setdefault((folder, texts), index)
        if first != index:
            message = f"datasets[{first}] reads the same folder; its clips would count twice"
            pipeline.complain(keys, f"datasets[{index}].path: {message}")
    if utterances is not None:
        _check_reference(utterances)


def _check_reference(utterances: Document) -> None:
    """The recordings are there, and nothing says that the voice is taken from clips as well."""
    recordings = list(utterances.entries("reference", "files"))
    for index, written in recordings:
        problem = problem_of_file(utterances.folder, written) if isinstance(written, str) else ""
        if problem:
            utterances.complain(("reference", "files", index), f"reference.files[{index}]: {problem}")
    clips = ("reference", "clips")
    if recordings and utterances.get(*clips) is not None and clips not in utterances.faulty:
        files_line, clips_line = utterances.place(("reference", "files")).line, utterances.place(clips).line
        if files_line == 0 < clips_line:
            return  # files from the command line take the place of the declaration's clips
        message = "the voice comes from 'files' or from training clips; leave out 'clips' or 'files'"
        utterances.complain(clips, f"reference: {message}")


def _check_base(pipeline: Document) -> None:
    base = pipeline.text("base")
    if base is None:
        return
    if not is_base_folder(pipeline.folder, base):
        if base not in KNOWN_BASES:
            hint = did_you_mean(base, KNOWN_BASES) or f"; known names: {listed(KNOWN_BASES)}"
            message = f"there is no folder '{base}', and no base of that name is known{hint}"
            pipeline.complain(("base",), f"base: {message}")
        return
    try:
        folder = absolute(pipeline.folder, base)
    except ValueError as error:
        pipeline.complain(("base",), f"base: {error}")
        return
    if not is_folder(folder):
        looked = _looked_for(folder, pipeline.folder, base)
        pipeline.complain(("base",), f"base: there is no folder '{base}'{looked}")
        return
    missing = [name for name in BASE_FILES if not is_file(folder / name)]
    if missing:
        message = f"the folder '{base}' lacks {listed(missing)}; a base has {listed(BASE_FILES)}"
        pipeline.complain(("base",), f"base: {message}")


def _check_dataset(pipeline: Document, keys: Keys, index: int) -> Path | None:
    """Complain about a data set's folder; the folder if it could be named."""
    written = pipeline.text(*keys)
    if written is None:
        return None
    try:
        folder = absolute(pipeline.folder, written)
    except ValueError as error:
        pipeline.complain(keys, f"datasets[{index}].path: {error}")
        return None
    if not is_folder(folder):
        kind = "is a file, not a folder" if is_file(folder) else "is missing"
        looked_for = _looked_for(folder, pipeline.folder, written)
        cure = "put the clips there or correct the path; to try without any: run_pipeline --demo"
        pipeline.complain(keys, f"datasets[{index}].path: the folder '{written}' {kind}{looked_for}; {cure}")
    else:
        _check_metadata(pipeline, folder, index)
    return folder


def _check_metadata(pipeline: Document, folder: Path, index: int) -> None:
    """Complain if a data set's folder has no texts."""
    format = pipeline.text("datasets", index, "format") or ""
    declared = pipeline.text("datasets", index, "metadata")
    if format not in METADATA:
        return  # reported as a wrong format
    try:
        find_metadata(folder, format, declared)
    except (OSError, ValueError) as error:
        key = "path" if declared is None else "metadata"
        problem = f"the folder '{pipeline.text('datasets', index, 'path')}' {error}"
        pipeline.complain(("datasets", index, key), f"datasets[{index}].{key}: {problem}")


def _looked_for(path: Path, folder: Path, written: str) -> str:
    """' (looked for /voices/x)' where the path is not plain from what was written in a file in `folder`."""
    return "" if path == folder.resolve() / written else f" (looked for {path})"


def is_folder(path: Path) -> bool:
    """Whether a folder is there; a path that the system cannot take is no folder."""
    try:
        return path.is_dir()
    except (OSError, ValueError):  # a name too long for the file system, say
        return False


def is_file(path: Path) -> bool:
    """Whether a file is there; a path that the system cannot take is no file."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def _is_something(path: Path) -> bool:
    """Whether anything is there, a pipe or a device too."""
    try:
        return path.exists()
    except (OSError, ValueError):
        return False
