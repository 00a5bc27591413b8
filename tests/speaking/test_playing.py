"""Playing with the system's programs, which are stand-ins here: what they get, and what happens when they fail."""

from __future__ import annotations

import stat
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import soundfile

from xtts_finetune.speaking import playing, say
from xtts_finetune.speaking.playing import Background, FilePlayer, PipePlayer, find_player

KEEPS = "import sys; open(sys.argv[1], 'wb').write(sys.stdin.buffer.read())"
REFUSES = "import sys; print('no such device', file=sys.stderr); sys.exit(1)"


def test_a_program_gets_every_sample_in_order(tmp_path: Path) -> None:
    heard = tmp_path / "heard"
    with Background(PipePlayer([sys.executable, "-c", KEEPS, str(heard)])) as player:
        for piece in (b"ab" * 70_000, b"cd", b"ef"):
            player.play(piece)
        player.close()
    assert heard.read_bytes() == b"ab" * 70_000 + b"cdef"


def test_a_program_that_refuses_is_quoted() -> None:
    refuses = PipePlayer([sys.executable, "-c", REFUSES])
    with pytest.raises(OSError, match="no such device"), Background(refuses) as player:
        for _ in range(50):
            player.play(b"ab" * 70_000)
        player.close()


def test_an_end_in_the_middle_is_silent_at_once() -> None:
    waits = PipePlayer([sys.executable, "-c", "import time; time.sleep(60)"])
    with pytest.raises(KeyboardInterrupt), Background(waits) as player:
        player.play(b"ab")
        raise KeyboardInterrupt
    assert waits._process.poll() is not None


def test_the_next_piece_is_made_while_one_is_heard() -> None:
    """`play` returns at once; the piece itself is heard in a thread of its own."""
    go_on, heard = threading.Event(), []

    class Slow:
        def play(self, samples: bytes) -> None:
            go_on.wait(30)
            heard.append(samples)

        def close(self) -> None:
            heard.append(b"end")

        def stop(self) -> None:
            raise AssertionError("nothing went wrong")

    with Background(Slow()) as player:
        player.play(b"one")
        player.play(b"two")
        assert not heard
        go_on.set()
        player.close()
    assert heard == [b"one", b"two", b"end"]


def test_a_player_of_files_gets_a_wav(tmp_path: Path) -> None:
    heard = []

    def play(file: Path) -> None:
        wave, rate = soundfile.read(file, dtype="int16")
        heard.append((wave.tolist(), rate))

    FilePlayer(24_000, play).play(b"\x01\x00\xff\xff")
    assert heard == [([1, -1], 24_000)]


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="these have one way to play sound each")
def test_a_program_on_the_path_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_player(24_000) is None
    program = tmp_path / "aplay"
    program.write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/arguments\ncat >/dev/null\n')
    program.chmod(program.stat().st_mode | stat.S_IEXEC)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    monkeypatch.setattr(playing, "STREAMING", [each for each in playing.STREAMING if each[0] == "aplay"])
    player = find_player(24_000)
    assert player is not None
    player.close()
    assert (tmp_path / "arguments").read_text().strip() == "-q -t raw -f S16_LE -r 24000 -c 1"


@pytest.mark.parametrize(
    ("player", "why"),
    [(None, "no program to play sound was found"), ([sys.executable, "-c", REFUSES], "no such device")],
)
def test_what_cannot_be_played_is_written_whole(
    player: list[str] | None, why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "said.wav").write_bytes(b"somebody's own")
    monkeypatch.setattr(say, "find_player", lambda rate: None if player is None else PipePlayer(player))

    def spoken() -> Iterator[bytes]:
        for number in range(40):
            yield bytes([number, 0]) * 50_000

    lines: list[str] = []
    written = say._play(spoken(), 24_000, lines.append)
    assert written == tmp_path / "said-2.wav" and why in lines[0]
    wave, rate = soundfile.read(tmp_path / "said-2.wav", dtype="int16")
    assert rate == 24_000 and len(wave) == 40 * 50_000
    assert wave[::50_000].tolist() == list(range(40))
    assert (tmp_path / "said.wav").read_bytes() == b"somebody's own"
