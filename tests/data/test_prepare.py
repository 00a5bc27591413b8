from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import xtts_finetune.data.audit as audit
import xtts_finetune.data.sound_rules as sound_rules
from tests.data.data_samples import (
    CountingEncoder,
    LetterTokenizer,
    declare,
    run_folder,
    silent_progress,
    write_ljspeech,
    write_sound,
)
from xtts_finetune.data.batching.batches import BatchPlan
from xtts_finetune.data.batching.epochs import epochs_of_one
from xtts_finetune.data.batching.index import ClipIndex
from xtts_finetune.data.batching.loader import TrainingBatches, eval_batches
from xtts_finetune.data.cache import ClipCache
from xtts_finetune.data.fingerprint import data_inputs
from xtts_finetune.data.prepare import DataSummary, prepare
from xtts_finetune.data.sound.audio import Audio, load_audio
from xtts_finetune.errors import UserError, WorkFailed
from xtts_finetune.records.clips import DropReason, read_clips, read_dropped
from xtts_finetune.spec.declaration import Declaration
from xtts_finetune.xtts.base import BaseFiles


@pytest.fixture
def two_sets(tmp_path: Path, tiny_base: BaseFiles) -> Declaration:
    """20 clips of LJSpeech and 10 of Coqui."""
    first = write_ljspeech(tmp_path / "első hang", 20)
    second = tmp_path / "b"
    lines = ["audio_file|text|speaker_name"]
    for number in range(10):
        write_sound(second / f"{number}.flac", 0.7, 50 + number, rate=16_000, channels=2)
        lines.append(f"{number}.flac|Text {number}.|bob")
    (second / "metadata.csv").write_text("\n".join(lines), encoding="utf-8")
    datasets = [
        {"name": "a", "path": first, "format": "ljspeech"},
        {"name": "b", "path": second, "format": "coqui"},
    ]
    return declare(tiny_base.folder, datasets, tmp_path / "run")


