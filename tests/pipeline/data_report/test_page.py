"""DATA.html: what somebody who opens it can find there."""

from __future__ import annotations

import base64
import io
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
import soundfile

from tests.data.data_samples import clip, write_sound
from tests.pipeline.project import Project, make_project
from xtts_finetune.data.findings import ADVICE, CURE
from xtts_finetune.pipeline.reports import data_report
from xtts_finetune.pipeline.reports.data_report import write_data_page
from xtts_finetune.pipeline.reports.side_by_side import is_read_otherwise, reading
from xtts_finetune.records.clips import (
    ClipRecord,
    ClipWarning,
    DroppedClip,
    DropReason,
    WarningKind,
    write_clips,
    write_dropped,
)

EVIL = "<script>alert('ő')</script> & \"{{ 7 * 7 }}\""


class Words(HTMLParser):
    """The words of a page, the tags that it has and the addresses that it names."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.text: list[str] = []
        self.tags: list[str] = []
        self.addresses: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href")]

    def handle_data(self, data: str) -> None:
        self.text.append(data)

    @property
    def shown(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.text))


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return make_project(tmp_path / "egy ő")


def kept(project: Project, number: int, **changes: object) -> ClipRecord:
    (dataset, *_) = project.declaration().pipeline.datasets
    record = clip(
        number, dataset.name, file=dataset.path / "metadata.csv", line=number + 1, normalised=f"text {number}"
    )
    return replace(record, **changes)  # type: ignore[arg-type]


def page_of(project: Project, clips: list[ClipRecord], dropped: list[DroppedClip] | None = None) -> Words:
    write_clips(project.run_folder.clips, clips)
    write_dropped(project.run_folder.dropped, dropped or [])
    return Words(write_data_page(project.declaration(), project.run_folder).read_text(encoding="utf-8"))


def test_clean_data_is_said_to_be_clean(project: Project):
    words = page_of(project, [kept(project, number) for number in range(20)])
    assert "20 clips, nothing to fix" in words.shown
    assert "Nothing was left out" in words.shown and "Left out" not in words.shown
    assert "The model sees the same words as you wrote" in words.shown


@pytest.mark.parametrize("reason", DropReason)
def test_a_clip_left_out_is_named_with_its_place_and_the_cure(project: Project, reason: DropReason):
    left_out = DroppedClip("c9", "first", "c9.wav", "Szöveg.", reason, "found 12", Path("/d/metadata.csv"), 77)
    shown = page_of(project, [kept(project, 1)], [left_out]).shown
    assert "metadata.csv:77" in shown and reason.value in shown and "found 12" in shown
    assert CURE[reason] in shown


@pytest.mark.parametrize("kind", WarningKind)
def test_an_odd_clip_is_named_with_its_place_and_what_to_do(project: Project, kind: WarningKind):
    odd = kept(project, 5, warnings=(ClipWarning(kind, "found 3.5", 1.5),))
    shown = page_of(project, [kept(project, 1), odd]).shown
    assert "metadata.csv:6" in shown and kind.value in shown and "found 3.5" in shown
    assert ADVICE[kind] in shown


def test_nothing_in_the_data_becomes_markup_and_nothing_is_fetched(project: Project):
    warning = ClipWarning(WarningKind.PACE, EVIL)
    audio = project.folder / "a <b> & c.wav"
    evil = kept(
        project,
        1,
        id=EVIL,
        text=EVIL,
        normalised=f"{EVIL} two",
        speaker=EVIL,
        audio=audio,
        warnings=(warning,),
    )
    left_out = DroppedClip(EVIL, "first", EVIL, EVIL, DropReason.BAD_LINE, EVIL, Path(EVIL), 1)
    words = page_of(project, [evil], [left_out])
    assert words.tags.count("script") == 2 and "b" not in words.tags  # the page's own
    assert EVIL in words.shown and "49" not in words.shown
    assert all(address.startswith(("#", "data:", "file:")) for address in words.addresses)


def test_the_worst_come_first_and_some_of_them_can_be_heard(project: Project, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(data_report, "PLAYERS", 2)
    audio = write_sound(project.folder / "hang.wav", 0.6, rate=44_100, channels=2)
    odd = [
        kept(project, n, audio=audio, warnings=(ClipWarning(WarningKind.PACE, f"severity {n}", float(n)),))
        for n in range(50)
    ]
    words = page_of(project, odd)
    found = [int(n) for n in re.findall(r"severity (\d+)", words.shown)]
    assert found == list(range(49, 19, -1))
    assert "The worst 30 of 50" in words.shown
    sounds = [address for address in words.addresses if address.startswith("data:audio/flac")]
    assert len(sounds) == 2
    wave, rate = soundfile.read(io.BytesIO(base64.b64decode(sounds[0].partition(",")[2])))
    assert len(wave) / rate == pytest.approx(0.6, abs=0.01)
    assert audio.as_uri() in words.addresses


def test_the_page_stays_small_and_a_recording_that_is_gone_is_no_error(
    project: Project, monkeypatch: pytest.MonkeyPatch
):
    odd = [kept(project, n, warnings=(ClipWarning(WarningKind.PACE, "odd"),)) for n in range(3)]
    assert "audio" not in page_of(project, odd).tags
    audio = write_sound(project.folder / "hang.wav", 1.0)
    monkeypatch.setattr(data_report, "MOST_BYTES", 70_000)
    assert page_of(project, [replace(one, audio=audio) for one in odd]).tags.count("audio") == 1


def test_texts_that_are_not_what_is_heard_come_first_with_their_sound(
    project: Project, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(data_report, "PLAYERS", 1)
    audio = write_sound(project.folder / "hang.wav", 0.6)
    other = ClipWarning(WarningKind.OTHER_WORDS, "detail", 9.0, "The <fox> is twenty-seven")
    clips = [kept(project, n, audio=audio, warnings=(ClipWarning(WarningKind.CLIPPING, "loud", 99),)) for n in range(3)]
    text = {"text": "The box is 27", "normalised": "the box is 27"}
    clips += [kept(project, n, audio=audio, **text, warnings=(other,)) for n in range(3, 6)]
    words = page_of(project, clips)
    assert words.shown.index(other.kind.value) < words.shown.index(WarningKind.CLIPPING.value)
    assert words.tags.count("audio") == 4, "each of them can be heard, whatever there is besides"
    assert "the text The box is 27 what is heard The <fox> is twenty-seven" in words.shown
    assert words.tags.count("mark") == 3 * 2, "a number that is written otherwise is no other word"


def test_what_the_model_sees_is_shown_where_it_has_other_words(project: Project):
    number = kept(project, 3, text="Dr. Kiss, 1904-ben!", normalised="doktor kiss, ezerkilencszáznégy-ben!")
    words = page_of(project, [kept(project, 1, text="Text 1"), number])
    assert "changes the words of 1 of 2 texts" in words.shown
    assert "ezerkilencszáznégy-ben!" in words.shown and words.tags.count("mark") == 4


def test_words_that_differ_are_told_from_those_that_do_not(project: Project):
    shown = reading(kept(project, 1, text="Az 1. kérdés", normalised="az első kérdés"))
    assert [(piece.words, piece.changed) for piece in shown.seen] == [
        ("az", False),
        ("első", True),
        ("kérdés", False),
    ]
    same = kept(project, 1, text="„Igen” – mondta  Ő.", normalised='"igen" - mondta ő.')
    assert not is_read_otherwise(same)
