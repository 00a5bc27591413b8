"""Each data set is set up in its own language, and texts in another one are named by `init` and `prepare`."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tests.data.data_samples import CountingEncoder, LetterTokenizer, declare, run_folder, silent_progress
from tests.data.made_data import MadeData
from tests.setup.test_init import _nobody_at_the_keyboard, english, hungarian, planned  # noqa: F401
from xtts_finetune.cli.verbs.beginning.init import init
from xtts_finetune.data.prepare import prepare
from xtts_finetune.data.text.language import plainly_another
from xtts_finetune.records.clips import WarningKind, read_clips
from xtts_finetune.xtts.base import BaseFiles

MADE = {
    "en": "The tale of the evening is not long, but it is the one that you have been waiting for.",
    "es": "La historia de la noche no es muy larga, pero es la que los niños quieren para hoy.",
    "fr": "Le conte du soir n'est pas long, mais c'est un conte que vous avez dans le cœur.",
    "de": "Die Geschichte ist nicht lang, aber sie ist die, auf die wir mit den Kindern warten.",
    "it": "La storia della sera non è lunga, ma è una di quelle che gli amici si raccontano per ore.",
    "pt": "A história da noite não é longa, mas é uma das que você mais gosta e não esquece.",
    "pl": "Opowieść na dziś nie jest długa, ale to jest ta, na którą się już od dawna czeka.",
    "tr": "Bu akşamın masalı çok uzun değil, ama her çocuk için daha güzel bir masal gibi.",
    "nl": "Het verhaal van de avond is niet lang, maar het is er een dat je met ons wil horen.",
    "cs": "Pohádka na dnes není dlouhá, ale je to ta, na kterou se už těšíme, a řekneme ji celou.",
    "hu": "Az esti mese nem hosszú, de ez az, amelyre már régen vártunk, és nagyon szép.",
    "ru": "Вечерняя сказка не длинная, но это та, которую мы давно ждали.",
    "ar": "حكاية المساء ليست طويلة، لكنها التي انتظرناها منذ زمن.",
    "hi": "शाम की कहानी लंबी नहीं है, पर यह वही है जिसका हमें इंतज़ार था।",
    "ko": "저녁 이야기는 길지 않지만 우리가 오래 기다려 온 이야기입니다.",
    "ja": "夕べの物語は長くありませんが、ずっと待っていたものです。",
    "zh-cn": "今晚的故事不长，但这是我们等了很久的故事。",
}


@pytest.mark.parametrize("language", MADE)
def test_a_text_looks_like_another_language_in_all_but_its_own(language: str) -> None:
    found = {declared: plainly_another(MADE[language], declared) for declared in MADE}
    assert found.pop(language) is None
    if language == "zh-cn":  # Japanese can be written so
        assert found.pop("ja") == "zh-cn"
    assert set(found.values()) == {language}


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Budapest, Debrecen, Szeged.", "en"),
        ("I'm a computer, I can't eat or drink.", "en"),
        ("Die Hard was on at the cinema.", "en"),
        ("El Niño brought rain to São Paulo.", "en"),
        ("OK, Google.", "ja"),
        ("Microsoft Windows XP", "ru"),
        ("カタカナ", "ja"),
        ("東京大学", "ja"),
        ("", "en"),
        ("12 345", "hu"),
    ],
)
def test_names_and_short_texts_are_no_other_language(text: str, language: str) -> None:
    assert plainly_another(text, language) is None


def test_two_data_sets_are_each_set_up_in_their_own_language(
    tiny_base: BaseFiles, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = [english(tmp_path / "english", 30), hungarian(tmp_path / "hungarian", 24)]
    declaration = planned(tmp_path / "voice", data=data, base=str(tiny_base.folder))
    assert declaration.pipeline.language == "en"
    assert [spec.language for spec in declaration.pipeline.datasets] == [None, "hu"]
    said = capsys.readouterr().out
    assert "language: en, English, as the texts look" in said and "language of hungarian: hu, Hungarian" in said
    assert "look Hungarian" not in said
    sentences = yaml.safe_load((tmp_path / "voice/eval/utterances.yaml").read_text(encoding="utf-8"))["sentences"]
    for sentence in sentences:
        assert sentence.get("language") == (None if "sentence of number" in sentence["text"] else "hu")


def test_the_packages_of_every_data_sets_language_are_named_with_their_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("xtts_finetune.xtts.cleaning._PACKAGES", {"ja": (("no_such_cutlet",),)})
    japanese = MadeData(tmp_path / "japanese", "ljspeech")
    for number in range(10):
        japanese.clip(f"clip {number}", f"{MADE['ja']}{'あ' * number}")
    japanese.write()
    init(tmp_path / "voice", data=[english(tmp_path / "english"), tmp_path / "japanese"], yes=True, gpu_memory=8.0)
    said = capsys.readouterr().out
    assert "warning: Japanese texts need a package that is not installed: no_such_cutlet. Run: " in said
    assert "-m pip install" in said[said.index("Next:\n  the packages that Japanese texts need:") :].splitlines()[2]


def test_a_language_that_was_said_is_taken_and_doubted(
    tiny_base: BaseFiles, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = hungarian(tmp_path / "hangok")
    declaration = planned(tmp_path / "voice", data=[data], base=str(tiny_base.folder), language="en")
    assert declaration.pipeline.language == "en" and declaration.pipeline.datasets[0].language is None
    said = " ".join(capsys.readouterr().out.split())
    assert (
        "warning: most texts in data set 'hangok' look Hungarian, not English: if they are, write 'language: hu'"
        in said
    )


def test_preparing_warns_of_each_text_in_another_language_and_of_the_whole(
    tiny_base: BaseFiles, tmp_path: Path
) -> None:
    made = MadeData(tmp_path / "mixed", "ljspeech")
    for number in range(20):
        text = MADE["en" if number % 5 else "de"]
        made.clip(f"clip {number}", f"{text} {number}")
    made.write()
    spec = {"name": "mixed", "path": tmp_path / "mixed", "format": "ljspeech"}
    declaration = declare(tiny_base.folder, [spec], tmp_path / "run")
    run = run_folder(declaration)
    summary = prepare(declaration, LetterTokenizer(), CountingEncoder(), run, silent_progress)
    assert summary.warnings["text looks like another language"] == 4
    assert summary.notes == (
        "4 of 20 texts in data set 'mixed' look German, not English: give each of these lines its language, or make "
        "them a data set of their own",
    )
    warned = {
        clip.id: warning.detail
        for clip in read_clips(run.clips)
        for warning in clip.warnings
        if warning.kind is WarningKind.OTHER_LANGUAGE
    }
    assert warned == dict.fromkeys(["clip 0", "clip 5", "clip 10", "clip 15"], "it looks German, not English")
