"""What setting up finds and asks: the data sets, a base, and the answers. Nothing is declared yet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xtts_finetune.data.first_look import FirstLook
from xtts_finetune.errors import UserError
from xtts_finetune.numbers.fixed import V2_SIZES
from xtts_finetune.numbers.usual import TINY, gpt_weights
from xtts_finetune.pipeline.plan.disk import has_hifigan, weights_bytes
from xtts_finetune.setup.data_sets import FoundSet
from xtts_finetune.spec.files import is_base_folder
from xtts_finetune.xtts.base import KNOWN_BASES, find_base, read_config
from xtts_finetune.xtts.releases import release_of

# XTTS v2's sizes, for a base that is not fetched yet.
XTTS_V2_CONFIG = {"model_args": V2_SIZES}


@dataclass(frozen=True)
class FoundBase:
    """A base as it is to be declared. `missing` says what is to be done where it is not on this machine yet."""

    declared: str
    model_bytes: int
    config: dict[str, Any]
    preview: bool
    missing: str = ""
    vocab: Path | None = None

    @property
    def weights(self) -> float:
        """About how many weights its GPT has."""
        return gpt_weights(self.config["model_args"])

    @property
    def small(self) -> bool:
        """Whether it is one of a few million weights, which learns at other rates than XTTS v2."""
        return self.weights < TINY


@dataclass(frozen=True)
class Answers:
    """Everything that the files are written from.

    memory   bytes of the GPU, or of the computer where there is none
    look     which clips of `data` will be kept
    """

    folder: Path
    name: str
    data: Sequence[FoundSet]
    language: str
    language_why: str
    base: FoundBase
    memory: int
    on_gpu: bool
    look: FirstLook


def look_at_base(name_or_path: str) -> FoundBase:
    """The base of that name or in that folder. A known one may be missing still; UserError for any other."""
    if not is_base_folder(Path.cwd(), name_or_path) and name_or_path not in KNOWN_BASES:
        raise UserError(
            f"there is no folder '{name_or_path}', and no base of that name is known; known: {', '.join(KNOWN_BASES)}"
        )
    known = name_or_path in KNOWN_BASES
    declared = name_or_path if known else str(Path(name_or_path).expanduser().absolute())
    try:
        base = find_base(declared)
    except UserError as error:
        release = release_of(declared)
        if not known or release is None:
            raise
        return FoundBase(declared, release.file("model.pth").size, XTTS_V2_CONFIG, False, str(error))
    preview = not has_hifigan(base.model)
    return FoundBase(declared, weights_bytes(base.model), read_config(base), preview, vocab=base.vocab)
