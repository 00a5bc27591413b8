"""Speaking goes on where it was cut off, and only what changed is spoken again."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from testbed.random_base import BaseSize, make_random_base
from tests.evaluation.test_utterances import FILES, UTTERANCES, declare, prepared, record, speak
from xtts_finetune.evaluation.utterance_state import utterances_current
from xtts_finetune.evaluation.utterances import speak_candidate
from xtts_finetune.records.run_folder import RunFolder
from xtts_finetune.xtts.base import BaseFiles


class Killed(BaseException):
    """What nothing catches."""


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> BaseFiles:
    return make_random_base(tmp_path_factory.mktemp("base"), BaseSize(max_audio_tokens=13))


@pytest.fixture(scope="module")
def whole(base: BaseFiles, tmp_path_factory: pytest.TempPathFactory, demo_folder: Path) -> RunFolder:
    """A run in which the base has said all; copy it before changing it."""
    run = prepared(tmp_path_factory.mktemp("whole") / "run", demo_folder)
    speak(declare(base, run), run)
    return run


@pytest.fixture
def run(whole: RunFolder, tmp_path: Path) -> RunFolder:
    return RunFolder(Path(shutil.copytree(whole.root, tmp_path / "run")))


def sounds(run: RunFolder) -> dict[str, tuple[bytes, int]]:
    """Content of the WAV files, and when they were written."""
    files = run.candidate("base").utterances.glob("*.wav")
    return {file.name: (file.read_bytes(), file.stat().st_mtime_ns) for file in files}


def lines(run: RunFolder) -> Path:
    return run.candidate("base").spoken_lines


def kill_after(done: int, base: BaseFiles, run: RunFolder) -> None:
    """Speak, and die when that many utterances are said to be done."""

    def progress(finished: int, total: int, what: str) -> None:
        if finished == done and "seed" in what:
            raise Killed

    with pytest.raises(Killed):
        speak_candidate(declare(base, run), run, "base", "cpu", progress)


def spoken(said: list[str]) -> set[str]:
    """What was really spoken, from the reports."""
    return {line.split(maxsplit=1)[1] for line in said if "seed" in line}


def test_who_was_killed_goes_on_and_ends_the_same(
    base: BaseFiles, whole: RunFolder, tmp_path: Path, demo_folder: Path
) -> None:
    run = prepared(tmp_path / "run", demo_folder)
    kill_after(3, base, run)
    kept = sounds(run)
    assert len(kept) >= 3 and not run.candidate("base").utterances_json.exists()
    assert not utterances_current(declare(base, run), run, "base")
    said = speak(declare(base, run), run)
    assert (said[0], said[-1], len(spoken(said))) == ("3/4 loading base", "4/4 spoken", 1)
    after = sounds(run)
    done_before = [entry["file"] for entry in record(run)["utterances"]]
    assert done_before == FILES  # in the declared order, whichever was spoken first
    assert sum(after[name] == kept.get(name) for name in FILES) == 3
    assert {name: sound for name, (sound, _) in after.items()} == {
        name: sound for name, (sound, _) in sounds(whole).items()
    }
    assert record(run)["utterances"] == record(whole)["utterances"]
    assert not lines(run).exists()


@pytest.mark.parametrize(
    ("changed", "again"),
    [
        ({"sentences": [UTTERANCES["sentences"][0], {"id": "two", "text": "No.", "language": "hu"}]}, "two"),
        ({"sentences": [*UTTERANCES["sentences"], {"id": "three", "text": "Good."}]}, "three"),
        ({"sentences": UTTERANCES["sentences"][:1]}, None),
        ({"sentences": UTTERANCES["sentences"][::-1]}, None),
    ],
    ids=["text", "new", "removed", "order"],
)
def test_only_what_changed_is_spoken_again(
    base: BaseFiles, run: RunFolder, changed: dict[str, Any], again: str | None
) -> None:
    declaration = declare(base, run, {**UTTERANCES, **changed})
    before = sounds(run)
    assert not utterances_current(declaration, run, "base")
    said = speak(declaration, run)
    assert spoken(said) == ({f"{again}, seed 1", f"{again}, seed 2"} if again else set())
    assert any("loading" in line for line in said) == bool(again)
    wanted = [f"{sentence['id']}_s{seed}.wav" for sentence in changed["sentences"] for seed in UTTERANCES["seeds"]]
    assert [entry["file"] for entry in record(run)["utterances"]] == wanted
    after = sounds(run)
    assert sorted(after) == sorted(wanted)
    same = [name for name in wanted if not again or not name.startswith(again)]
    assert all(after[name] == before[name] for name in same)
    assert utterances_current(declaration, run, "base")


@pytest.mark.parametrize("changed", [{"reference": {"clips": 1}}, {"inference": {"temperature": 0.5}}])
def test_what_all_depend_on_is_spoken_anew(base: BaseFiles, run: RunFolder, changed: dict[str, Any]) -> None:
    assert len(spoken(speak(declare(base, run, {**UTTERANCES, **changed}), run))) == 4


def test_killed_while_a_changed_text_is_spoken(base: BaseFiles, run: RunFolder) -> None:
    """The three others stay what they are, and no sound of the old text is left to pass for the new one."""
    changed = [UTTERANCES["sentences"][0], {"id": "two", "text": "No."}]
    declaration = declare(base, run, {**UTTERANCES, "sentences": changed, "seeds": [1, 2]})

    def progress(finished: int, total: int, what: str) -> None:
        if what == "speaking":
            raise Killed

    with pytest.raises(Killed):
        speak_candidate(declaration, run, "base", "cpu", progress)
    assert sorted(sounds(run)) == ["one_s1.wav", "one_s2.wav"]
    assert spoken(speak(declaration, run)) == {"two, seed 1", "two, seed 2"}


def test_a_missing_file_is_spoken_again(base: BaseFiles, run: RunFolder) -> None:
    (run.candidate("base").utterances / FILES[2]).unlink()
    assert spoken(speak(declare(base, run), run)) == {"two, seed 1"}


@pytest.mark.parametrize(
    ("damage", "again"),
    [
        (b'{"file": "one_s', 0),  # torn by a crash: that line does not count
        (b"no json\n", 4),
        (b'{"file": ["x"], "fingerprint": null}\n{"file": "other.wav"}\n[1]\n', 4),
    ],
)
def test_damaged_lines_do_no_harm(base: BaseFiles, run: RunFolder, damage: bytes, again: int) -> None:
    entries = record(run)["utterances"]
    run.candidate("base").utterances_json.unlink()
    lines(run).write_bytes(b"".join(json.dumps(entry).encode() + b"\n" for entry in entries) + damage)
    assert len(spoken(speak(declare(base, run), run))) == again
    assert utterances_current(declare(base, run), run, "base")


@pytest.mark.parametrize("name", ["../outside.wav", "{outside}", "sub/../../outside.wav"])
def test_a_record_cannot_reach_out_of_the_folder(base: BaseFiles, run: RunFolder, name: str) -> None:
    outside = run.candidate("base").path / "outside.wav"
    outside.write_bytes(b"mine")
    (run.candidate("base").utterances / "mine.txt").write_bytes(b"mine")
    damaged = record(run)
    damaged["fingerprint"] = "old"
    damaged["utterances"] += [{"file": name.format(outside=outside)}, {"file": "mine.txt"}, "odd", {}]
    run.candidate("base").utterances_json.write_text(json.dumps(damaged), encoding="utf-8")
    speak(declare(base, run), run)
    assert outside.read_bytes() == b"mine"
    assert (run.candidate("base").utterances / "mine.txt").exists()
