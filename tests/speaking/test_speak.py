"""A script is spoken once: a file for each line and one of all, the same after a kill, only changed lines anew."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import av
import numpy as np
import pytest
import soundfile

from tests.speaking.tiny_model import RATE, tiny_model
from xtts_finetune.errors import UserError
from xtts_finetune.evaluation.checking import Checked
from xtts_finetune.evaluation.instruments.instrument import Sound
from xtts_finetune.speaking import speak
from xtts_finetune.speaking.assembling import Form
from xtts_finetune.speaking.script import Script, ScriptLine
from xtts_finetune.speaking.speak import Wanted, speak_script
from xtts_finetune.speaking.speaking_models import SpeakingModel
from xtts_finetune.speaking.takes import Takes


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> SpeakingModel:
    return tiny_model(tmp_path_factory.mktemp("base"))


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speak, "BATCH", 3)


def script(*texts: str) -> Script:
    return Script.of(ScriptLine(text, f"line {number}") for number, text in enumerate(texts, start=1))


SCRIPT = script("one", "two", "three", "four", "five", "six", "seven", "one")


def wanted(folder: Path, **form: object) -> Wanted:
    return Wanted(folder, "tale", Form(**form))  # type: ignore[arg-type]


def hashes(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != ".lock"
    }


def silent(line: str) -> None:
    pass


class Killed(BaseException):
    pass


@pytest.mark.parametrize("ending", [".wav", ".mp3", ".opus"])
def test_after_a_kill_all_files_are_the_same_byte_for_byte(
    model: SpeakingModel, tmp_path: Path, ending: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    form = {"ending": ending}
    speak_script(model, SCRIPT, wanted(tmp_path / "whole", **form), silent)
    keep = Takes.keep
    for kept in (1, 1, 2):  # killed within a batch, again and again
        left = [kept]

        def killed_after(self: object, *given: object, left: list[int] = left) -> None:
            if not left[0]:
                raise Killed
            left[0] -= 1
            keep(self, *given)  # type: ignore[arg-type]

        with monkeypatch.context() as patched:
            patched.setattr(Takes, "keep", killed_after)
            with pytest.raises(Killed):
                speak_script(model, SCRIPT, wanted(tmp_path / "killed", **form), silent)
    speak_script(model, SCRIPT, wanted(tmp_path / "killed", **form), silent)
    assert hashes(tmp_path / "killed") == hashes(tmp_path / "whole")


def test_only_changed_lines_are_spoken_again(model: SpeakingModel, tmp_path: Path) -> None:
    said: list[str] = []
    speak_script(model, SCRIPT, wanted(tmp_path), silent)
    before = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "takes").iterdir()}
    assert len(before) == 2 * 7  # 'one' comes twice and is spoken once
    changed = script("new", *(line.text for line in SCRIPT.lines[1:]))
    speak_script(model, changed, wanted(tmp_path), said.append)
    assert said[0] == "7 of 8 lines are spoken already"
    after = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "takes").iterdir()}
    assert len(after) == 2 * 8 and all(after[name] == moment for name, moment in before.items())
    speak_script(model, script("new"), wanted(tmp_path), said.append)
    assert said[-2] == "the line is spoken already"
    assert len(list((tmp_path / "takes").iterdir())) == 2, "takes of lines that are gone go too"


def test_files_of_another_format_go(model: SpeakingModel, tmp_path: Path) -> None:
    speak_script(model, script("one"), wanted(tmp_path, ending=".mp3"), silent)
    (tmp_path / "mine.txt").write_text("mine", encoding="utf-8")
    speak_script(model, script("one"), wanted(tmp_path, ending=".flac"), silent)
    assert {path.name for path in tmp_path.iterdir() if path.is_file()} == {
        ".lock", "001.flac", "tale.flac", "lines.csv", "speak.json", "mine.txt"
    }  # fmt: skip


@pytest.mark.parametrize("ending", [".wav", ".flac", ".mp3", ".ogg", ".opus"])
def test_another_program_decodes_every_format(model: SpeakingModel, tmp_path: Path, ending: str) -> None:
    done = speak_script(model, script("one", "two"), wanted(tmp_path, ending=ending), silent)
    with av.open(str(done.whole)) as sound:
        samples = sum(frame.samples for frame in sound.decode(audio=0))
        rate = sound.streams.audio[0].rate
    assert samples / rate == pytest.approx(done.seconds, abs=0.1)


def test_the_whole_has_pauses_chapters_and_the_times_of_subtitles(model: SpeakingModel, tmp_path: Path) -> None:
    lines = (
        ScriptLine("one", "line 1", ends_paragraph=False),
        ScriptLine("two", "line 1", pause=1.5),
        ScriptLine("three", "line 3", chapter=1),
        ScriptLine("four", "line 4", chapter=1, start=20.0),
        ScriptLine("five", "line 5", chapter=1, start=20.0),
    )
    done = speak_script(model, Script.of(lines, ("A", "B")), wanted(tmp_path, pause=0.5, loudness=None), silent)
    seconds = [soundfile.info(str(tmp_path / f"00{n}.wav")).duration for n in range(1, 6)]
    starts = [float(row.split(",")[1]) for row in (tmp_path / "lines.csv").read_text("utf-8").splitlines()[1:]]
    assert starts[1] == pytest.approx(seconds[0] + 0.5, abs=2e-3)
    assert starts[2] == pytest.approx(starts[1] + seconds[1] + 1.5, abs=2e-3)
    assert starts[3] == 20.0 and starts[4] == pytest.approx(20.0 + seconds[3], abs=2e-3)
    assert done.late == 1
    whole, _ = soundfile.read(str(done.whole), dtype="int16")
    fourth, _ = soundfile.read(str(tmp_path / "004.wav"), dtype="int16")
    assert np.array_equal(whole[20 * RATE : 20 * RATE + len(fourth)], fourth)
    assert not whole[round((starts[2] + seconds[2]) * RATE) + 1 : 20 * RATE - 1].any()
    first, _ = soundfile.read(str(tmp_path / "tale 1 a.wav"), dtype="int16")
    assert np.array_equal(first, whole[: len(first)])


def test_lines_are_of_one_loudness(model: SpeakingModel, tmp_path: Path) -> None:
    import pyloudnorm

    speak_script(model, script("one", "two", "three"), wanted(tmp_path, loudness=-30.0), silent)
    for number in (1, 2, 3):
        wave, rate = soundfile.read(str(tmp_path / f"00{number}.wav"))
        assert pyloudnorm.Meter(rate).integrated_loudness(wave) == pytest.approx(-30.0, abs=0.3)


def test_what_cannot_be_done_is_refused_before_anything_is_written(model: SpeakingModel, tmp_path: Path) -> None:
    lines = [ScriptLine("Hello.", "row 2", voice="bea"), ScriptLine("Hello.", "row 3", voice="anna")]
    with pytest.raises(UserError, match="row 2: there is no voice 'bea'; this model has anna, anna-question"):
        speak_script(model, Script.of(lines), wanted(tmp_path / "new"), silent)
    assert not (tmp_path / "new").exists()
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "work.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(UserError, match="has something else in it"):
        speak_script(model, SCRIPT, wanted(tmp_path / "mine"), silent)


def test_what_a_kill_left_neither_stays_nor_stands_in_the_way(model: SpeakingModel, tmp_path: Path) -> None:
    folder = tmp_path / "killed"
    folder.mkdir()
    gone = 2**22 + 1  # no process has such a number
    (folder / ".lock").touch()
    (folder / f".speak.json.1.{gone}.tmp").write_text("{", encoding="utf-8")  # the first thing that is written
    speak_script(model, SCRIPT, wanted(folder), silent)
    expected = {path.relative_to(folder) for path in folder.rglob("*")}
    for left in (f".001.wav.1.{gone}.tmp", f"takes/.some.flac.1.{gone}.tmp"):
        (folder / left).write_bytes(b"RIFF")
    speak_script(model, SCRIPT, wanted(folder), silent)
    assert {path.relative_to(folder) for path in folder.rglob("*")} == expected
    assert not list(folder.rglob("*.tmp"))


def test_what_fails_the_checks_is_spoken_again_and_the_best_kept(model: SpeakingModel, tmp_path: Path) -> None:
    heard: dict[str, list[bytes]] = {}

    def check(sound: Sound, text: str, language: str, cut: bool, others: Sequence[str]) -> Checked:
        assert language == "en" and text not in others and sound.file.is_file()
        tried = heard.setdefault(text, [])
        tried.append(sound.wave.tobytes())
        if text == "two":  # the second of three is the best
            return Checked(("noise: 1",) if len(tried) == 2 else ("noise: 1", "repeat: 1"))
        return Checked(("too slow: 1",) if text == "three" and len(tried) == 1 else ())

    checked = replace(model, check=lambda speed, say: check)
    done = speak_script(checked, script("one", "two", "three"), wanted(tmp_path), silent)
    assert {text: len(tried) for text, tried in heard.items()} == {"one": 1, "two": 3, "three": 2}
    assert len(set(heard["two"])) == 3, "another seed is another take"
    rows = list(csv.DictReader(io.StringIO((tmp_path / "lines.csv").read_text("utf-8"))))
    assert [(row["tries"], row["faults"]) for row in rows] == [("1", ""), ("3", "noise: 1"), ("2", "")]
    assert (done.again, done.faulty) == (2, ("002.wav",))
    best, _ = soundfile.read(str(tmp_path / "002.wav"), dtype="float32")
    assert len(best) == len(np.frombuffer(heard["two"][1], dtype=np.float32))


def test_without_tries_nothing_is_checked(model: SpeakingModel, tmp_path: Path) -> None:
    def never(speed: float, say: object) -> NoReturn:
        raise AssertionError

    unchecked = replace(wanted(tmp_path), tries=0)
    done = speak_script(replace(model, check=never), script("one"), unchecked, silent)
    assert (done.again, done.faulty) == (0, ())


def test_a_script_named_like_a_line_loses_none(model: SpeakingModel, tmp_path: Path) -> None:
    done = speak_script(model, script("one", "two"), replace(wanted(tmp_path), name="001"), silent)
    assert done.whole.name == "001-whole.wav" and (tmp_path / "001.wav").is_file()
