"""Steps that suddenly crawl on a full card: the driver moves memory to the computer's instead of running out of it.

NVIDIA's driver does so on Windows and under WSL unless it is told otherwise ("CUDA - Sysmem Fallback Policy").
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from statistics import median

from xtts_finetune.records.stopping import Reason, Stop

KNOWN, WINDOW = 20, 100
"""Steps before anything can be said of one, and those that it is held against."""
TIMES, IN_A_ROW = 10.0, 3


class Spilling:
    """Looks at the seconds of each step; says once that they crawl, and ends a phase that can go on with less."""

    def __init__(self, is_full: Callable[[], bool], say: Callable[[str], None], ends: bool) -> None:
        """`is_full`: whether the card has no memory left. `ends`: the phase goes on with less where memory runs out."""
        self._is_full, self._say, self._ends = is_full, say, ends
        self._usual: deque[float] = deque(maxlen=WINDOW)
        self._in_a_row, self._said = 0, False

    def see(self, step: int, seconds: float) -> Stop | None:
        """The stop as if memory had run out, where `ends` and several steps in a row have crawled."""
        usual = median(self._usual) if len(self._usual) >= KNOWN else None
        if usual is None or seconds <= TIMES * usual or not self._is_full():
            self._usual.append(seconds)
            self._in_a_row = 0
            return None
        self._in_a_row += 1
        message = (
            f"step {step} took {seconds:.1f} s where {usual:.2f} s are usual, and the card's memory is full: the "
            "driver moves to the computer's memory what has no room"
        )
        if not self._said:
            self._say(f"{message}; close other programs that use the card, or train in less memory: {CURE}")
            self._said = True
        if not self._ends or self._in_a_row < IN_A_ROW:
            return None
        return Stop(Reason.OUT_OF_MEMORY, f"out of memory: {message}", {"step": float(step)})


CURE = "optimizer_moments: bf16, gradient_checkpointing: true, on_out_of_memory: halve_batch"
