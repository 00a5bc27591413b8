"""Two processes that compile librosa's machine code at once would break it for all that come after them."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from filelock import FileLock, Timeout

from xtts_finetune.importing import COMPILED, LOCK, alone

# Prints each of `COMPILED` that is looked for while another process could load it too, and what is compiled elsewhere.
PROBE = """
    import sys
    from pathlib import Path

    import librosa
    from filelock import FileLock, Timeout

    from xtts_finetune.importing import COMPILED, LOCK, librosa_loaded

    class Probe:
        def find_spec(self, name, path=None, target=None):
            if name in COMPILED:
                try:
                    FileLock(Path(librosa.__file__).parent / "__pycache__" / LOCK, timeout=0).acquire().lock.release()
                    print("not alone:", name)
                except Timeout:
                    print("alone:", name)

    import numba
    decorate = numba.guvectorize
    numba.guvectorize = lambda *args, **kwargs: print("compiled") or decorate(*args, **kwargs)
    sys.meta_path.insert(0, Probe())
    librosa_loaded()
    print("loaded")
    loaded = librosa_loaded()
    loaded.yin, loaded.resample, loaded.sequence.dtw, loaded.feature.melspectrogram, loaded.feature.mfcc
    loaded.effects.time_stretch, loaded.griffinlim
"""


def test_one_process_at_a_time_loads_what_is_compiled() -> None:
    script = [sys.executable, "-c", textwrap.dedent(PROBE)]
    printed = subprocess.run(script, check=True, timeout=300, capture_output=True, text=True).stdout
    before, _, after = printed.partition("loaded\n")
    lines = [line for line in before.splitlines() if line != "compiled"]
    assert lines == [f"alone: {module}" for module in COMPILED]
    assert "compiled" in before and not after, "all that is compiled is compiled before the lock is given up"


def test_a_second_one_waits_and_a_lock_is_given_up(tmp_path: Path) -> None:
    with alone(tmp_path), pytest.raises(Timeout):
        FileLock(tmp_path / LOCK, timeout=0).acquire()
    with FileLock(tmp_path / LOCK, timeout=0):
        pass


def test_a_folder_that_cannot_be_written_to_is_no_obstacle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a container's image: then a folder of the user's holds the lock, or nothing does."""
    unwritable = tmp_path / "a file" / "__pycache__"
    unwritable.parent.touch()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with alone(unwritable):
        assert [file.name for file in tmp_path.glob(f"*{LOCK}")], "a lock in the user's folder"
    monkeypatch.setattr("tempfile.tempdir", str(unwritable))
    with alone(unwritable):
        assert not unwritable.exists()
