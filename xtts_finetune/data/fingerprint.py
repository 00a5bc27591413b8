"""What the prepared clips depend on, told without reading audio, so that a plan knows what is up to date.

Clips that a declaration lets through must fit into its base; that is checked here, before training fails on one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from xtts_finetune.data.readers import RawClip, metadata_of, read_dataset
from xtts_finetune.data.readers.folder import pairs_of
from xtts_finetune.data.readers.parquet import parquet_files
from xtts_finetune.errors import UserError
from xtts_finetune.numbers.fixed import CODES_A_SECOND, V2_SIZES
from xtts_finetune.records.run_folder import RunFolder
from xtts_finetune.records.values import canonical, digest_of, file_digest
from xtts_finetune.spec.declaration import Declaration
from xtts_finetune.spec.pipeline import ClipLimits, DatasetSpec
from xtts_finetune.xtts.base import find_base, read_config
from xtts_finetune.xtts.base_as_recorded import hashes_in

# Coqui's GPT has 3 positions more than audio tokens, and takes 5 besides the clip's own codes.
EXTRA_POSITIONS = 2


def check_limits(limits: ClipLimits, config: dict[str, Any]) -> None:
    """Raise UserError if a clip within the limits would have more tokens than the base has positions.

    `config` is the base's config.json (see xtts.base.read_config).
    """
    arguments = config["model_args"]
    codes = int(arguments.get("gpt_max_audio_tokens") or V2_SIZES["gpt_max_audio_tokens"]) - EXTRA_POSITIONS
    if limits.max_seconds * CODES_A_SECOND > codes:
        seconds = int(codes / CODES_A_SECOND * 10) / 10
        raise UserError(f"clips: max_seconds is {limits.max_seconds:g}, but this base holds at most {seconds:g} s")
    tokens = int(arguments.get("gpt_max_text_tokens") or V2_SIZES["gpt_max_text_tokens"])
    if limits.max_text_tokens > tokens:
        raise UserError(f"clips: max_text_tokens is {limits.max_text_tokens}, but this base holds at most {tokens}")


# Raise this when clips are prepared in another way, so that runs made before prepare them again.
VERSION = 2


def data_inputs(declaration: Declaration, wherever: bool = True) -> dict[str, str]:
    """Fingerprints of all that the prepared clips depend on; two equal ones mean 'up to date'.

    Keys are words that a plan can print, such as 'milliomos: texts'. Metadata and the base's small files are
    hashed; audio, and each text of a folder, counts by path, size and time of change. Paths in the project's folder
    count from there, so that a project may be moved as a whole; `wherever` is False for how runs recorded them that
    were made before that. About a second for 20 000 clips; no torch.

    Raises UserError if the base, a data set's folder or its metadata is missing, or if clips would not fit
    into the base.
    """
    pipeline = declaration.pipeline
    base = find_base(pipeline.base)
    check_limits(pipeline.clips, read_config(base))
    names = [file.name for file in (base.dvae, base.mel_stats, base.vocab, base.config)]
    seen = hashes_in(RunFolder(declaration.run_folder), base, names)
    inputs = {"base": digest_of([seen[name] for name in names])}
    settings = [VERSION, pipeline.language, pipeline.eval_set.model_dump(), pipeline.clips.model_dump()]
    # How often a clip comes is no matter of preparing it: a phase depends on the weights, its clips do not.
    home = declaration.file.parent if wherever else None
    specs = [
        {**spec.model_dump(mode="json", exclude={"weight", *_unused(spec)}), "path": _named(spec.path, home)}
        for spec in pipeline.datasets
    ]
    inputs["settings"] = digest_of([*settings, specs])
    for spec in pipeline.datasets:
        texts, audio = _texts_and_audio(spec, pipeline.language, home)
        inputs[f"{spec.name}: texts"] = texts
        inputs[f"{spec.name}: audio"] = audio
    return inputs


def changes_since(declaration: Declaration, before: Mapping[str, object]) -> list[str]:
    """What differs from the recorded fingerprints, in words; empty when nothing does. Raises like `data_inputs`."""
    changes = changed_inputs(before, data_inputs(declaration))
    if not changes:
        return []
    return min(changes, changed_inputs(before, data_inputs(declaration, wherever=False)), key=len)


# Keys that came later: where they say nothing, runs prepared before them stay up to date.
LATER = ("encoding", "separator", "header", "columns", "held_out")


def _unused(spec: DatasetSpec) -> set[str]:
    return {key for key in LATER if getattr(spec, key) == DatasetSpec.model_fields[key].default}


def _named(path: Path, home: Path | None) -> str:
    return path.relative_to(home).as_posix() if home is not None and path.is_relative_to(home) else str(path)


def _texts_and_audio(spec: DatasetSpec, language: str, home: Path | None) -> tuple[str, str]:
    """Fingerprints of a data set's texts and of its sounds."""
    metadata = metadata_of(spec)
    if spec.format == "parquet":
        files = _stamps(parquet_files(spec), home)
        return files, files
    if metadata is None:
        # A text a file: to open all of them would take longer than a plan may, so they count like sounds.
        pairs = pairs_of(spec)
        texts = _stamps((text for pair in pairs for text in pair.texts), home)
        return texts, _stamps((sound for pair in pairs for sound in pair.sounds), home)
    texts = file_digest(metadata)
    raw = read_dataset(spec, language)
    return texts, _stamps((clip.audio for clip in raw if isinstance(clip, RawClip)), home)


def changed_inputs(before: Mapping[str, object], now: Mapping[str, object]) -> list[str]:
    """What differs between two fingerprints, in words; empty when nothing does."""
    keys = [*now, *(key for key in before if key not in now)]
    return [key for key in keys if before.get(key) != now.get(key)]


def _stamps(files: Iterable[Path], home: Path | None) -> str:
    # As `digest_of` of one list of them all, which may be very long.
    digest, between = hashlib.sha256(b"["), b""
    for file in files:
        digest.update(between + canonical(_stamp(file, home)))
        between = b", "
    digest.update(b"]")
    return digest.hexdigest()


def _stamp(file: Path, home: Path | None) -> list[object]:
    try:
        status = file.stat()
    except (OSError, ValueError):
        return [_named(file, home), None]
    return [_named(file, home), status.st_size, status.st_mtime_ns]


def more_words(before: Mapping[str, Any], now: int) -> str:
    """'1 clip more than before (65 -> 66)', of all that were read; '' for as many, or where there was none before."""
    try:
        then = int(before["clips"]) + int(before["dropped"])
    except (KeyError, TypeError, ValueError):
        return ""
    if now == then:
        return ""
    count = f"{abs(now - then)} clip{'' if abs(now - then) == 1 else 's'}"
    return f"{count} {'more' if now > then else 'fewer'} than before ({then} -> {now})"
