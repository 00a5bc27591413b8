"""Playing sound with what the system has: a program that takes samples as they come, or one that takes files."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Protocol

# Programs that play 16-bit samples from a pipe; {rate} stands for how many come a second.
STREAMING: tuple[tuple[str, ...], ...] = (
    ("paplay", "--raw", "--rate={rate}", "--format=s16le", "--channels=1"),
    ("aplay", "-q", "-t", "raw", "-f", "S16_LE", "-r", "{rate}", "-c", "1"),
    ("ffplay", "-nodisp", "-autoexit", "-loglevel", "error", "-f", "s16le", "-ar", "{rate}", "-i", "-"),
)


class Player(Protocol):
    """Plays one piece after the other; `play` returns when the next may come, `close` when all was heard."""

    def play(self, samples: bytes) -> None:
        """Play 16-bit samples. Raises OSError where the program or the device refuses."""
        ...

    def close(self) -> None:
        """Wait for the end. Raises OSError where the program ended badly."""
        ...

    def stop(self) -> None:
        """Be silent at once."""
        ...


class PipePlayer:
    """A program that plays what it is given, without a gap between pieces."""

    def __init__(self, command: Sequence[str]) -> None:
        self._program = command[0]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE)

    def play(self, samples: bytes) -> None:
        """Waits while the program has enough to play."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(samples)
            self._process.stdin.flush()
        except OSError:
            self._complain()
            raise

    def close(self) -> None:
        """Give it the end, and wait until all was heard."""
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        self._complain()

    def stop(self) -> None:
        """End the program."""
        self._process.kill()
        self._process.wait()

    def _complain(self) -> None:
        """Wait for the end; raises OSError with the program's own words unless it was a good one."""
        assert self._process.stderr is not None
        said = self._process.stderr.read().decode("utf-8", "replace").strip().splitlines()
        if self._process.wait() != 0:
            raise OSError(f"{self._program}: {said[0] if said else f'exit code {self._process.returncode}'}")


class FilePlayer:
    """Something that plays WAV files, a piece at a time."""

    def __init__(self, rate: int, play_file: Callable[[Path], None]) -> None:
        self._rate = rate
        self._play_file = play_file

    def play(self, samples: bytes) -> None:
        """Returns when it was heard."""
        import numpy as np  # noqa: PLC0415
        import soundfile  # noqa: PLC0415  heavy

        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "say.wav"
            soundfile.write(str(file), np.frombuffer(samples, dtype="<i2"), self._rate, subtype="PCM_16")
            self._play_file(file)

    def close(self) -> None:
        """Nothing is waiting."""

    def stop(self) -> None:
        """The piece that is heard is the last."""


def find_player(rate: int) -> Player | None:
    """What this system plays sound with; None where nothing was found."""
    if sys.platform == "win32":
        return FilePlayer(rate, _play_on_windows)
    if sys.platform == "darwin" and shutil.which("afplay"):
        return FilePlayer(rate, _play_on_macos)
    for program, *arguments in STREAMING:
        if found := shutil.which(program):
            return PipePlayer([found, *(argument.format(rate=rate) for argument in arguments)])
    return None


class Background:
    """Plays in a thread, so that the next piece is made while this one is heard."""

    def __init__(self, player: Player) -> None:
        self._player = player
        self._thread = ThreadPoolExecutor(1)
        self._playing: list[Future[None]] = []

    def play(self, samples: bytes) -> None:
        """Queue a piece. Raises OSError where an earlier one could not be played."""
        self._raise_failed()
        self._playing.append(self._thread.submit(self._player.play, samples))

    def close(self) -> None:
        """Return when all was heard. Raises OSError where something could not be."""
        for piece in self._playing:
            piece.result()
        self._player.close()

    def __enter__(self) -> Background:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            self._player.stop()
        self._thread.shutdown(cancel_futures=True)

    def _raise_failed(self) -> None:
        while self._playing and self._playing[0].done():
            self._playing.pop(0).result()


def _play_on_macos(file: Path) -> None:
    try:
        subprocess.run(["afplay", str(file)], check=True, capture_output=True)
    except subprocess.CalledProcessError as error:
        raise OSError(f"afplay: {error.stderr.decode('utf-8', 'replace').strip()}") from None


def _play_on_windows(file: Path) -> None:
    if sys.platform == "win32":
        import winsound  # noqa: PLC0415  (Windows alone has it)

        try:
            winsound.PlaySound(str(file), winsound.SND_FILENAME)
        except RuntimeError as error:
            raise OSError(f"winsound: {error}") from None
