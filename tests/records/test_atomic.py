"""A file is there whole or not at all."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path

import pytest

from xtts_finetune.errors import UserError
from xtts_finetune.records import atomic, values


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


def test_a_folder_in_the_place_of_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "eval_set.json").mkdir()
    with pytest.raises(UserError, match=r"eval_set\.json: this is a folder.*move the folder away"):
        atomic.write_json_atomic(tmp_path / "eval_set.json", {})
    assert [path.name for path in tmp_path.iterdir()] == ["eval_set.json"]


def test_json_has_null_where_json_lacks_the_number(tmp_path: Path) -> None:
    target = tmp_path / "a.json"
    atomic.write_json_atomic(target, {"loss": math.nan, "list": [math.inf, 1.5], "text": "ő", "path": Path("x")})
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


@pytest.mark.parametrize("links", [True, False])
def test_a_file_gets_a_second_name_also_where_the_disk_knows_no_links(
    links: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, target = tmp_path / "step_100.pth", tmp_path / "best_model.pth"
    source.write_bytes(b"weights")
    target.write_bytes(b"older")
    if not links:
        monkeypatch.setattr(os, "link", lambda *_: (_ for _ in ()).throw(OSError("no links on FAT")))
    atomic.link_or_copy(source, target)
    assert target.read_bytes() == b"weights"
    assert Path(source).samefile(target) is links
    assert sorted(path.name for path in tmp_path.iterdir()) == ["best_model.pth", "step_100.pth"]


RECORD = {"b": [1, 2.5, None, True], "a": {"é": "ő"}}


def test_recorded_fingerprints_stay_what_they_are() -> None:
    """What runs have recorded is compared with these: another form would do all of their work anew."""
    assert values.digest_of(RECORD) == "04d32239d767a32a16a7425ae034249b918f3402665b22d2109f0f04be1526d1"
    assert values.hash_of(dict(reversed(RECORD.items()))) == "eaccc9b6f5d10cf2"
    assert values.hash_of([Path("x")]) == values.hash_of(["x"])
    assert values.text_digest("ő")[:16] == "b43597c1aa3eee0c"


def test_nested_settings_become_dotted_keys() -> None:
    nested = {"schedule": {"kind": "cosine", "steps": [1, {"a": 2}]}, "rate": 1e-6, "none": {}}
    assert values.flat(nested) == {
        "schedule.kind": "cosine",
        "schedule.steps": [1, {"a": 2}],
        "rate": 1e-6,
    }
    listed = values.flat(nested, "p.", lists=True)
    assert listed == {
        "p.schedule.kind": "cosine",
        "p.schedule.steps.0": 1,
        "p.schedule.steps.1.a": 2,
        "p.rate": 1e-6,
    }


@pytest.mark.parametrize(
    ("content", "finding"),
    [
        (None, "it cannot be read: No such file or directory"),
        (b'{"best": 1', "not JSON: Expecting ',' delimiter at character 11"),
        (b"\xff{}", "not JSON: 'utf-8' codec"),
        (b"[" * 100_000, "not JSON"),
        (b"[1]", "expected a JSON object"),
        (b"{}", "it has no 'best'"),
        (b'{"best": []}', "int"),
    ],
)
def test_a_record_that_is_not_whole_is_named_with_what_is_wrong_and_the_cure(
    tmp_path: Path, content: bytes | None, finding: str
) -> None:
    path = tmp_path / "record.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UserError) as raised:
        atomic.read_json(path, lambda record: int(record["best"]), "damaged", "train it again")
    assert str(raised.value).startswith(f"{path}: damaged ({finding}")
    assert str(raised.value).endswith("; train it again")
    assert atomic.json_or_none(path, lambda record: int(record["best"])) is None
    path.write_text('{"best": 7}', encoding="utf-8")
    assert atomic.json_or_none(path, lambda record: int(record["best"])) == 7
