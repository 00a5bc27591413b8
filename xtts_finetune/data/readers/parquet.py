"""Hugging Face's Parquet files: texts and sounds in one table. The sounds are written out once, into files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from xtts_finetune.data.readers.columns import roles_by_names
from xtts_finetune.data.readers.raw import RawClip, Unreadable, clip_language, clip_speaker, clip_text, metadata_of
from xtts_finetune.data.readers.sounds import Sounds
from xtts_finetune.data.sound.endings import RECORDING_ENDINGS
from xtts_finetune.errors import UserError
from xtts_finetune.machine.packages import install_extra
from xtts_finetune.records.atomic import atomic_path
from xtts_finetune.spec.formats import Column
from xtts_finetune.spec.pipeline import DatasetSpec

EXTRA = "parquet"
ROWS_AT_ONCE = 64
# Stands among the sounds once all of a file are there.
DONE = ".complete"


def read_parquet(spec: DatasetSpec, language: str) -> Iterator[RawClip | Unreadable]:
    """The clips of the data set's Parquet files; `unpack` writes their sounds. The line is the row, from 1."""
    for file in parquet_files(spec):
        table = _opened(spec, file)
        names = _names(spec, file, table)
        audio, kind = names["audio"], _kind(table, names["audio"])
        inside = {"path": [f"{audio}.path"], "name": [audio], "bytes": []}[kind]
        wanted = [name for role, name in names.items() if role != "audio"]
        sounds, row = Sounds(spec, file), 0
        for batch in table.iter_batches(ROWS_AT_ONCE * 16, columns=[*wanted, *inside]):
            for record in batch.to_pylist():
                row += 1
                said = {role: str(record.get(name) or "") for role, name in names.items() if role != "audio"}
                path = (record.get(audio) or {}).get("path") if kind == "path" else None
                sound = sounds.find(str(record[audio])) if kind == "name" else _sound_file(file, row, path)
                yield RawClip(
                    id=f"{file.stem}/{row}",
                    dataset=spec.name,
                    audio=sound,
                    text=clip_text(said["text"]),
                    speaker=clip_speaker(said.get("speaker"), spec),
                    language=clip_language(said.get("language"), language),
                    file=file,
                    line=row,
                )


def unpack(spec: DatasetSpec) -> None:
    """Write the sounds of a data set of this format as files next to it, those that are not there yet.

    Raises UserError where the folder cannot be written to.
    """
    if spec.format != "parquet":
        return
    for file in parquet_files(spec):
        table = _opened(spec, file)
        audio, row = _names(spec, file, table)["audio"], 0
        if (_folder(file) / DONE).is_file() or _kind(table, audio) == "name":
            continue
        try:
            for batch in table.iter_batches(ROWS_AT_ONCE, columns=[audio]):
                for record in batch.to_pylist():
                    row += 1
                    sound = record[audio]
                    path = sound.get("path") if isinstance(sound, dict) else None
                    content = sound.get("bytes") if isinstance(sound, dict) else sound
                    _write(_sound_file(file, row, path), content)
            _write(_folder(file) / DONE, b"")
        except OSError as error:
            raise UserError(
                f"data set '{spec.name}': the sounds in {file.name} cannot be written into {_folder(file)} "
                f"({error.strerror or error}); copy the data set into a folder that you may write to"
            ) from None


def _write(path: Path, content: bytes | None) -> None:
    if content is None or (path.is_file() and path.stat().st_size == len(content)):
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(path) as temporary:
        temporary.write_bytes(content)


def parquet_files(spec: DatasetSpec) -> list[Path]:
    """The data set's Parquet files in their order: those that `metadata` names, which may have '*' in it, or all."""
    metadata_of(spec)
    files = sorted(spec.path.glob(spec.metadata.as_posix() if spec.metadata else "**/*.parquet"))
    if not files:
        raise UserError(f"data set '{spec.name}': {spec.path} has no {spec.metadata or 'Parquet file'}")
    return files


def _folder(file: Path) -> Path:
    return file.parent / f"{file.stem}_sounds"


def _sound_file(file: Path, row: int, path: str | None) -> Path:
    ending = Path(path or "").suffix.lower()
    return _folder(file) / f"{row:07}{ending if ending in RECORDING_ENDINGS else RECORDING_ENDINGS[0]}"


def _opened(spec: DatasetSpec, file: Path) -> Any:
    try:
        from pyarrow import ArrowException  # noqa: PLC0415 - an extra
        from pyarrow.parquet import ParquetFile  # noqa: PLC0415
    except ImportError:
        cure = f"Parquet files need a package that is not installed: pyarrow. Run: {install_extra(EXTRA, 'pyarrow')}"
        raise UserError(f"data set '{spec.name}': {cure}") from None
    try:
        return ParquetFile(file)
    except (ArrowException, OSError) as error:
        raise UserError(f"data set '{spec.name}': {file} cannot be read ({error!s:.100})") from None


def _names(spec: DatasetSpec, file: Path, table: Any) -> dict[Column, str]:
    """The columns' names by what they hold. Raises UserError where sound or text is not among them."""
    there = list(table.schema_arrow.names)
    roles = roles_by_names(there)
    if roles is None:
        raise UserError(
            f"data set '{spec.name}': {file} has the columns {', '.join(there)[:200]}; expected 'audio' and 'text' "
            "or 'sentence'"
        )
    return {role: name for name, role in zip(there, roles, strict=True) if role != "other"}


def _kind(table: Any, audio: str) -> Literal["path", "name", "bytes"]:
    """How the sounds are kept: as bytes, those with a path beside them, or as names of files alone."""
    kind = table.schema_arrow.field(audio).type
    if hasattr(kind, "num_fields") and any(kind.field(at).name == "path" for at in range(kind.num_fields)):
        return "path"
    return "name" if str(kind) in ("string", "large_string") else "bytes"
