"""The base as a run first saw it: files that were rewritten since, with the same in them, are the same.

Coqui's program writes the published model.pth anew when it loads it. What a run recorded of the base are
fingerprints of bytes, so the run keeps a list of the files it has seen, each with a hash of what it says
(`file_content`), and a rewritten file counts as the first one that says the same.

What a base's file says, whatever its bytes: other programs write such files anew, with the same in them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from xtts_finetune.errors import UserError
from xtts_finetune.records.atomic import json_or_none, write_json_atomic
from xtts_finetune.records.run_folder import RunFolder
from xtts_finetune.records.values import digest_of, text_digest
from xtts_finetune.xtts.base import FILE_NAMES, BaseFiles, quick_hash
from xtts_finetune.xtts.weights.containers import read_container
from xtts_finetune.xtts.weights.directory import weights_in


def content_of(path: Path) -> str:
    """Hash of what a file says: of weights their names, types, sizes and checksums, of JSON its values.

    A file that is neither, or whose weights have no checksums, counts by `quick_hash`. No weights are read, so what
    was damaged after the file's table of contents was written is not seen. Raises OSError.
    """
    content = _json(path) if path.suffix == ".json" else _weights(path)
    return quick_hash(path) if content is None else content


def content_fingerprint(base: BaseFiles) -> str:
    """Hash of what all five files say: the same on two computers of which one has a rewritten file."""
    return text_digest("".join(content_of(base.folder / name) for name in FILE_NAMES))


def _json(path: Path) -> str | None:
    try:
        return digest_of(json.loads(path.read_text(encoding="utf-8")))
    except ValueError:
        return None


def _weights(path: Path) -> str | None:
    try:
        container = read_container(path)
        tensors = weights_in(container)
    except UserError:
        return None
    entries = []
    for name, tensor in sorted(tensors.items()):
        crc32 = container.places[tensor.storage.key].crc32
        if crc32 is None:
            return None
        entries.append([name, tensor.dtype, tensor.shape, tensor.stride, tensor.offset, crc32])
    return digest_of(entries) if entries else None


Seen = Mapping[str, list[dict[str, str]]]  # by file: 'hash' and 'content' of each version, the first one first


def fingerprint_in(run: RunFolder, base: BaseFiles) -> str:
    """`base.fingerprint()` of the files as the run first saw them. Nothing is written."""
    hashes = hashes_in(run, base)
    return text_digest("".join(hashes[name] for name in FILE_NAMES))


def hashes_in(run: RunFolder, base: BaseFiles, names: Iterable[str] = FILE_NAMES) -> dict[str, str]:
    """`quick_hash` of each file as the run first saw it, or as it is where it says something else or was never seen."""
    seen = _read(run)
    return {name: _firstdigest_of(base.folder / name, seen.get(name, [])) for name in names}


def note_base(run: RunFolder, base: BaseFiles) -> None:
    """Add files to the run's list that are not in it; whoever calls holds the run's lock."""
    seen = {name: list(_read(run).get(name, [])) for name in FILE_NAMES}
    new = False
    for name, versions in seen.items():
        file = base.folder / name
        now = quick_hash(file)
        if all(version["hash"] != now for version in versions):
            versions.append({"hash": now, "content": content_of(file)})
            new = True
    if new:
        write_json_atomic(run.base_files, seen)


def _firstdigest_of(file: Path, versions: list[dict[str, str]]) -> str:
    now = quick_hash(file)
    if not versions or versions[0]["hash"] == now:
        return now
    known = next((version["content"] for version in versions if version["hash"] == now), None)
    content = content_of(file) if known is None else known
    return next((version["hash"] for version in versions if version["content"] == content), now)


def _read(run: RunFolder) -> Seen:
    """The run's list; empty where there is none that can be read: then the files count by their bytes."""
    return json_or_none(run.base_files, _seen) or {}


def _seen(found: Mapping[str, Any]) -> Seen:
    return {
        name: [{"hash": str(one["hash"]), "content": str(one["content"])} for one in versions]
        for name, versions in found.items()
    }
