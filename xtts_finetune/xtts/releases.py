"""What is known of the bases that are published: which files, how large, with which checksums, under which licence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


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
        "whoever gets a copy of the model, of a model made from it or of its speech gets these terms or their address",
        "nobody vouches for the model; it comes as it is",
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
        PublishedFile(
            "config.json", 4_368, "ef262b1454dd2a77e1461b0b2cd53e19b8a7624cc131b837d36df67356bc75e8"
        ),
        PublishedFile(
            "vocab.json", 361_219, "928260878a59da8a72a2a5b7687fea29d5106137669d90945430fe17e415304a"
        ),
        PublishedFile(
            "mel_stats.pth", 1_067, "1f69422a8a8f344c4fca2f0c6b8d41d2151d6615b7321e48e6bb15ae949b119c"
        ),
        PublishedFile(
            "dvae.pth", 210_514_388, "b29bc227d410d4991e0a8c09b858f77415013eeb9fba9650258e96095557d97a"
        ),
        PublishedFile(
            "model.pth", 1_867_929_118, "c7ea20001c6a0a841c77e252d8409f6a74fb423e79b3206a0771ba5989776187"
        ),
    ),
)

RELEASES: Sequence[Release] = (XTTS_V2,)


def release_of(name: str) -> Release | None:
    """The release that a known name stands for."""
    return next((release for release in RELEASES if release.name == name), None)
