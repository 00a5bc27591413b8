"""Building a model without drawing the random weights that a checkpoint's are going to replace."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

# What every way of filling a weight comes to: torch.nn.init's, transformers' and Coqui's own.
FILLING = (torch.ops.aten.uniform_, torch.ops.aten.normal_)


class Unfilled(TorchDispatchMode):
    """While it is entered, new weights hold whatever was in memory: each must be loaded, or made, afterwards.

    XTTS v2 has 450 million parameters: drawing them takes seconds, and touches memory that is not needed yet.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]

    def __torch_dispatch__(
        self,
        func: Any,
        types: tuple[type, ...],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Leave the tensor as it is where it would be filled; everything else is done."""
        if func.overloadpacket in FILLING:
            return args[0]
        return func(*args, **(kwargs or {}))
