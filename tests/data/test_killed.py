"""A run of the data room that is killed at any moment, then run again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.child import killed_at, start
from tests.data.data_samples import (
    CountingEncoder,
    LetterTokenizer,
    declare,
    run_folder,
    silent_progress,
    write_ljspeech,
)
from xtts_finetune.data.cache import ClipCache
from xtts_finetune.data.prepare import prepare
from xtts_finetune.records.clips import read_clips
from xtts_finetune.spec.declaration import Declaration
from xtts_finetune.xtts.base import BaseFiles

CLIPS = 12


def prepare_at(base: str, data: str, run: str, encoder: CountingEncoder | None = None) -> None:
    """Prepare a data set as a process of its own does."""
    declaration = declare(Path(base), [{"name": "a", "path": Path(data), "format": "ljspeech"}], Path(run))
    prepare(declaration, LetterTokenizer(), encoder or CountingEncoder(), run_folder(declaration), silent_progress)


def prepare_until(base: str, data: str, run: str, kill_at: str) -> None:
    """Be killed before the n-th replacement of a file, or, where n is odd, in the middle of writing it."""
    killed_at(int(kill_at), run, torn=int(kill_at) % 2 == 1)
    prepare_at(base, data, run)


def prepare_beside(base: str, data: str, run: str, me: str, other: str) -> None:
    """Wait for the other before the first clip, so that both do fill the cache at once."""

    def meet() -> None:
        Path(run, me).touch()
        for _ in range(3000):
            if Path(run, other).exists():
                return
            time.sleep(0.01)

    prepare_at(base, data, run, CountingEncoder(meet))


def prepared(declaration: Declaration) -> CountingEncoder:
    encoder = CountingEncoder()
    prepare(declaration, LetterTokenizer(), encoder, run_folder(declaration), silent_progress)
    return encoder


def result(declaration: Declaration) -> dict[str, bytes]:
    folder = declaration.run_folder
    files = [file for file in folder.rglob("*") if file.is_file()]
    return {file.relative_to(folder).as_posix(): file.read_bytes() for file in files}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, tiny_base: BaseFiles) -> Declaration:
    """Of a data set that was prepared without a kill."""
    folder = tmp_path_factory.mktemp("undisturbed")
    datasets = [{"name": "a", "path": write_ljspeech(folder / "a", CLIPS), "format": "ljspeech"}]
    declaration = declare(tiny_base.folder, datasets, folder / "run")
    prepared(declaration)
    return declaration


# 24 files for the clips, then sources, dropped, eval set, 2 eval mels, keys, clips, data.json.
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
@pytest.mark.parametrize("kill_at", [1, 2, 15, 24, 25, 26, 27, 28, 30, 31, 32])
def test_a_kill_leaves_nothing_wrong(tmp_path: Path, tiny_base: BaseFiles, undisturbed: Declaration, kill_at: int):
    folder = undisturbed.pipeline.datasets[0].path
    datasets = [{"name": "a", "path": folder, "format": "ljspeech"}]
    killed = declare(tiny_base.folder, datasets, tmp_path / "killed")
    child = start(prepare_until, tiny_base.folder, folder, killed.run_folder, kill_at, stderr=subprocess.PIPE)
    _, errors = child.communicate(timeout=120)
    assert child.returncode == -signal.SIGKILL, errors

    run = run_folder(killed)
    assert not run.data_info.exists()
    encoded_before = len(list((run.cache / "sounds").rglob("[!.]*.npy")))
    if run.clips.exists():
        cache = ClipCache.open(run.cache)
        for clip in read_clips(run.clips):
            cache.item(clip)

    encoder = prepared(killed)
    assert encoder.calls == CLIPS - encoded_before
    assert result(killed) == result(undisturbed)


def test_two_processes_may_build_the_cache_at_once(tmp_path: Path, tiny_base: BaseFiles):
    folder = write_ljspeech(tmp_path / "a", CLIPS)
    datasets = [{"name": "a", "path": folder, "format": "ljspeech"}]
    alone = declare(tiny_base.folder, datasets, tmp_path / "alone")
    prepared(alone)
    shared = declare(tiny_base.folder, datasets, tmp_path / "shared")
    shared.run_folder.mkdir()
    children = [
        start(prepare_beside, tiny_base.folder, folder, shared.run_folder, *names, stderr=subprocess.PIPE)
        for names in (("one", "two"), ("two", "one"))
    ]
    for child in children:
        _, errors = child.communicate(timeout=120)
        assert child.returncode == 0, errors
    for name in ("one", "two"):
        (shared.run_folder / name).unlink()
    assert prepared(shared).calls == 0
    assert result(shared) == result(alone)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT for one process")
def test_ctrl_c_ends_at_once_and_loses_nothing_that_was_kept(tmp_path: Path, tiny_base: BaseFiles):
    folder = write_ljspeech(tmp_path / "a", 40)
    declaration = declare(tiny_base.folder, [{"name": "a", "path": folder, "format": "ljspeech"}], tmp_path / "run")

    def interrupt(done: int, total: int, what: str) -> None:
        if done == 10:
            os.kill(os.getpid(), signal.SIGINT)

    encoder, run = CountingEncoder(), run_folder(declaration)
    with pytest.raises(KeyboardInterrupt):
        prepare(declaration, LetterTokenizer(), encoder, run, interrupt)
    assert encoder.calls < 40
    assert not list(run.root.rglob(".*.tmp")) and not run.clips.exists()
    assert prepared(declaration).calls == 40 - encoder.calls
