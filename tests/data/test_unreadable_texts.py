"""Texts that XTTS cannot read: a line is left out with its reason, a language without its packages is one error."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.data.data_samples import CountingEncoder, declare, run_folder, silent_progress
from tests.data.made_data import MadeData
from xtts_finetune.data.prepare import prepare
from xtts_finetune.errors import UserError
from xtts_finetune.records.clips import DropReason, read_dropped
from xtts_finetune.spec.declaration import Declaration
from xtts_finetune.xtts import cleaning
from xtts_finetune.xtts.base import BaseFiles
from xtts_finetune.xtts.tokenizer import Tokenizer


def made(folder: Path, base: BaseFiles, language: str, *texts: str) -> Declaration:
    data = MadeData(folder / "voice", "ljspeech")
    for number, text in enumerate(texts):
        data.clip(f"clip {number}", text)
    return declare(base.folder, [{**data.write(), "language": language}], folder / "run")


def prepare_it(declaration: Declaration, base: BaseFiles) -> None:
    """With the tiny base's vocabulary, whose English is named as the language of the clips."""
    run = run_folder(declaration)
    vocab = run.root.with_name("vocab.json")
    language = declaration.pipeline.datasets[0].language
    vocab.write_text(base.vocab.read_text(encoding="utf-8").replace("[en]", f"[{language}]"), encoding="utf-8")
    prepare(declaration, Tokenizer(vocab), CountingEncoder(), run, silent_progress)


def test_a_czech_ordinal_is_left_out_by_name(tmp_path: Path, tiny_base: BaseFiles) -> None:
    good = [f"Je jich {'m' * number} a dost" for number in range(6)]
    declaration = made(tmp_path, tiny_base, "cs", *good, "Dne 8. a 9. maje", "Do roku 1990. ")
    prepare_it(declaration, tiny_base)
    first, second = read_dropped(run_folder(declaration).dropped)
    assert {first.reason, second.reason} == {DropReason.UNREADABLE_TEXT}
    assert first.detail == 'XTTS cannot read "8.", "9." in Czech; write those numbers out in words'
    assert '"1990." in Czech' in second.detail


def test_missing_packages_are_one_error_and_nothing_is_left_out(
    tmp_path: Path, tiny_base: BaseFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cleaning, "_PACKAGES", {"ja": (("no_such_cutlet",),)})
    monkeypatch.setattr("TTS.tts.layers.xtts.tokenizer.VoiceBpeTokenizer.katsu", property(_no_cutlet))
    declaration = made(tmp_path, tiny_base, "ja", *["abc"] * 6)
    said = r"(?s)^data set '.*': Japanese texts need .*no_such_cutlet.* -m pip install .*cutlet"
    with pytest.raises(UserError, match=said):
        prepare_it(declaration, tiny_base)
    assert not run_folder(declaration).clips.exists()


def _no_cutlet(tokenizer: object) -> None:
    raise ModuleNotFoundError("No module named 'cutlet'")
