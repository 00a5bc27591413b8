"""Signs of life: each rank counts up once in a while, and says so when another one's count stands still.

A rank that was killed closes its connections, and the others see that at once. One that hangs, or whose machine is
gone, closes nothing: the others would wait for it as long as a collective may take, which is half an hour since one
may have to write gigabytes meanwhile.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Mapping
from datetime import timedelta

from xtts_finetune.ranks.launched import NOTICED_SILENCE, OTHERS_ARE_GONE, Launched, end_at_once, rank_name
from xtts_finetune.ranks.outcome import RankOutcome

# A rank that gave no sign at all yet may be importing libraries from a slow disk.
START_SECONDS = 300.0
# An outcome that another rank has told should end this one; what hangs on a GPU is ended after so long.
OUTCOME_SECONDS = 15.0
LEFT = "left"


class Silence:
    """Finds the ranks that have given no new sign for too long (`seconds`). The clock, in seconds, is the caller's."""

    def __init__(self, others: tuple[int, ...], seconds: float, now: float) -> None:
        self._seconds = seconds
        self._signs: dict[int, tuple[str | None, float]] = dict.fromkeys(others, (None, now))
        self._looked = now

    def look(self, signs: Mapping[int, str], now: float) -> list[int]:
        """The ranks that are silent, given the newest sign of each (none of those that gave none)."""
        if now - self._looked > self._seconds / 2:
            # It was this process that stood still; what it did not see is nobody's silence.
            self._signs = {rank: (sign, now) for rank, (sign, _) in self._signs.items()}
        self._looked = now
        for rank, (sign, _) in self._signs.items():
            if rank in signs and signs[rank] != sign:
                self._signs[rank] = (signs[rank], now)
        return [rank for rank, (sign, since) in self._signs.items() if now - since > self._patience(sign)]

    def _patience(self, sign: str | None) -> float:
        if sign is None:
            return START_SECONDS + self._seconds
        return float("inf") if sign.startswith(LEFT) else self._seconds


class Beats:
    """This rank's signs, and its watch over the others', in a thread. Rank 0 watches all, the others watch rank 0."""

    def __init__(self, place: Launched, silent_seconds: float) -> None:
        self._place = place
        self._seconds = silent_seconds
        self._pause = min(1.0, silent_seconds / 10)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Beats:
        # The first sign is given at once: whoever hangs after it is missed as soon as anybody.
        self._store = self._place.connect(timedelta(seconds=max(5.0, self._seconds)))
        self._give("0")
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._ended.set()
        self._thread.join(5.0)

    def _run(self) -> None:
        others = tuple(range(1, self._place.count)) if self._place.rank == 0 else (0,)
        try:
            store = self._store
            silence = Silence(others, self._seconds, time.monotonic())
            key, number, told = self._place.key, 0, None
            while not self._ended.wait(self._pause):
                number += 1
                self._give(str(number))
                keys = [rank for rank in others if store.check([key(f"sign/{rank}")])]
                values = store.multi_get([key(f"sign/{rank}") for rank in keys]) if keys else []
                signs = {rank: value.decode() for rank, value in zip(keys, values, strict=True)}
                silent = silence.look(signs, time.monotonic())
                if silent:
                    self._end_for(silent[0], signs.get(silent[0], ""))
                if store.check([key("outcome")]):
                    told = told or time.monotonic()
                    if time.monotonic() - told > OUTCOME_SECONDS:
                        self._end_as_told(RankOutcome.from_text(store.get(key("outcome"))))
            self._give(LEFT)
        except Exception as error:
            if self._ended.is_set():
                return  # the launcher may end before this rank does
            print(f"{self._place.name}: its launcher does not answer any more: {error}", file=sys.stderr)
            end_at_once(OTHERS_ARE_GONE)

    def _give(self, word: str) -> None:
        """Give a new sign, with where this rank can be found."""
        place = self._place
        sign = "\n".join((word, place.machine, str(place.folder.path), str(os.getpid())))
        self._store.set(place.key(f"sign/{place.rank}"), sign)

    def _end_for(self, rank: int, sign: str) -> None:
        """End this process, as another one is silent; torch's agent starts all of them anew."""
        _, machine, folder, pid = sign.split("\n") if sign else ("", "a machine that never answered", "", "0")
        text = f"{rank_name(rank, self._place.count, machine)} gave no sign for {self._seconds:g} s"
        print(text, file=sys.stderr)
        self._place.folder.write_fault(self._place.rank, text)
        if folder == str(self._place.folder.path) and hasattr(signal, "SIGKILL"):
            # Ours to end: what is stopped hears nothing gentler, and the agent would wait half a minute for it.
            with contextlib.suppress(OSError):
                os.kill(int(pid), signal.SIGKILL)
        end_at_once(NOTICED_SILENCE)

    def _end_as_told(self, outcome: RankOutcome) -> None:
        if not self._ended.is_set():
            self._place.folder.write_outcome(self._place.rank, outcome)
            end_at_once(0)
