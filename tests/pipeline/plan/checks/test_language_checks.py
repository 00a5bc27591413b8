"""Before a run it is said which declared languages and sentences XTTS cannot read."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.pipeline.project import Project, make_project
from xtts_finetune.errors import UserError
from xtts_finetune.pipeline.plan.checks.check import Verdict
from xtts_finetune.pipeline.plan.checks.speech_checks import language_checks
from xtts_finetune.xtts import cleaning


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return make_project(tmp_path)


def say(project: Project, *sentences: str) -> None:
    lines = "\n".join(f"  - {{id: s{number}, {one}}}" for number, one in enumerate(sentences))
    (project.folder / "eval" / "utterances.yaml").write_text(f"sentences:\n{lines}\n", encoding="utf-8")


@pytest.mark.parametrize("deep", [False, True])
def test_every_sentence_that_cannot_be_read_is_named(project: Project, deep: bool) -> None:
    say(project, "text: Good evening.", 'text: "Dne 8. května", language: cs', 'text: "50", language: hi')
    checks = language_checks(project.declaration(), deep=deep)
    assert [(check.name, check.verdict) for check in checks] == [
        ("sentence s1", Verdict.ERROR),
        ("sentence s2", Verdict.ERROR),
    ]
    assert '"8." in Czech' in checks[0].found
    assert "utterances.yaml" in checks[0].cure


def test_a_run_does_not_start_with_such_a_sentence(project: Project) -> None:
    say(project, 'text: "50", language: hi')
    with pytest.raises(UserError, match=r'sentence s0: XTTS cannot read "50" in Hindi'):
        project.run()
    assert not (project.folder / "run").exists()


def test_a_language_without_its_packages_is_one_error(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cleaning, "_PACKAGES", {"ja": (("no_such_cutlet",),)})
    say(project, "text: あ, language: ja", "text: い, language: ja")
    checks = language_checks(project.declaration("language=ja"))
    assert [check.verdict for check in checks] == [Verdict.ERROR]
    assert "no_such_cutlet" in checks[0].found


@pytest.mark.parametrize("deep", [False, True])
def test_sentences_that_the_base_knows_no_letter_of_are_a_warning(project: Project, deep: bool) -> None:
    say(project, "text: Привет всем", "text: مرحبا, language: ar", "text: Good evening.", "text: Szép álom")
    first, second = language_checks(project.declaration(), deep=deep)
    assert (first.name, first.verdict, second.name) == ("sentence s0", Verdict.WARNING, "sentence s1")
    assert first.found == "in English the base knows none of the letters of the text (приветсм)"
    assert first.cure == "check that the language is right; the sentence is in utterances.yaml"
    assert "in Arabic the base knows none of the letters" in second.found
    assert "sentence s0: in English the base knows none" in project.run()


def test_digits_of_another_script_are_a_warning_and_the_rest_is_well(project: Project) -> None:
    say(project, "text: १२ सेब, language: hi")
    (check,) = language_checks(project.declaration())
    assert check.verdict is Verdict.WARNING
    assert "१२" in check.found
    say(project, "text: Good evening.")
    (check,) = language_checks(project.declaration())
    assert check.verdict is Verdict.OK
