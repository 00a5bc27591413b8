"""Nasty data sets: every defect is named with file and line, nothing else is dropped, and no error gets through."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.data.data_samples import CountingEncoder, declare, run_folder, silent_progress
from tests.data.made_data import MadeData, Place, sentence, speech
from tests.data.odd_data import NASTY
from xtts_finetune.data.prepare import prepare
from xtts_finetune.errors import UserError
from xtts_finetune.records.clips import ClipRecord, WarningKind, read_clips, read_dropped
from xtts_finetune.records.run_folder import RunFolder
from xtts_finetune.xtts.base import BaseFiles
from xtts_finetune.xtts.tokenizer import Tokenizer


@pytest.fixture(scope="module")
def tokenizer(tiny_base: BaseFiles) -> Tokenizer:
    return Tokenizer(tiny_base.vocab)


def prepared(data: MadeData, base: BaseFiles, tokenizer: Tokenizer, **settings: Any) -> RunFolder:
    declaration = declare(base.folder, [data.write()], data.folder.parent / "run", **settings)
    run = run_folder(declaration)
    prepare(declaration, tokenizer, CountingEncoder(), run, silent_progress)
    return run


def place(found: Any) -> Place:
    return found.file.name, found.line


def test_there_are_forty_of_them():
    assert len(NASTY) >= 40


@pytest.mark.parametrize("name", NASTY)
def test_every_defect_is_named_where_it_is_and_nothing_else(
    tmp_path: Path, tiny_base: BaseFiles, tokenizer: Tokenizer, name: str
):
    format, make = NASTY[name]
    data = MadeData(tmp_path / "az adat", format)
    data.good(5)
    make(data)
    run = prepared(data, tiny_base, tokenizer)
    dropped = {place(clip): clip for clip in read_dropped(run.dropped)}
    assert {at: clip.reason for at, clip in dropped.items()} == {at: r for at, (r, _) in data.left_out.items()}
    for at, (_, detail) in data.left_out.items():
        assert detail in dropped[at].detail
        assert dropped[at].file.is_file()
    clips = read_clips(run.clips)
    odd = {place(clip): {warning.kind for warning in clip.warnings} for clip in clips if clip.warnings}
    # Which clips are held out, and so share a text with others, is nothing that the data sets say.
    odd = {at: kinds - {WarningKind.IN_TRAIN_AND_EVAL} for at, kinds in odd.items()}
    assert {at: kinds for at, kinds in odd.items() if kinds} == data.odd
    assert len(clips) == data.kept


def test_a_text_on_both_sides_of_the_split_is_named(tmp_path: Path, tiny_base: BaseFiles, tokenizer: Tokenizer):
    data = MadeData(tmp_path / "a", "common_voice")
    data.good(6)
    text = "The same words in every mouth."
    for speaker in range(8):
        data.clip(f"speaker {speaker}", text, speech(2.0, speaker))
    data._lines[-8:] = [line.replace(b"someone", b"voice%d" % n) for n, line in enumerate(data._lines[-8:])]
    run = prepared(data, tiny_base, tokenizer, eval_set={"fraction": 0.4, "at_least": 5})
    same: list[ClipRecord] = [clip for clip in read_clips(run.clips) if clip.text == text]
    assert {clip.split for clip in same} == {"train", "eval"}
    for clip in same:
        kinds = [warning.kind for warning in clip.warnings]
        assert kinds == ([WarningKind.IN_TRAIN_AND_EVAL] if clip.split == "train" else [])


@pytest.mark.parametrize(
    "format, metadata, problem",
    [
        ("ljspeech", None, "has no metadata.csv"),
        ("ljspeech", sentence(2.0, 1).encode("utf-16"), "0 of 1 clips can be used"),
        ("ljspeech", b"audio_file|text\na.wav|A text.\n", "looks like 'coqui'"),
        ("coqui", b'{"audio": "a.wav", "text": "A text."}\n', "looks like 'jsonl'"),
        ("common_voice", b"a.wav\tA text.\n", "expected a header"),
        ("ljspeech", b"", "0 of 0 clips can be used"),
        ("ljspeech", b"\x00\x01\x02" * 50, "0 of 1 clips can be used"),
    ],
)
def test_what_is_wrong_as_a_whole_is_one_clear_error(
    tmp_path: Path,
    tiny_base: BaseFiles,
    tokenizer: Tokenizer,
    format: str,
    metadata: bytes | None,
    problem: str,
):
    data = MadeData(tmp_path / "a", format)
    declared = data.write()
    data.metadata.unlink()
    if metadata is not None:
        data.metadata.write_bytes(metadata)
    declaration = declare(tiny_base.folder, [declared], tmp_path / "run")
    with pytest.raises(UserError, match=problem):
        prepare(declaration, tokenizer, CountingEncoder(), run_folder(declaration), silent_progress)
