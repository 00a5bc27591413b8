"""One model and those who wait for it: a line of a bounded length, served one after the other."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from xtts_finetune.errors import UserError
from xtts_finetune.evaluation.tails import WithoutTail
from xtts_finetune.speaking.serving.encoding import Format, encoded, whole_wav
from xtts_finetune.speaking.sound_file import as_16_bit
from xtts_finetune.speaking.turns import in_turns
from xtts_finetune.spec.utterances import InferenceSpec

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from xtts_finetune.xtts.speech.speech import Speaker


class Full(Exception):
    """Too many are waiting already."""


class _Left(Exception):
    """Whoever asked is gone."""


@dataclass(frozen=True)
class Asked:
    """What is to be spoken.

    voice   None is the model's own
    whole   a file that knows its length, in one part, instead of parts while it is spoken
    """

    text: str
    language: str
    voice: str | None
    settings: InferenceSpec
    seed: int
    format: Format
    whole: bool = False


@dataclass
class Order:
    """What was asked for, on its way: whoever asked takes its parts, or leaves."""

    asked: Asked
    _loop: asyncio.AbstractEventLoop
    _parts: asyncio.Queue[bytes | Exception | None] = field(default_factory=asyncio.Queue)
    _left: threading.Event = field(default_factory=threading.Event)

    async def next(self, seconds: float) -> bytes | None:
        """The next part of the sound, or None at the end. Raises TimeoutError, or what went wrong."""
        try:
            part = await asyncio.wait_for(self._parts.get(), seconds)
        except asyncio.TimeoutError:  # another class until Python 3.11
            raise TimeoutError from None
        if isinstance(part, Exception):
            raise part
        return part

    async def rest(self) -> AsyncIterator[bytes]:
        """All parts that are left."""
        while (part := await self._parts.get()) is not None:
            if isinstance(part, Exception):
                raise part
            yield part

    @property
    def left(self) -> bool:
        """Whether nobody waits any more."""
        return self._left.is_set()

    def leave(self) -> None:
        """Nobody waits for this any more; what is being done for it ends at the next code."""
        self._left.set()

    def check(self) -> None:
        """Raise where nobody waits any more."""
        if self._left.is_set():
            raise _Left

    def hand(self, part: bytes | Exception | None) -> None:
        """From the thread that speaks."""
        try:
            self._loop.call_soon_threadsafe(self._parts.put_nowait, part)
        except RuntimeError:  # the server ends
            self.leave()


class Desk:
    """Speaks what is ordered, in a thread of its own."""

    def __init__(
        self, speaker: Callable[[str | None], Speaker], most_waiting: int, say: Callable[[str], None] = lambda _: None
    ) -> None:
        """`speaker`: the model in each of its voices; None is its own. `say` is told of each order that was spoken."""
        self._speaker, self._say, self._most = speaker, say, most_waiting
        self._line: deque[Order] = deque()
        self._some = threading.Condition()
        threading.Thread(target=self._work, name="speaking", daemon=True).start()

    def take(self, asked: Asked) -> Order:
        """Put it into the line, in which nobody counts who has left. Raises Full. Call it where the event loop runs."""
        order = Order(asked, asyncio.get_running_loop())
        with self._some:
            self._line = deque(each for each in self._line if not each.left)
            if len(self._line) >= self._most:
                raise Full
            self._line.append(order)
            self._some.notify()
        return order

    def _next(self) -> Order:
        with self._some:
            self._some.wait_for(lambda: self._line)
            return self._line.popleft()

    def _work(self) -> None:
        while True:
            order = self._next()
            try:
                order.check()
                self._speak(order)
            except _Left:
                self._say("whoever asked has left; the rest is not spoken")
                order.hand(None)
            except UserError as error:
                order.hand(error)
            except Exception as error:  # of the model or a library: this order fails, and the next one is taken
                self._say(f"could not be spoken ({type(error).__name__}: {str(error)[:200]})")
                order.hand(error)

    def _speak(self, order: Order) -> None:
        asked, begun, first, samples = order.asked, time.perf_counter(), 0.0, 0
        speaker = self._speaker(asked.voice)

        def counted() -> Iterator[NDArray[np.int16]]:
            nonlocal samples
            for piece in _pieces(speaker, order):
                samples += len(piece)
                yield piece

        if asked.whole:
            order.hand(whole_wav(counted(), speaker.sample_rate))
        else:
            for part in encoded(asked.format, counted(), speaker.sample_rate):
                if part:
                    order.check()
                    first = first or time.perf_counter() - begun
                    order.hand(part)
        order.hand(None)
        took, seconds = time.perf_counter() - begun, samples / speaker.sample_rate
        early = f", the first of it after {first:.2f} s" if first else ""
        self._say(f"{len(asked.text)} characters: {seconds:.1f} s of speech in {took:.1f} s{early}")


def _pieces(speaker: Speaker, order: Order) -> Iterator[NDArray[np.int16]]:
    """The sound of all turns, as `say` would speak them, while it is made."""
    asked = order.asked
    for number, turn in enumerate(in_turns(asked.text)):
        seed = (asked.seed + number) % 2**32
        tail = WithoutTail(speaker.sample_rate)
        for wave in speaker.stream(turn, asked.language, asked.settings, seed, order.check):
            yield as_16_bit(tail.more(wave))
        yield as_16_bit(tail.rest())