@pytest.fixture
def read_files(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Every file whose sound is read while the clips are checked."""
    files: list[Path] = []

    def counted(path: Path, at_most_seconds: float | None = None) -> Audio:
        files.append(path)
        return load_audio(path, at_most_seconds)

    for module in (audit, sound_rules):
        monkeypatch.setattr(module, "load_audio", counted)
    return files


def prepared(declaration: Declaration, encoder: CountingEncoder | None = None) -> DataSummary:
    tokenizer = LetterTokenizer()
    return prepare(declaration, tokenizer, encoder or CountingEncoder(), run_folder(declaration), silent_progress)


def files_of(folder: Path) -> dict[str, bytes]:
    """All files but the notes of what was read when."""
    files = (file for file in folder.rglob("*") if file.is_file() and file.name != "sources.jsonl")
    return {file.relative_to(folder).as_posix(): file.read_bytes() for file in files}


def splits(declaration: Declaration) -> dict[str, str]:
    return {f"{clip.dataset}/{clip.id}": clip.split for clip in read_clips(run_folder(declaration).clips)}


def test_all_files_of_a_run_agree(two_sets: Declaration):
    calls: list[tuple[int, int, str]] = []
    run = run_folder(two_sets)
    summary = prepare(two_sets, LetterTokenizer(), CountingEncoder(), run, lambda *call: calls.append(call))
    clips = read_clips(run.clips)
    held_out = [clip for clip in clips if clip.split == "eval"]
    assert (summary.clips, summary.eval_clips, summary.dropped) == (30, 6, 0)
    assert len(clips) == 30 and len(held_out) == 6
    assert sum(clip.dataset == "a" for clip in held_out) == 4
    assert summary.seconds == pytest.approx(sum(clip.seconds for clip in clips))
    assert clips[0].audio == two_sets.pipeline.datasets[0].path / "wavs" / "clip000.wav"
    assert (clips[0].id, clips[0].speaker, clips[0].seconds) == ("clip000", "a", 0.8)
    assert clips[0].text_tokens == len("en" + "this is number 0.")
    frozen = json.loads(run.eval_set.read_text(encoding="utf-8"))
    assert {clip["sha256"] for clip in frozen["clips"]} == {clip.sha256 for clip in held_out}
    seen = [[clip.sha256, clip.text, clip.language, clip.split] for clip in clips]
    assert summary.content == hashlib.sha256(json.dumps(seen).encode()).hexdigest()
    info = json.loads(run.data_info.read_text(encoding="utf-8"))
    assert info["inputs"] == data_inputs(two_sets)
    assert (info["content"], info["clips"], info["eval_clips"]) == (summary.content, 30, 6)
    assert calls[0] == (1, 30, "clips read") and calls[29] == (30, 30, "clips read")
    assert calls[-1] == (6, 6, "eval clips encoded")


def test_a_second_run_reads_and_encodes_nothing_again(two_sets: Declaration, read_files: list[Path]):
    first = prepared(two_sets)
    assert len(read_files) == 30 + 6  # the eval clips once more, for their conditioning
    before = files_of(two_sets.run_folder)
    read_files.clear()
    encoder = CountingEncoder()
    assert prepared(two_sets, encoder) == first
    assert (read_files, encoder.calls) == ([], 0)
    assert files_of(two_sets.run_folder) == before


def test_one_changed_clip_is_one_clip_of_work(two_sets: Declaration, read_files: list[Path]):
    before = prepared(two_sets)
    name = next(name for name, split in splits(two_sets).items() if split == "train" and name.startswith("a/"))
    file = two_sets.pipeline.datasets[0].path / "wavs" / f"{name[2:]}.wav"
    write_sound(file, 0.9, 99)
    read_files.clear()
    encoder = CountingEncoder()
    after = prepared(two_sets, encoder)
    assert (read_files, encoder.calls) == ([file], 1)
    assert after.content != before.content


def test_a_renamed_copy_is_read_but_not_encoded(two_sets: Declaration, read_files: list[Path]):
    prepared(two_sets)
    folder = two_sets.pipeline.datasets[1].path
    shutil.copy(folder / "0.flac", folder / "copy.flac")
    with (folder / "metadata.csv").open("a", encoding="utf-8") as lines:
        lines.write("\ncopy.flac|Text.|bob\n")
    read_files.clear()
    encoder = CountingEncoder()
    prepared(two_sets, encoder)
    assert (read_files, encoder.calls) == ([folder / "copy.flac"], 0)
    assert splits(two_sets)["b/copy"] == splits(two_sets)["b/0"]


def test_a_changed_text_changes_the_content_and_reads_no_audio(two_sets: Declaration, read_files: list[Path]):
    before = prepared(two_sets)
    metadata = two_sets.pipeline.datasets[0].path / "metadata.csv"
    metadata.write_text(metadata.read_text(encoding="utf-8").replace("number 3.", "no 3."), encoding="utf-8")
    read_files.clear()
    assert prepared(two_sets).content != before.content
    assert read_files == []


def test_the_eval_set_never_moves(two_sets: Declaration):
    prepared(two_sets)
    run = run_folder(two_sets)
    frozen, before = run.eval_set.read_bytes(), splits(two_sets)
    folder = two_sets.pipeline.datasets[0].path
    gone = next(name for name, split in before.items() if split == "eval" and name.startswith("a/"))
    lines = (folder / "metadata.csv").read_text(encoding="utf-8").splitlines()
    lines = [line for line in reversed(lines) if not line.startswith(gone[2:])]
    for number in range(30):
        write_sound(folder / "wavs" / f"new{number}.wav", 0.6, 100 + number)
        lines.insert(0, f"new{number}|new {number}")
    (folder / "metadata.csv").write_text("\n".join(lines), encoding="utf-8")
    other_settings = two_sets.pipeline.eval_set.model_copy(update={"fraction": 0.4})
    later = replace(two_sets, pipeline=two_sets.pipeline.model_copy(update={"eval_set": other_settings}))
    summary = prepared(later)
    after = splits(later)
    assert {name: split for name, split in before.items() if name != gone}.items() <= after.items()
    assert all(after[f"a/new{number}"] == "train" for number in range(30))
    assert run.eval_set.read_bytes() == frozen
    assert len(summary.notes) == 2
    assert gone in summary.notes[0] and "frozen" in summary.notes[1]


def test_the_split_depends_on_content_alone(two_sets: Declaration, tmp_path: Path):
    prepared(two_sets)
    chosen = {clip.sha256 for clip in read_clips(run_folder(two_sets).clips, "eval")}
    folder = two_sets.pipeline.datasets[0].path
    moved = folder.rename(tmp_path / "moved")
    lines = (moved / "metadata.csv").read_text(encoding="utf-8").splitlines()
    (moved / "metadata.csv").write_text("\n".join(sorted(lines, reverse=True)), encoding="utf-8")
    datasets = [spec.model_dump() for spec in reversed(two_sets.pipeline.datasets)]
    datasets[1]["path"] = moved
    elsewhere = declare(Path(two_sets.pipeline.base), datasets, tmp_path / "run2")
    prepared(elsewhere)
    assert {clip.sha256 for clip in read_clips(run_folder(elsewhere).clips, "eval")} == chosen


NASTY: list[tuple[str, Callable[[Path], Any], DropReason, str]] = [
    ("bad|gone.wav", lambda wavs: None, DropReason.MISSING_FILE, "bad.wav"),
    ("bad|no sound", lambda wavs: (wavs / "bad.wav").write_bytes(b"noise"), DropReason.UNREADABLE, "is not a sound"),
    ("bad|empty", lambda wavs: (wavs / "bad.wav").write_bytes(b""), DropReason.UNREADABLE, ""),
    ("bad|folder", lambda wavs: (wavs / "bad.wav").mkdir(), DropReason.MISSING_FILE, "bad.wav"),
    ("bad|", lambda wavs: write_sound(wavs / "bad.wav"), DropReason.EMPTY_TEXT, ""),
    ("bad| | ", lambda wavs: write_sound(wavs / "bad.wav"), DropReason.EMPTY_TEXT, ""),
    (
        "bad|short",
        lambda wavs: write_sound(wavs / "bad.wav", 0.3),
        DropReason.TOO_SHORT,
        "0.3 s, at least 0.5",
    ),
    ("bad|none", lambda wavs: write_sound(wavs / "bad.wav", 0.0), DropReason.UNREADABLE, "holds no sound"),
    (
        "bad|long",
        lambda wavs: write_sound(wavs / "bad.wav", 11.7),
        DropReason.TOO_LONG,
        "11.7 s, limit 11.6",
    ),
    (
        "bad|" + "x" * 200,
        lambda wavs: write_sound(wavs / "bad.wav"),
        DropReason.TOO_MANY_TOKENS,
        "202 tokens",
    ),
    ("bad|a # b", lambda wavs: write_sound(wavs / "bad.wav"), DropReason.UNKNOWN_CHARACTERS, "'#' (U+0023)"),
    ("clip000|again", lambda wavs: None, DropReason.DUPLICATE_ID, "first in line 1"),
    ("x" * 5000 + "|name", lambda wavs: None, DropReason.UNREADABLE, "too long"),
    ("a\0b|name", lambda wavs: None, DropReason.MISSING_FILE, ""),
    ("alone", lambda wavs: None, DropReason.BAD_LINE, "columns"),
]


@pytest.mark.parametrize("line, make, reason, detail", NASTY, ids=[f"{n[2].name}-{n[0][:12]!r}" for n in NASTY])
def test_what_cannot_be_used_is_named_with_its_reason(
    tmp_path: Path,
    tiny_base: BaseFiles,
    line: str,
    make: Callable[[Path], Any],
    reason: DropReason,
    detail: str,
):
    folder = write_ljspeech(tmp_path / "a", 4)
    make(folder / "wavs")
    with (folder / "metadata.csv").open("a", encoding="utf-8") as lines:
        lines.write(line + "\n")
    declaration = declare(tiny_base.folder, [{"name": "a", "path": folder, "format": "ljspeech"}], tmp_path / "run")
    summary = prepared(declaration)
    (dropped,) = read_dropped(run_folder(declaration).dropped)
    assert (dropped.reason, dropped.dataset, dropped.line) == (reason, "a", 5)
    assert dropped.file == folder / "metadata.csv"
    assert detail in dropped.detail
    assert (summary.clips, summary.reasons) == (4, {reason.value: 1})


def test_the_same_id_in_two_data_sets_is_no_duplicate(tmp_path: Path, tiny_base: BaseFiles):
    datasets = [
        {"name": name, "path": write_ljspeech(tmp_path / name, 3, first), "format": "ljspeech"}
        for name, first in (("a", 0), ("b", 10))
    ]
    assert prepared(declare(tiny_base.folder, datasets, tmp_path / "run")).dropped == 0


@pytest.mark.parametrize("clips, problem", [(0, "0 of 3"), (1, "1 of 4 .*1 for training, 0 for the eval set")])
def test_too_few_clips_is_an_error_with_the_most_frequent_reasons(
    tmp_path: Path, tiny_base: BaseFiles, clips: int, problem: str
):
    folder = write_ljspeech(tmp_path / "a", clips)
    with (folder / "metadata.csv").open("a", encoding="utf-8") as lines:
        lines.write("x|gone\ny|gone\nz|\n")
    declaration = declare(tiny_base.folder, [{"name": "a", "path": folder, "format": "ljspeech"}], tmp_path / "run")
    with pytest.raises(UserError, match=problem + r".*audio file is missing \(2\), text is empty \(1\)"):
        prepared(declaration)
    run = run_folder(declaration)
    assert len(read_dropped(run.dropped)) == 3
    assert not run.eval_set.exists() and not run.data_info.exists()


def test_two_clips_of_one_sound_cannot_be_split(tmp_path: Path, tiny_base: BaseFiles):
    folder = write_ljspeech(tmp_path / "a", 1)
    shutil.copy(folder / "wavs" / "clip000.wav", folder / "wavs" / "b.wav")
    with (folder / "metadata.csv").open("a", encoding="utf-8") as lines:
        lines.write("b|the same\n")
    declaration = declare(tiny_base.folder, [{"name": "a", "path": folder, "format": "ljspeech"}], tmp_path / "run")
    with pytest.raises(UserError, match="different sound"):
        prepared(declaration)


def test_a_frozen_eval_set_that_is_gone_is_an_error(two_sets: Declaration):
    prepared(two_sets)
    for clip in read_clips(run_folder(two_sets).clips, "eval"):
        clip.audio.unlink()
    with pytest.raises(UserError, match="none of them is in the frozen eval set"):
        prepared(two_sets)
    assert not run_folder(two_sets).data_info.exists()


def test_audio_that_changes_meanwhile_is_not_taken_for_what_was_checked(two_sets: Declaration):
    def record_over(done: int, total: int, what: str) -> None:
        if (done, what) == (total, "clips read"):
            for number in range(20):
                file = two_sets.pipeline.datasets[0].path / "wavs" / f"clip{number:03}.wav"
                write_sound(file, 0.8, 500 + number)

    run = run_folder(two_sets)
    with pytest.raises(WorkFailed, match=r"\.wav changed while"):
        prepare(two_sets, LetterTokenizer(), CountingEncoder(), run, record_over)
    assert not run.data_info.exists()


def test_a_language_that_xtts_lacks_is_an_error(two_sets: Declaration):
    klingon = replace(two_sets, pipeline=two_sets.pipeline.model_copy(update={"language": "tlh"}))
    with pytest.raises(UserError, match="language 'tlh'"):
        prepared(klingon)


def test_an_error_of_the_encoder_is_not_taken_for_bad_audio(two_sets: Declaration):
    def fail() -> None:
        raise ValueError("the encoder is broken")

    with pytest.raises(ValueError, match="encoder is broken"):
        prepared(two_sets, CountingEncoder(before=fail))


def test_the_real_encoder_s_arrays_become_batches(two_sets: Declaration, tiny_base: BaseFiles):
    from xtts_finetune.xtts.encoder import AudioEncoder
    from xtts_finetune.xtts.tokenizer import Tokenizer

    encoder, tokenizer, run = AudioEncoder(tiny_base), Tokenizer(tiny_base.vocab), run_folder(two_sets)
    prepare(two_sets, tokenizer, encoder, run, silent_progress)
    cache = ClipCache.open(run.cache)
    for clip in read_clips(run.clips):
        item, wave = cache.item(clip), load_audio(clip.audio).wave
        np.testing.assert_array_equal(item.codes, encoder.codes(wave))
        assert item.text.tolist() == tokenizer.encode(clip.text, "en") and len(item.text) == clip.text_tokens
        np.testing.assert_allclose(item.conditioning, encoder.conditioning(wave), atol=2e-3)
        if clip.split == "eval":
            np.testing.assert_array_equal(item.eval_conditioning, encoder.eval_conditioning(wave))
    train = ClipIndex.read(run.clips, "train")
    plan = BatchPlan(epochs_of_one(len(train), 1), train.lengths, 3, 2)
    batches = TrainingBatches(train, cache, plan, encoder.lengths, encoder.silence)
    first, second = batches(4)
    assert first.clips == second.clips == 3
    frames = encoder.lengths.maximum // 256 + 1
    assert first.conditioning.shape[:2] == (3, 80)
    assert first.conditioning.shape[2] + first.last_frame_counts - 1 == frames
    again, _ = batches(4)
    for name in ("text", "text_lengths", "codes", "code_lengths", "conditioning", "prompt_slices"):
        np.testing.assert_array_equal(getattr(first, name), getattr(again, name))
    (evaluation,) = eval_batches(ClipIndex.read(run.clips, "eval"), cache)
    assert evaluation.conditioning.shape[:2] == (6, 80)
    assert evaluation.conditioning.shape[2] + evaluation.last_frame_counts - 1 == frames


def test_the_real_vocabulary_names_the_characters_it_lacks(two_sets: Declaration, tiny_base: BaseFiles):
    from xtts_finetune.xtts.tokenizer import Tokenizer

    folder = two_sets.pipeline.datasets[1].path
    write_sound(folder / "x.wav")
    with (folder / "metadata.csv").open("a", encoding="utf-8") as lines:
        lines.write("\nx.wav|Fließend € ж|bob\n")
    run = run_folder(two_sets)
    prepare(two_sets, Tokenizer(tiny_base.vocab), CountingEncoder(), run, silent_progress)
    (dropped,) = read_dropped(run.dropped)
    assert dropped.reason is DropReason.UNKNOWN_CHARACTERS
    assert "'ж' (U+0436)" in dropped.detail
