"""The report is one honest, offline page, whatever the run holds."""

from __future__ import annotations

import base64
import io
import json
import math
import re
from dataclasses import dataclass, field, replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.pipeline.made_up_run import SENTENCES, add_base, add_data, add_phase, add_utterances, declare, whole_run
from xtts_finetune.pipeline.reports.players import collect_sentences, player
from xtts_finetune.pipeline.reports.report import write_report
from xtts_finetune.records.clips import ClipRecord, read_clips, write_clips
from xtts_finetune.records.metrics import EvalRecord, MetricsWriter
from xtts_finetune.records.run_folder import RunFolder
from xtts_finetune.records.stopping import Reason, Stop

VOID = {"meta", "link", "br", "hr", "img", "input"}


@dataclass
class Page(HTMLParser):
    """A page as a reader sees it: its text, its elements, and whether they are nested well."""

    text: str = ""
    ids: list[str] = field(default_factory=list)
    elements: list[tuple[str, dict[str, str | None]]] = field(default_factory=list)
    open: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self.ids += [value for name, value in attrs if name == "id" and value]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, f"</{tag}> closes another element"

    def handle_data(self, data: str) -> None:
        if not {"style", "script"} & set(self.open):
            self.text += data

    @property
    def words(self) -> str:
        return " ".join(self.text.split())

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def charts(page: Page) -> list[dict[str, str | None]]:
    """Those that are drawn, not the pieces of line in a legend."""
    return [each for each in page.all("svg") if (each.get("viewbox") or "").endswith((" 731", " 646"))]


def read(path: Path) -> Page:
    page = Page()
    page.feed(path.read_text(encoding="utf-8"))
    assert page.open == []
    return page


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Page:
    declaration, run = whole_run(tmp_path_factory.mktemp("whole"))
    path = write_report(declaration, run)
    assert path == run.report
    return read(path)


def test_the_verdict_comes_first_then_what_there_is_to_hear_and_then_why(whole: Page) -> None:
    headings = [tag for tag, _ in whole.elements if tag in ("h1", "h2", "audio")]
    assert headings[:6] == ["h1", "h2", "audio", "audio", "audio", "h2"]
    shown = whole.words[whole.words.index("Voice combined") :]
    said = ["nobody has listened yet: ship phase2", "Hear it", "Why", "What next", "How it learned"]
    places = [shown.index(f" {words} ") for words in said]
    assert places == sorted(places)


def test_the_page_says_whose_voice_it_is_and_who_else_is_in_the_data(tmp_path: Path) -> None:
    declaration, run = whole_run(tmp_path)
    clips = [replace(clip, audio=run.root.parent / "host_reference.wav") for clip in read_clips(run.clips)]
    others = [replace(clip, speaker="<ben>", sha256=f"ben{n}") for n, clip in enumerate(clips[:2])]
    write_clips(run.clips, [*clips, *others])
    record = run.candidate("phase1").utterances_json
    record.write_text(json.dumps({**json.loads(record.read_text("utf-8")), "speaker": "<ben>"}), "utf-8")
    words = read(write_report(declaration, run)).words
    assert "Samples are spoken in the voice of host: 1 training clip; also in the data: <ben> (" in words
    assert "; samples from before, in another voice: phase1 (<ben>). These are real" in words


def test_the_page_asks_for_nothing_from_anywhere(whole: Page) -> None:
    for _, attributes in whole.elements:
        for name in ("src", "href", "xlink:href", "poster", "action"):
            assert "//" not in (attributes.get(name) or "#")[:8], "another host, or another scheme"
    assert all("src" not in script for script in whole.all("script"))
    policy = next(a["content"] for a in whole.all("meta") if a.get("http-equiv") == "Content-Security-Policy")
    assert policy is not None
    assert policy.startswith("default-src 'none'")


