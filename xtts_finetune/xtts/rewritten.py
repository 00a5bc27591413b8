"""Whether a model.pth with other bytes than the published ones still holds the published weights.

Coqui's program writes the published file anew when it loads it. What the published file says is not known beforehand,
so it is noted in the base's folder whenever a whole file was checked by its sha256; such a note is compared exactly.
Without one, a file as Coqui's program writes it, with all weights of XTTS v2 in their sizes and whole, counts as that.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from xtts_finetune.errors import UserError
from xtts_finetune.records.atomic import write_json_atomic
from xtts_finetune.xtts.base import BaseFiles
from xtts_finetune.xtts.base_as_recorded import content_of
from xtts_finetune.xtts.releases import PublishedFile
from xtts_finetune.xtts.weights.directory import WeightsDirectory, read_directory
from xtts_finetune.xtts.weights.fit import problem_of_weights
from xtts_finetune.xtts.weights.values import problem_of_values

NOTE = "xtts_finetune_published.json"
MODEL = "model.pth"
# The configuration alone is written otherwise; a fine-tuned model in another precision, say, differs by far more.
_LARGEST_DIFFERENCE = 2_000_000


def note_published(folder: Path, files: Sequence[PublishedFile]) -> None:
    """Note what these files of the folder say; each was found to be the published one. Raises OSError."""
    noted = dict(_read(folder))
    for file in files:
        if file.name == MODEL and noted.get(file.sha256) is None:
            noted[file.sha256] = content_of(folder / file.name)
    if noted != _read(folder):
        write_json_atomic(folder / NOTE, noted)


def rewritten(file: Path, published: PublishedFile, values: bool = True) -> str | None:
    """How `file`, whose bytes are not the published ones, is known to hold the published weights; None if it is not.

    With `values` all weights are read too, and the sums in the file are compared with them.
    """
    if file.name != MODEL or published.name != MODEL:
        return None
    try:
        directory = read_directory(file)
        tensors = {name: entry.tensor for name, entry in directory.weights.items()}
        if values and problem_of_values(directory.container, tensors) is not None:
            return None
    except UserError:
        return None
    noted = _read(file.parent).get(published.sha256)
    if noted is not None:
        same = content_of(file) == noted
        return (
            "its bytes are not the published ones, but names, sizes and sums of all its weights are"
            if same
            else None
        )
    if abs(file.stat().st_size - published.size) > _LARGEST_DIFFERENCE or not _as_coqui_writes_it(directory):
        return None
    if problem_of_weights(file, BaseFiles(file.parent), values=False) is not None:
        return None
    inside = "names, sizes and sums inside are whole" if values else "names and sizes inside are right"
    return f"its bytes are not the published ones; {inside}, as after Coqui's program has loaded and rewritten it"


def _as_coqui_writes_it(directory: WeightsDirectory) -> bool:
    """Whether the weights are under 'model', as they were published, with a dictionary as their configuration."""
    tree = directory.container.tree
    if not isinstance(tree, dict) or not isinstance(tree.get("config"), dict):
        return False
    return all(entry.in_file == f"model.{name}" for name, entry in directory.weights.items())


def _read(folder: Path) -> Mapping[str, str]:
    try:
        found = json.loads((folder / NOTE).read_text(encoding="utf-8"))
        return {str(key): str(value) for key, value in found.items()}
    except (OSError, ValueError, AttributeError):
        return {}
