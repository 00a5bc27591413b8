"""The processes that train one phase together, and what they say to each other besides gradients.

Ranks are numbered from 0. Rank 0 writes all records and decides; the others follow. One process alone is `ALONE`,
whose every answer is its own. What is exchanged keeps their weights alike; a drift would ruin the phase, so it is
looked for.
"""

from __future__ import annotations

import hashlib
import os
import re
import socket
from collections.abc import Callable
from datetime import timedelta
from typing import Any, TypeVar, cast

import torch
import torch.distributed as dist
from torch import nn
from torch._C._distributed_c10d import PrefixStore

from xtts_finetune.errors import UserError, WorkFailed
from xtts_finetune.ranks.launched import launched


def weights_hash(model: nn.Module) -> str:
    """BLAKE2b of the bytes of all weights that train, in the order of the model: 32 hexadecimal digits."""
    digest = hashlib.blake2b(digest_size=16)
    for weight in model.parameters():
        if weight.requires_grad:
            values = weight.detach().contiguous().cpu().flatten().view(torch.uint8)
            digest.update(values.numpy().data)
    return digest.hexdigest()


def check_same_weights(model: nn.Module, ranks: Ranks, step: int) -> str | None:
    """The hash that all ranks agree on; None for one alone. Raises WorkFailed that names those that differ."""
    if ranks.count == 1:
        return None
    found = ranks.gather((weights_hash(model), socket.gethostname()))
    first = found[0][0]
    strays = [f"rank {rank} on {host}" for rank, (its, host) in enumerate(found) if its != first]
    if strays:
        raise WorkFailed(
            f"the weights of {', '.join(strays)} are not those of rank 0 at step {step}: the ranks have drifted apart; "
            "continue from the last checkpoint with the same command, and check the memory and the network of that "
            "machine if it happens again"
        )
    return first


T = TypeVar("T")
_CONNECTION = re.compile(r"gloo|nccl|connection (?:closed|reset|refused)|broken pipe|socket", re.IGNORECASE)


class Ranks:
    """What a rank may ask the others; here there are none. Every rank has to ask the same, in the same order.

    With others, each method waits for all of them, and raises torch's DistError or RuntimeError where one is gone.
    """

    rank = 0
    count = 1

    def any(self, flag: bool) -> bool:
        """Whether it is so for any rank."""
        return flag

    def from_first(self, value: T) -> T:
        """Rank 0's value, which must be picklable."""
        return value

    def gather(self, value: T) -> list[T]:
        """The values of all ranks, rank by rank, everywhere."""
        return [value]

    def sum(self, values: torch.Tensor) -> torch.Tensor:
        """The sum over ranks of a tensor of any shape on the device of training, without waiting for the device."""
        return values

    def first_does(self, work: Callable[[], T]) -> T:
        """What `work` gives on rank 0, everywhere; a UserError of it is raised everywhere, too."""
        result: T | UserError | None = None
        if self.rank == 0:
            try:
                result = work()
            except UserError as error:
                result = error
        result = self.from_first(result)
        if isinstance(result, UserError):
            raise result
        return cast(T, result)


ALONE = Ranks()


class Joined(Ranks):
    """One of several processes that torchrun started. What is said on the CPU never waits for a GPU."""

    def __init__(self) -> None:
        self.rank, self.count = dist.get_rank(), dist.get_world_size()
        nccl = dist.get_backend() == "nccl"
        self._talk: Any = dist.new_group(backend="gloo") if nccl else dist.group.WORLD

    def any(self, flag: bool) -> bool:
        flags = torch.tensor([flag], dtype=torch.uint8)
        dist.all_reduce(flags, op=dist.ReduceOp.MAX, group=self._talk)
        return bool(flags.item())

    def from_first(self, value: T) -> T:
        values = [value]
        dist.broadcast_object_list(values, src=0, group=self._talk)
        return values[0]

    def gather(self, value: T) -> list[T]:
        values: list[Any] = [None] * self.count
        dist.all_gather_object(values, value, group=self._talk)
        return values

    def sum(self, values: torch.Tensor) -> torch.Tensor:
        dist.all_reduce(values)
        return values


def started_by_torchrun() -> bool:
    """Whether this process is one of those that torchrun starts: it tells them so in the environment."""
    return "WORLD_SIZE" in os.environ and "TORCHELASTIC_RUN_ID" in os.environ


def join(device: str, wait: timedelta = timedelta(minutes=30)) -> Ranks:
    """The other processes of this training; ALONE without torchrun.

    NCCL between GPUs where it is there, gloo elsewhere. `wait`: the longest that ranks wait for each other. Raises
    torch's DistError where they do not meet.
    """
    if not started_by_torchrun():
        return ALONE
    nccl = device == "cuda" and dist.is_nccl_available()
    backend, place = "nccl" if nccl else "gloo", launched()
    if place is None:
        dist.init_process_group(backend, timeout=wait)
    else:
        # torch's own set-up would find the addresses that the ranks before a restart left.
        store = PrefixStore(place.key("group"), place.connect(wait))
        dist.init_process_group(backend, store=store, rank=place.rank, world_size=place.count, timeout=wait)
    return Joined()


def leave() -> None:
    """Return once all ranks are here: one that ended earlier would cut the others' last words off.

    What `join` opened is left as it is, and the process should end by `os._exit`. Torn down, gloo can wait for Python's
    lock while Python waits for gloo.
    """
    if dist.is_initialized():
        dist.barrier()


def is_of_connection(error: BaseException) -> bool:
    """Whether an error is about talking to other ranks."""
    return isinstance(error, dist.DistError) or (
        isinstance(error, RuntimeError) and bool(_CONNECTION.search(str(error)))
    )
