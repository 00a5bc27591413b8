"""Saving beside training: a copy in the computer's memory, written by a thread while a GPU takes the next steps."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import torch

SPARE = 1.2
"""So many times the copy's size has to be free, or the step waits for the disk as it would without a copy."""


class Saves:
    """One save at a time, in their order. On a CPU, whose cores training needs itself, each is done at once."""

    def __init__(self, beside: bool) -> None:
        """`beside`: write from a copy, beside what comes next."""
        self._beside = beside
        self._thread: threading.Thread | None = None
        self._error: BaseException | None = None

    def do(self, state: dict[str, Any], write: Callable[[dict[str, Any]], None]) -> None:
        """Hand the state to `write`, which may keep nothing of it.

        Raises what the save before this one has raised, and what this one raises if it is done at once.
        """
        self.wait()
        if not self._beside or not _has_room_for(state):
            write(state)
            return
        copied = on_the_host(state)
        self._thread = threading.Thread(target=self._run, args=(write, copied), name="saving")
        self._thread.start()

    def _run(self, write: Callable[[dict[str, Any]], None], state: dict[str, Any]) -> None:
        try:
            write(state)
        except BaseException as error:  # raised where the next save, or the end, waits for this one
            self._error = error

    def wait(self) -> None:
        """Until nothing is being written any more; raises what the last save has raised, once."""
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        error, self._error = self._error, None
        if error is not None:
            raise error

    def settle(self) -> None:
        """Until nothing is being written any more, where something else has gone wrong already."""
        if self._thread is not None:
            self._thread.join()
            self._thread = None


def on_the_host(state: dict[str, Any]) -> dict[str, Any]:
    """The same with a copy of every tensor in the computer's memory; a GPU is waited for once."""
    copied: dict[str, Any] = _each(state, lambda tensor: tensor.detach().to("cpu", non_blocking=True, copy=True))
    if any(tensor.is_cuda for tensor in _tensors(state)):
        torch.cuda.synchronize()
    return copied


def _each(value: Any, change: Callable[[torch.Tensor], torch.Tensor]) -> Any:
    if isinstance(value, torch.Tensor):
        return change(value)
    if isinstance(value, dict):
        return type(value)((key, _each(inner, change)) for key, inner in value.items())
    if type(value) in (list, tuple):
        return type(value)(_each(inner, change) for inner in value)
    return value


def _tensors(value: Any) -> list[torch.Tensor]:
    found: list[torch.Tensor] = []
    _each(value, lambda tensor: found.append(tensor) or tensor)  # type: ignore[func-returns-value]
    return found


def _has_room_for(state: dict[str, Any]) -> bool:
    import psutil  # noqa: PLC0415  (asked a few times an hour)

    needed = sum(tensor.nbytes for tensor in _tensors(state))
    return bool(psutil.virtual_memory().available > SPARE * needed)
