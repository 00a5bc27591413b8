"""A run of the data room that is killed at any moment, then run again."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

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

# Kills itself, as the system would, before the n-th replacement of a file or in the middle of writing it.
KILLED = """
    import os, signal, sys
    from pathlib import Path
    import xtts_finetune.records.atomic as atomic
    from tests.data.data_samples import CountingEncoder, LetterTokenizer, declare, run_folder, silent_progress
    from xtts_finetune.data.prepare import prepare

    base, data, run, kill_at, torn = sys.argv[1:]
    replaced = 0
    replace = atomic.replace_with_retry

    def replace_or_die(source, target):
        global replaced
        replaced += 1
        if replaced == int(kill_at):
            if torn == "torn":
                content = source.read_bytes()
                source.write_bytes(content[: len(content) // 2])
            os.kill(os.getpid(), signal.SIGKILL)
        replace(source, target)

    atomic.replace_with_retry = replace_or_die
    declaration = declare(Path(base), [{"name": "a", "path": Path(data), "format": "ljspeech"}], Path(run))
    prepare(declaration, LetterTokenizer(), CountingEncoder(), run_folder(declaration), silent_progress)
"""


def prepared(declaration: Declaration) -> CountingEncoder:
    encoder = CountingEncoder()
    prepare(declaration, LetterTokenizer(), encoder, run_folder(declaration), silent_progress)
    return encoder


def result(declaration: Declaration) -> dict[str, bytes]:
    folder = declaration.run_folder
    files = [file for file in folder.rglob("*") if file.is_file()]
    return {file.relative_to(folder).as_posix(): file.read_bytes() for file in files}


# 24 files for the clips, then sources, dropped, eval set, 2 eval mels, keys, clips, data.json.
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
@pytest.mark.parametrize("kill_at", [1, 2, 15, 24, 25, 26, 27, 28, 30, 31, 32])
def test_a_kill_leaves_nothing_wrong(tmp_path: Path, tiny_base: BaseFiles, kill_at: int):
    folder = write_ljspeech(tmp_path / "a", CLIPS)
    datasets = [{"name": "a", "path": folder, "format": "ljspeech"}]
    undisturbed = declare(tiny_base.folder, datasets, tmp_path / "undisturbed")
    prepared(undisturbed)

    killed = declare(tiny_base.folder, datasets, tmp_path / "killed")
    arguments = [str(tiny_base.folder), str(folder), str(killed.run_folder), str(kill_at)]
    torn = "torn" if kill_at % 2 else "whole"
    command = [sys.executable, "-c", textwrap.dedent(KILLED), *arguments, torn]
    child = subprocess.run(
        command, timeout=120, capture_output=True, text=True, cwd=Path(__file__).parents[2]
    )
    assert child.returncode == -9, child.stderr

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
