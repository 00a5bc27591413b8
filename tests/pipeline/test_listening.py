"""`xtts-finetune listen`: a question is asked once, extended once, and ratings are taken in file by file."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from tests.evaluation.listening.made_ratings import as_bytes, rate
from tests.evaluation.listening.spoken_run import CANDIDATES, add_spoken, spoken_run
from tests.evaluation.test_decision import evaluate
from xtts_finetune.errors import UserError
from xtts_finetune.pipeline import listening
from xtts_finetune.pipeline.children.running import Work
from xtts_finetune.pipeline.listening import Asked, lay_down
from xtts_finetune.pipeline.ratings import take_in
from xtts_finetune.pipeline.reports.report import write_report
from xtts_finetune.pipeline.run import renew_report
from xtts_finetune.records.heard.listening import read_votes
from xtts_finetune.records.heard.listening_files import ListeningTest, checksum
from xtts_finetune.records.heard.scores import Scores, UtteranceScores, write_scores
from xtts_finetune.records.run_folder import RunFolder


def texts(count: int) -> list[str]:
    return [f"A {n}. mondat: „Igen?” & <nem>" for n in range(1, count + 1)]


@pytest.fixture
def work(tmp_path: Path) -> Work:
    declaration, _ = spoken_run(tmp_path, 6, 0.05)
    return Work(declaration, (), "cpu", Console(file=io.StringIO(), width=200), "xtts-finetune listen")


def printed(work: Work) -> str:
    file: Any = work.console.file
    text = str(file.getvalue())
    file.truncate(0)
    file.seek(0)
    return text


def speak(run: RunFolder, count: int, sha: str | None = None) -> None:
    for candidate in CANDIDATES:
        add_spoken(run, candidate, texts(count), 0.05, sha)


def rated(test: ListeningTest, **changed: Any) -> dict[str, Any]:
    return rate(test, **{"form": test.form, **changed})


def add_rating(test: ListeningTest, name: str = "Ánna", session: str = "0" * 16) -> None:
    """A listener who passes every check."""
    rating = rated(test, listener=name, session=session)
    for answer in rating["answers"]:
        key = test.trials[answer["trial"]]
        answer["preference"] = {"reference": 2, "anchor": -2}.get(key.b, 0 if key.kind != "pair" else 1)
        if key.kind == "repeat":
            answer["preference"] = -1
    rating["checksum"] = checksum(rating["answers"])
    test.folder.ratings.mkdir(exist_ok=True)
    (test.folder.ratings / f"{session}.json").write_bytes(as_bytes(rating))


def test_a_test_is_laid_down_once(work: Work) -> None:
    test = lay_down(work, Asked())
    said = printed(work)
    assert "test-1: base, phase1; 7 comparisons, about" in said
    assert "there are 6 sentences that all have spoken" in said
    assert str(test.folder.page) in said and str(test.folder.key) in said
    page = test.folder.page.read_bytes()
    assert lay_down(work, Asked()).id == test.id
    assert "test-1 compares base, phase1 already, with 0 ratings" in printed(work)
    assert lay_down(work, Asked(form="short", sentences=6, seed=test.seed)).id == test.id
    assert test.folder.page.read_bytes() == page
    others = (Asked(form="full"), Asked(sentences=3), Asked(seed=test.seed + 1))
    for asked in others:
        with pytest.raises(UserError, match="nobody has rated; to make it anew: xtts-finetune listen --replace --"):
            lay_down(work, asked)
    add_rating(test)
    for asked in others:
        with pytest.raises(UserError, match="a second one would be a second look at the same question"):
            lay_down(work, asked)


def test_a_report_that_is_there_links_to_the_test(work: Work) -> None:
    renew_report(work)
    assert not work.run.report.exists()
    write_report(work.declaration, work.run)
    test = lay_down(work, Asked())
    renew_report(work)
    link = f'href="listening/{test.name}/{test.folder.page.name}">Listening test</a>'
    assert link in work.run.report.read_text(encoding="utf-8")


def test_a_test_that_nobody_has_rated_is_replaced_and_a_rated_one_never(work: Work) -> None:
    first = lay_down(work, Asked(seed=1))
    second = lay_down(work, Asked(form="full", replace=True))
    assert (second.name, second.form, second.id != first.id) == ("test-1", "full", True)
    assert "test-1, which nobody had rated, is replaced" in printed(work)
    assert len(work.run.listening_tests()) == 1
    add_rating(second)
    with pytest.raises(UserError, match="test-1 has ratings, and a test that was rated is never replaced"):
        lay_down(work, Asked(replace=True))
    assert len(read_votes(work.run).votes) == 6
    speak(work.run, 15)
    longer = lay_down(work, Asked(extend=True, sentences=2))
    assert len(lay_down(work, Asked(extend=True, replace=True)).sentences) == 9 > len(longer.sentences)
    assert len(read_votes(work.run).votes) == 6


def test_other_weights_are_another_question(work: Work) -> None:
    first = lay_down(work, Asked(seed=1))
    add_rating(first)
    assert len(read_votes(work.run).votes) == 6
    speak(work.run, 6, "new weights")
    assert read_votes(work.run).votes == ()
    second = lay_down(work, Asked(seed=1))
    assert (second.name, second.id != first.id) == ("test-2", True)


def test_of_one_that_is_held_back_it_is_said_why(work: Work) -> None:
    for name, clean in (("base", 6), ("phase1", 2)):
        evaluate(work.run, name, {0: 5.0, 100: 4.0} if name == "phase1" else {0: 5.0})
        found = (UtteranceScores(f"s{n}", 1, f"s{n}.wav", "x", ("cut end",) * (n >= clean)) for n in range(6))
        write_scores(work.run.candidate(name).scores_json, Scores(name, "f", {}, tuple(found)))
    folder = work.run.candidate("phase1")
    folder.best_model.touch()
    folder.model_info.write_text('{"status": "done"}', encoding="utf-8")
    lay_down(work, Asked(("base", "phase1"), seed=1))
    said = printed(work)
    assert "phase1 is held back: 4 of its 6 samples fail the checks" in said
    assert "  xtts-finetune ship --candidate phase1" in said
    assert "base is held back" not in said


def test_a_pair_is_asked_about_once(work: Work) -> None:
    """A phase that comes later is compared with those before it; they are not compared again."""
    first = lay_down(work, Asked(seed=1))
    add_rating(first)
    add_spoken(work.run, "phase2", texts(6), 0.05)
    printed(work)
    second = lay_down(work, Asked(("base", "phase1", "phase2"), seed=1))
    assert "base and phase1 are compared in test-1 already, and not asked about again" in printed(work)
    assert second.pairs == (("base", "phase2"), ("phase1", "phase2"))
    assert lay_down(work, Asked(("phase1", "phase2"))).id == second.id
    assert lay_down(work, Asked(("base", "phase1", "phase2"))).id == second.id


def test_all_pairs_may_be_asked_about_in_several_tests(work: Work) -> None:
    add_spoken(work.run, "phase2", texts(6), 0.05)
    for pair in (("base", "phase1"), ("base", "phase2"), ("phase1", "phase2")):
        lay_down(work, Asked(pair))
    with pytest.raises(UserError, match=r"are compared already, in test-1, test-2, test-3"):
        lay_down(work, Asked(("base", "phase1", "phase2")))


def test_it_is_extended_twice_with_sentences_not_heard_yet(work: Work) -> None:
    speak(work.run, 8)
    first = lay_down(work, Asked(seed=1))
    assert lay_down(work, Asked(extend=True)).id == first.id
    assert "test-1 comes first: nobody has rated it yet" in printed(work)
    add_rating(first, session="1" * 16)
    with pytest.raises(
        UserError, match=r"3 new sentences have not been spoken yet; run this first:\n  xtts-f\S+ samples$"
    ):
        lay_down(work, Asked(extend=True))
    speak(work.run, 45)
    with pytest.raises(UserError, match="has the short form"):
        lay_down(work, Asked(extend=True, form="full"))
    second = lay_down(work, Asked(extend=True))
    assert (second.name, second.look, second.form) == ("test-1-look-2", 2, "short")
    assert lay_down(work, Asked(extend=True)).id == lay_down(work, Asked()).id == second.id
    add_rating(second, session="2" * 16)
    third = lay_down(work, Asked(extend=True))
    assert [len(test.sentences) for test in (first, second, third)] == [8, 12, 20]
    assert len({*first.sentences, *second.sentences, *third.sentences}) == 40
    assert (third.extends, third.looks, third.alpha) == (first.id, (8, 20, 40), 0.0221)
    add_rating(third, session="3" * 16)
    with pytest.raises(UserError, match="test-1 had its last look"):
        lay_down(work, Asked(extend=True))


def test_where_all_was_heard_it_says_how_to_get_more(work: Work) -> None:
    said = work.declaration.utterances
    named = [each.model_copy(update={"id": f"s{number:02}"}) for number, each in enumerate(said.sentences, 1)]
    utterances = said.model_copy(update={"sentences": named})
    work = replace(work, declaration=replace(work.declaration, utterances=utterances))
    for name in CANDIDATES:
        add_spoken(work.run, name, [each.text for each in named], 0.05)
    add_rating(lay_down(work, Asked(seed=1)), session="1" * 16)
    with pytest.raises(UserError, match=r"(?s)all sentences have been heard.*held_out.*\n  xtts-\S+ samples\n  xtts"):
        lay_down(work, Asked(extend=True))
    with pytest.raises(UserError, match=r"(?s)never replaced.*\n  xtts-finetune listen --extend\n"):
        lay_down(work, Asked(replace=True))


def test_a_test_that_was_set_up_for_two_looks_keeps_its_rule(work: Work) -> None:
    speak(work.run, 45)
    first = lay_down(work, Asked(seed=1, sentences=20))
    protocol = json.loads(first.folder.protocol.read_text(encoding="utf-8"))
    first.folder.protocol.write_text(json.dumps({**protocol, "looks": [20, 40], "alpha": 0.0294}), encoding="utf-8")
    add_rating(first)
    (asked,) = read_votes(work.run).asked
    assert (asked.planned, asked.alpha, asked.looks_left) == (20, 0.0294, 1)
    second = lay_down(work, Asked(extend=True))
    assert (len(second.sentences), second.look, second.alpha) == (20, 2, 0.0294)
    add_rating(second, session="2" * 16)
    with pytest.raises(UserError, match="test-1 had its last look"):
        lay_down(work, Asked(extend=True))


def test_what_is_decided_is_not_extended(work: Work, monkeypatch: pytest.MonkeyPatch) -> None:
    first = lay_down(work, Asked(seed=1))
    add_rating(first)
    speak(work.run, 15)

    class Decided:
        def to_json(self) -> dict[str, str]:
            return {"status": "decided"}

    monkeypatch.setattr(listening, "decide", lambda declaration, run: Decided())
    with pytest.raises(UserError, match="test-1 has decided already"):
        lay_down(work, Asked(extend=True))


def test_ratings_are_taken_in_file_by_file(work: Work, tmp_path: Path) -> None:
    test = lay_down(work, Asked())
    good, other, bad = (tmp_path / f"{name}.json" for name in ("good", "other", "bad"))
    good.write_bytes(as_bytes(rated(test)))
    other.write_bytes(as_bytes(rated(test, listener="Béla", session="b" * 16)))
    bad.write_bytes(b"{")
    printed(work)
    with pytest.raises(UserError) as refused:
        take_in(work, [good, bad, other, good])
    lines = str(refused.value).splitlines()
    assert lines[0].endswith("bad.json: not JSON; was it cut off, or is it another file?")
    assert "good.json: taken in already" in lines[1] and lines[2] == "2 of 4 files were not taken"
    said = printed(work)
    assert said.count("taken: ") == 2 and "\nnext: " in said
    assert {listener.name for listener in read_votes(work.run).listeners} == {"Ánna", "Béla"}


def test_a_rating_that_comes_too_late_is_said(work: Work, tmp_path: Path) -> None:
    test = lay_down(work, Asked())
    speak(work.run, 6, "new weights")
    file = tmp_path / "rating.json"
    file.write_bytes(as_bytes(rated(test)))
    take_in(work, [file])
    assert "test-1 does not count: its candidates have been trained further since" in printed(work)


def test_nothing_to_rate(work: Work, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="there is no listening test to rate"):
        take_in(work, [tmp_path / "rating.json"])


def test_nothing_was_run(tmp_path: Path, work: Work) -> None:
    from dataclasses import replace

    elsewhere = replace(work, declaration=replace(work.declaration, run_folder=tmp_path / "none"))
    with pytest.raises(UserError, match="nothing was run yet"):
        lay_down(elsewhere, Asked())
    assert not (tmp_path / "none").exists()
