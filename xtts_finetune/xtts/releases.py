"""What is known of the bases that are published: which files, how large, with which checksums, under which licence.

Whether a model.pth with other bytes than the published ones still holds the published weights.

Coqui's program writes the published file anew when it loads it. What the published file says is not known beforehand,
so it is noted in the base's folder whenever a whole file was checked by its sha256; such a note is compared exactly.
Without one, a file as Coqui's program writes it, with all weights of XTTS v2 in their sizes and whole, counts as that.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from xtts_finetune.errors import UserError
from xtts_finetune.records.atomic import json_or_none, write_json_atomic
from xtts_finetune.xtts.base import BaseFiles
from xtts_finetune.xtts.base_as_recorded import content_of
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
            "its bytes are not the published ones, but names, sizes and sums of all its weights are" if same else None
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
    found: dict[str, object] = json_or_none(folder / NOTE, dict) or {}
    return {key: str(value) for key, value in found.items()}


@dataclass(frozen=True)
class PublishedFile:
    """One file as it was published. `size` in bytes."""

    name: str
    size: int
    sha256: str


@dataclass(frozen=True)
class Licence:
    """The terms that a base comes under: where their whole text is, and what they mean in plain words."""

    name: str
    file: str
    points: tuple[str, ...]


@dataclass(frozen=True)
class Release:
    """One version of a base in a repository of the Hugging Face hub; `revision` names it for good."""

    name: str
    version: str
    repository: str
    revision: str
    licence: Licence
    files: tuple[PublishedFile, ...]

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files)

    @property
    def licence_page(self) -> str:
        """Where the licence can be read in a browser."""
        return f"https://huggingface.co/{self.repository}/blob/{self.revision}/{self.licence.file}"

    def file(self, name: str) -> PublishedFile:
        """The file of that name."""
        return next(file for file in self.files if file.name == name)


CPML = Licence(
    "Coqui Public Model License 1.0.0 (CPML)",
    "LICENSE.txt",
    (
        "non-commercial use only: of the model, of what it speaks, and of models fine-tuned from it",
        "no payment, direct or indirect, may arise from any of them",
        "if you pass on the model, a model made from it or its speech, pass on these terms or their address",
        "the model comes without any warranty",
    ),
)

# The commit is the newest of the repository's main branch, which is version 2.0.3. Sizes and sums are those that
# several projects which pin this commit publish, all the same; `fetch` compares them with the hub's own as well.
XTTS_V2 = Release(
    name="xtts_v2",
    version="2.0.3",
    repository="coqui/XTTS-v2",
    revision="6c2b0d75eae4b7047358e3b6bd9325f857d43f77",
    licence=CPML,
    files=(
        PublishedFile("config.json", 4_368, "ef262b1454dd2a77e1461b0b2cd53e19b8a7624cc131b837d36df67356bc75e8"),
        PublishedFile("vocab.json", 361_219, "928260878a59da8a72a2a5b7687fea29d5106137669d90945430fe17e415304a"),
        PublishedFile("mel_stats.pth", 1_067, "1f69422a8a8f344c4fca2f0c6b8d41d2151d6615b7321e48e6bb15ae949b119c"),
        PublishedFile("dvae.pth", 210_514_388, "b29bc227d410d4991e0a8c09b858f77415013eeb9fba9650258e96095557d97a"),
        PublishedFile("model.pth", 1_867_929_118, "c7ea20001c6a0a841c77e252d8409f6a74fb423e79b3206a0771ba5989776187"),
    ),
)

RELEASES: Sequence[Release] = (XTTS_V2,)


def release_of(name: str) -> Release | None:
    """The release that a known name stands for."""
    return next((release for release in RELEASES if release.name == name), None)
