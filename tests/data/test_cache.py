from __future__ import annotations

import json
import mmap
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.data.data_samples import clip
from xtts_finetune.data.cache import ClipCache
from xtts_finetune.errors import UserError

SAMPLES = 5000
CODES = np.array([3, 1023, 0, 7, 512], dtype=np.int16)
MEL = np.random.default_rng(1).normal(size=(80, SAMPLES // 256 + 1)).astype(np.float32)
EVAL_MEL = np.random.default_rng(2).normal(size=(80, 517)).astype(np.float32)


def root_of(array: Any) -> Any:
    """What holds an array's memory."""
    while getattr(array, "base", None) is not None:
        array = array.base
    return getattr(array, "obj", array)  # what lies under a memoryview


def filled(folder: Path) -> ClipCache:
    cache = ClipCache(folder, "encoder", "vocabulary")
    kept = clip(1)
    cache.add_text(kept.text, kept.language, [5, 6, 7])
    cache.add_sound(kept.sha256, SAMPLES, CODES, MEL)
    cache.add_evaluation(kept.sha256, EVAL_MEL)
    cache.make_current()
    return cache


def test_an_item_comes_back(tmp_path: Path):
    filled(tmp_path)
    item = ClipCache.open(tmp_path).item(clip(1, split="eval"))
    assert item.samples == SAMPLES
    assert item.codes.dtype == np.int16 and item.codes.tolist() == CODES.tolist()
    assert item.text.dtype == np.int32 and item.text.tolist() == [5, 6, 7]
    assert item.conditioning.dtype == np.float16
    np.testing.assert_allclose(item.conditioning, MEL, rtol=1e-3, atol=1e-3)
    assert item.eval_conditioning is not None
    np.testing.assert_array_equal(item.eval_conditioning, EVAL_MEL)


def test_mels_are_mapped_and_not_read(tmp_path: Path):
    item = filled(tmp_path).item(clip(1))
    assert isinstance(root_of(item.conditioning), mmap.mmap)
    assert item.eval_conditioning is None


def test_codes_and_tokens_do_not_hold_the_file(tmp_path: Path):
    item = filled(tmp_path).item(clip(1))
    assert not isinstance(root_of(item.codes), mmap.mmap) and not isinstance(root_of(item.text), mmap.mmap)


@pytest.mark.parametrize("kind, changes", [("sounds", {}), ("texts", {}), ("evaluation", {"split": "eval"})])
@pytest.mark.parametrize("share", [0, 0.01, 0.5, 0.999])
def test_a_file_that_is_not_whole_counts_as_missing(tmp_path: Path, kind: str, changes: dict[str, str], share: float):
    cache = filled(tmp_path)
    (file,) = (tmp_path / kind).rglob("*.npy")
    content = file.read_bytes()
    file.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(UserError, match=r"a/c1.*prepare"):
        cache.item(clip(1, **changes))
    if kind == "sounds":
        assert not cache.has_sound(clip(1).sha256)
    if kind == "evaluation":
        assert not cache.has_evaluation(clip(1).sha256)


def test_what_an_array_depends_on_is_in_its_name(tmp_path: Path):
    filled(tmp_path)
    for other in (ClipCache(tmp_path, "another", "vocabulary"), ClipCache(tmp_path, "encoder", "another")):
        with pytest.raises(UserError):
            other.item(clip(1))
    cache = ClipCache.open(tmp_path)
    assert cache.text(clip(1).text, "hu") is None
    assert cache.text("text", "1en") is None


def test_arrays_of_another_base_go_when_a_new_one_is_current(tmp_path: Path):
    filled(tmp_path)
    ClipCache(tmp_path, "another", "vocabulary").make_current()
    assert ClipCache.open(tmp_path).encoder == "another"
    assert not list((tmp_path / "sounds").rglob("*.npy"))
    assert list((tmp_path / "texts").rglob("*.npy"))


def test_temporary_files_of_a_killed_run_are_swept(tmp_path: Path):
    cache = filled(tmp_path)
    left = tmp_path / "sounds" / ".x.npy.4194999.tmp"
    written = tmp_path / "sounds" / f".y.npy.1.{os.getpid()}.tmp"
    left.touch()
    written.touch()
    cache.sweep()
    assert not left.exists()
    assert written.exists()  # another process may fill the same cache
    cache.item(clip(1))


def test_a_mel_of_the_wrong_length_is_refused(tmp_path: Path):
    with pytest.raises(ValueError, match="expected a conditioning mel"):
        ClipCache(tmp_path, "e", "v").add_sound("0" * 64, SAMPLES, CODES, MEL[:, 1:])


@pytest.mark.parametrize("content", [None, "", "[]", json.dumps({"encoder": "e"})])
def test_a_cache_that_was_never_prepared_is_named(tmp_path: Path, content: str | None):
    if content is not None:
        (tmp_path / "keys.json").write_text(content, encoding="utf-8")
    with pytest.raises(UserError, match="prepare"):
        ClipCache.open(tmp_path)
