"""A file is there whole or not at all."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from xtts_finetune.records import atomic


def test_text_is_utf8_with_plain_newlines(tmp_path: Path) -> None:
    target = tmp_path / "new folder" / "a.txt"
    atomic.write_text_atomic(target, "őű\nsecond\n")
    assert target.read_bytes() == "őű\nsecond\n".encode()
    assert [file.name for file in target.parent.iterdir()] == ["a.txt"]


def test_a_failed_write_keeps_the_old_file_and_leaves_nothing_behind(tmp_path: Path) -> None:
    target = tmp_path / "a.txt"
    atomic.write_text_atomic(target, "old")
    with pytest.raises(RuntimeError), atomic.atomic_path(target) as temporary:
        temporary.write_text("half", encoding="utf-8")
        raise RuntimeError
    assert target.read_text(encoding="utf-8") == "old"
    assert [file.name for file in tmp_path.iterdir()] == ["a.txt"]


def test_json_has_null_where_json_lacks_the_number(tmp_path: Path) -> None:
    target = tmp_path / "a.json"
    atomic.write_json_atomic(
        target, {"loss": math.nan, "list": [math.inf, 1.5], "text": "ő", "path": Path("x")}
    )
    text = target.read_text(encoding="utf-8")
    assert json.loads(text) == {"loss": None, "list": [None, 1.5], "text": "ő", "path": "x"}
    assert "ő" in text


@pytest.mark.parametrize("refusals, succeeds", [(0, True), (3, True), (1000, False)])
def test_a_refused_replace_is_tried_again_but_not_forever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refusals: int, succeeds: bool
) -> None:
    left = [refusals]
    real = Path.replace

    def replace(self: Path, target: Path) -> Path:
        if left[0] > 0:
            left[0] -= 1
            raise PermissionError("a virus scanner holds the file")
        return real(self, target)

    monkeypatch.setattr(Path, "replace", replace)
    monkeypatch.setattr(atomic.time, "sleep", lambda _: None)
    target = tmp_path / "a.txt"
    if succeeds:
        atomic.write_text_atomic(target, "new")
        assert target.read_text(encoding="utf-8") == "new"
    else:
        with pytest.raises(PermissionError):
            atomic.write_text_atomic(target, "new")
        assert list(tmp_path.iterdir()) == []
