"""Two processes that compile librosa's machine code at once would break it for all that come after them."""

from __future__ import annotations

import operator
import sys
from pathlib import Path

import pytest
from filelock import FileLock, Timeout

from tests.child import run
from xtts_finetune.machine.packages import COMPILED, LOCK, alone, librosa_loaded


class Probe:
    """Sees what is looked for, and prints whether another process could load it at the same time."""

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        if name not in COMPILED:
            return
        front = sys.modules["librosa"].__file__
        assert front is not None
        try:
            FileLock(Path(front).parent / "__pycache__" / LOCK, timeout=0).acquire().lock.release()
            print("not alone:", name)
        except Timeout:
            print("alone:", name)


def load_and_print() -> None:
    """Load librosa as everybody does, with a word about all that is compiled on the way."""
    import librosa  # its front alone: what is compiled comes later
    import numba

    decorate = numba.guvectorize
    numba.guvectorize = lambda *args, **kwargs: print("compiled") or decorate(*args, **kwargs)
    sys.meta_path.insert(0, Probe())
    librosa_loaded()
    print("loaded")
    loaded = librosa_loaded()
    assert loaded is librosa
    used = "yin resample sequence.dtw feature.melspectrogram feature.mfcc effects.time_stretch griffinlim"
    operator.attrgetter(*used.split())(loaded)


def test_one_process_at_a_time_loads_what_is_compiled() -> None:
    printed = run(load_and_print)
    before, _, after = printed.partition("loaded\n")
    lines = [line for line in before.splitlines() if line != "compiled"]
    assert lines == [f"alone: {module}" for module in COMPILED]
    assert "compiled" in before and not after, "all that is compiled is compiled before the lock is given up"


def test_a_second_one_waits_and_a_lock_is_given_up(tmp_path: Path) -> None:
    with alone(tmp_path), pytest.raises(Timeout):
        FileLock(tmp_path / LOCK, timeout=0).acquire()
    with FileLock(tmp_path / LOCK, timeout=0):
        pass


def test_a_folder_that_cannot_be_written_to_is_no_obstacle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a container's image: then a folder of the user's holds the lock, or nothing does."""
    unwritable = tmp_path / "a file" / "__pycache__"
    unwritable.parent.touch()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with alone(unwritable):
        assert [file.name for file in tmp_path.glob(f"*{LOCK}")], "a lock in the user's folder"
    monkeypatch.setattr("tempfile.tempdir", str(unwritable))
    with alone(unwritable):
        assert not unwritable.exists()
