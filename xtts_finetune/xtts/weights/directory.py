"""What a file of weights holds: names, types and sizes of all tensors, without reading them, and without torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from xtts_finetune.errors import UserError
from xtts_finetune.xtts.weights.containers import read_container
from xtts_finetune.xtts.weights.names import coqui_names, flatten
from xtts_finetune.xtts.weights.of_other_forms import (
    CURE,
    form_of_content,
    form_of_weights,
    kind_of_content,
    kind_of_weights,
)
from xtts_finetune.xtts.weights.pickle import attributes
from xtts_finetune.xtts.weights.stored_tensors import Container, StoredTensor


@dataclass(frozen=True)
class WeightEntry:
    """A weight of the file: what it is, and where its values lie.

    name     as Coqui's `Xtts` has it; `in_file` as the file has it
    dtype    'float32', 'bfloat16' ...
    bytes    of its values
    crc32    that a zip file has of the values; None in other files
    """

    name: str
    in_file: str
    tensor: StoredTensor
    crc32: int | None = None

    @property
    def dtype(self) -> str:
        """'float32', 'bfloat16' ..."""
        return self.tensor.dtype

    @property
    def shape(self) -> tuple[int, ...]:
        """Its size in each dimension."""
        return self.tensor.shape

    @property
    def bytes(self) -> int:
        """Of its values."""
        return self.tensor.bytes


@dataclass(frozen=True)
class WeightsDirectory:
    """The weights of an XTTS model in a file by their names: those of the GPT and, if it is there, the HiFi-GAN."""

    container: Container
    weights: Mapping[str, WeightEntry]

    @property
    def path(self) -> Path:
        """The file."""
        return self.container.path


def read_directory(path: Path) -> WeightsDirectory:
    """The directory of an XTTS model's weights, in any form that they come in.

    torch's files, new and old, and safetensors are told by their content. No code of the file runs.

    Raises UserError with the true reason when the file is not there, is not whole, or holds something else.
    """
    container = read_container(path)
    found = weights_in(container)
    names = coqui_names(found)
    if form := form_of_weights(container, found):
        raise UserError(f"{path}: {form}; {CURE}")
    if not any(name.startswith("gpt.") for name in names):
        if form := None if found else form_of_content(container):
            raise UserError(f"{path}: {form}; {CURE}")
        kind = kind_of_weights(found) if found else kind_of_content(container.tree)
        raise UserError(f"{path}: {kind}; name the checkpoint of an XTTS model")
    weights = {}
    for name, in_file in names.items():
        place = container.places.get(found[in_file].storage.key)
        weights[name] = WeightEntry(name, in_file, found[in_file], place.crc32 if place else None)
    return WeightsDirectory(container, weights)


def weights_in(container: Container) -> dict[str, StoredTensor]:
    """All tensors of a file under the keys that lead to them. Raises UserError for one whose values are not there."""
    try:
        found = flatten(container.tree, lambda value: isinstance(value, StoredTensor), attributes)
    except ValueError as error:
        raise UserError(f"{container.path}: this file is damaged ({error}); use another one") from None
    for name, tensor in found.items():
        place = container.places.get(tensor.storage.key)
        if place is None or place.size < tensor.storage.bytes:
            raise UserError(
                f"{container.path}: this file is not whole: the values of {name} are not in it; "
                "copy or download it again"
            )
    return found