def test_ids_are_there_once_and_labels_point_at_them(whole: Page) -> None:
    assert len(set(whole.ids)) == len(whole.ids)
    labels = [attributes["aria-labelledby"] for _, attributes in whole.elements if "aria-labelledby" in attributes]
    assert labels
    assert set(labels) <= set(whole.ids)


def test_every_sentence_has_a_labelled_player_for_every_candidate(whole: Page) -> None:
    labels = [audio["aria-label"] for audio in whole.all("audio")]
    first, *others = SENTENCES
    above = [f"{who}: {SENTENCES[first]}" for who in ("The real voice", "base", "phase2")]
    wanted = [f"{name}, said by {who}" for name in others for who in ("base", "phase1", "phase2")]
    assert labels == [*above, f"{first}, said by phase1", *wanted, "real recording host_reference"]
    for text in SENTENCES.values():
        assert text in whole.words


def test_the_table_has_the_numbers_in_their_units(whole: Page) -> None:
    for said in ("5.046", "0.0403", "−52.0 %", "best at step", "1, excellent quality", "not heard"):
        assert said in whole.words
    assert "no improvement: mel_ce has not improved on 2.431 (step 1600) for 540 steps" in whole.words


def test_the_curves_are_drawn_in_the_colours_of_the_page_and_told_in_words(whole: Page) -> None:
    drawings = charts(whole)
    assert [drawing["aria-hidden"] for drawing in drawings] == ["true", "true"]
    looks = [attributes.get("class") for tag, attributes in whole.elements if tag == "g"]
    assert {"eval", "train"} <= set(looks)
    assert not any("style" in attributes or "fill" in attributes for _, attributes in whole.elements)
    words = whole.all("figure")[0]["aria-label"]
    assert words is not None
    assert "phase1 started at 5.046" in words
    assert "The base has a mel CE of 5.046." in words


def test_settings_data_and_versions_are_there(whole: Page) -> None:
    for said in (
        "311 clips",
        "3 clips left out",
        "audio is too long",
        "step 1500",
        "1.5e-06",
        "overfitting, evals 3",
    ):
        assert said in whole.words
    assert "coqui-tts" in whole.words


def test_text_never_becomes_markup(whole: Page, tmp_path: Path) -> None:
    assert "<script>alert('☃')</script>" in whole.words
    nasty = {"nasty": '"><img src=x onerror=alert(1)>'}
    declaration = declare(tmp_path, nasty)
    run = RunFolder(declaration.run_folder)
    add_base(run)
    add_utterances(run, "base", 200.0, nasty)
    page = read(write_report(declaration, run))
    assert page.all("img") == []
    assert nasty["nasty"] in page.words


@pytest.mark.parametrize("mark, verdict", [(9.2, "excellent quality"), (8.0, "improved")])
def test_with_marks_the_answer_follows_them(tmp_path: Path, mark: float, verdict: str) -> None:
    declaration, run = whole_run(tmp_path, quality={"base": 7.5, "phase1": 8.5, "phase2": mark})
    page = read(write_report(declaration, run))
    assert f"It ships phase2, which it calls '{verdict}'." in page.words
    assert f"You gave phase2 {mark:g} out of 10." in page.words
    assert "nobody has listened" not in page.words


def test_a_run_with_nothing_in_it_has_a_page(tmp_path: Path) -> None:
    declaration = declare(tmp_path)
    page = read(write_report(declaration, RunFolder(declaration.run_folder)))
    for said in (
        "Nothing to ship yet",
        "The clips have not been read yet",
        "No model has spoken yet",
        "phase1 and phase2 have not been trained yet",
    ):
        assert said in page.words
    assert page.all("svg") == page.all("audio") == []


def test_a_run_with_the_base_alone_has_a_page(tmp_path: Path) -> None:
    declaration = declare(tmp_path)
    run = RunFolder(declaration.run_folder)
    add_base(run)
    add_utterances(run, "base", 200.0)
    page = read(write_report(declaration, run))
    assert "the base is the best choice so far" in page.words
    # The base says each sentence; the real voice can be heard at the top and at the end.
    assert len(page.all("audio")) == len(SENTENCES) + 2
    assert page.all("svg") == []


