"""The base's five files, as far as they can be looked at without torch."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

from xtts_finetune.errors import UserError
from xtts_finetune.pipeline.disk import DAMAGED_ZIP, readable
from xtts_finetune.pipeline.preflight.check import Check, error, ok, warning
from xtts_finetune.pipeline.trained_sizes import gpt_sizes
from xtts_finetune.xtts.base import BaseFiles, find_base, read_config
from xtts_finetune.xtts.releases import Release, release_of

NAME = "base"
PICKLE = b"\x80"  # how the files of before torch 1.6 begin, mel_stats.pth among them


def check_base(name_or_path: str, deep: bool = False) -> Check:
    """Whether all files are there and whole; `deep` reads all of them and compares the sums in them (seconds)."""
    try:
        base = find_base(name_or_path)
        gpt_sizes(read_config(base))
    except UserError as fault:
        return error(NAME, str(fault), "run_pipeline --demo shows everything without it")
    release = release_of(name_or_path)
    fetch = "fetch this file of the same release again"
    if release is not None:
        fetch += f": remove it, then: xtts-finetune fetch {release.name}"
    try:
        json.loads(base.vocab.read_text(encoding="utf-8"))
    except (OSError, ValueError) as fault:
        return error(NAME, f"{base.vocab} is not readable JSON ({fault})", fetch)
    for file in (base.model, base.dvae, base.mel_stats):
        fault_found = _fault(file, deep)
        if fault_found:
            return error(NAME, f"{file} {fault_found}", fetch)
    if release is None:
        return ok(NAME, f"{base.folder}, {readable(_size(base))}")
    others = _of_other_size(base, release)
    if others:
        found = f"{base.folder}: {', '.join(others)} is not of version {release.version}"
        return warning(
            NAME, found, "it may do all the same; for this one, remove it, then: xtts-finetune fetch"
        )
    return ok(NAME, f"{base.folder}, version {release.version}, {readable(_size(base))}")


def _fault(file: Path, deep: bool) -> str:
    """What is wrong with a file of weights, '' for nothing."""
    try:
        with file.open("rb") as content:
            begins = content.read(2)
        if begins[:1] == PICKLE:
            return ""
        if begins != b"PK":
            return "is no file of weights"
        with zipfile.ZipFile(file) as archive:
            if not any(name.endswith("data.pkl") for name in archive.namelist()):
                return "is a zip file, but holds no weights"
            return "is damaged" if deep and archive.testzip() is not None else ""
    except zipfile.BadZipFile:
        return f"is not whole: it ends after {readable(file.stat().st_size)}"
    except OSError as fault:
        return f"cannot be read ({fault.strerror or fault})"
    except DAMAGED_ZIP:
        return "is damaged"


def _of_other_size(base: BaseFiles, release: Release) -> list[str]:
    """Files that cannot be the published ones; Coqui's programs rewrite config.json, so its size says nothing."""
    return [
        file.name
        for file in release.files
        if file.name != base.config.name and (base.folder / file.name).stat().st_size != file.size
    ]


def _size(base: BaseFiles) -> int:
    return sum(
        file.stat().st_size for file in (base.model, base.dvae, base.mel_stats, base.vocab, base.config)
    )