def test_a_failed_phase_is_shown_as_far_as_it_came(tmp_path: Path) -> None:
    declaration = declare(tmp_path)
    run = RunFolder(declaration.run_folder)
    add_data(tmp_path, run)
    add_base(run)
    add_phase(run, "phase1", 5.046, 3.4, 200, Stop(Reason.KILLED, "the system ended the process (signal 9)"))
    page = read(write_report(declaration, run))
    assert "killed by the system: the system ended the process (signal 9)" in page.words
    assert "phase1 failed: its best model so far ships." in page.words
    assert len(charts(page)) == 2


def test_a_phase_that_has_written_only_its_start_has_no_curve(tmp_path: Path) -> None:
    declaration = declare(tmp_path)
    run = RunFolder(declaration.run_folder)
    add_phase(run, "phase1", 5.046, 3.4, 1, Stop(Reason.ERROR, "it broke"))
    lines = run.candidate("phase1").metrics.read_text(encoding="utf-8").splitlines(keepends=True)
    run.candidate("phase1").metrics.write_text(lines[0], encoding="utf-8")
    assert read(write_report(declaration, run)).all("svg") == []


def test_numbers_that_are_none_are_dashes(tmp_path: Path) -> None:
    declaration = declare(tmp_path)
    run = RunFolder(declaration.run_folder)
    add_base(run)
    folder = run.candidate("phase2")
    with MetricsWriter(folder.metrics) as writer:
        for step, mel_ce in ((0, 5.0), (10, 2.4), (20, math.nan)):
            writer.write(EvalRecord(step, mel_ce, math.nan, math.nan, math.nan, 9000, 1200, 4.0))
    folder.best_model.touch()
    page = read(write_report(declaration, run))
    assert "phase2 is best at step 10: mel_ce 2.400" in page.words and not re.search(r"\bnan\b", page.words)
    assert len(charts(page)) == 2


def test_recordings_are_packed_without_loss(tmp_path: Path) -> None:
    wave = (np.random.default_rng(1).normal(0, 3000, 5000)).astype(np.int16)
    soundfile.write(tmp_path / "a.wav", wave, 24000, subtype="PCM_16")
    packed = player("base", tmp_path / "a.wav")
    assert packed.source is not None
    kind, content = packed.source.split(",")
    assert kind == "data:audio/flac;base64"
    back, rate = soundfile.read(io.BytesIO(base64.b64decode(content)), dtype="int16")
    assert rate == 24000
    assert np.array_equal(back, wave)
    assert packed.seconds == pytest.approx(5000 / 24000)


def test_a_long_reference_is_shortened(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.zeros(16000), 8000)
    assert player("voice", tmp_path / "a.wav", longest=0.5).seconds == 0.5


@pytest.mark.parametrize("content, note", [(None, "missing"), (b"no sound", "cannot be read")])
def test_what_cannot_be_played_is_said(tmp_path: Path, content: bytes | None, note: str) -> None:
    file = tmp_path / "a.wav"
    if content is not None:
        file.write_bytes(content)
    packed = player("base", file)
    assert packed.source is None
    assert note in packed.note


def test_a_sentence_that_was_recorded_has_the_recording_beside_it(tmp_path: Path) -> None:
    run = RunFolder(tmp_path / "run")
    (tmp_path / "run").mkdir()
    add_utterances(run, "phase1", 200.0)
    file = run.candidate("phase1").utterances / "answer_s1.wav"
    clip = ClipRecord("c", "a", file, SENTENCES["answer"], "host", "hu", 1.4, "0" * 64, "eval", 12)
    write_clips(run.clips, [clip])
    sentences = collect_sentences(run, ["base", "phase1"], "phase1", "hu")
    labels = {sentence.id: [player.label for player in sentence.players] for sentence in sentences}
    assert labels["answer"] == ["phase1", "a real recording"]
    assert labels["cheer"] == ["phase1"]
