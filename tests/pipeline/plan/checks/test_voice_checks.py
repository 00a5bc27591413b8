"""A voice that cannot be spoken with is refused before anything is trained."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from tests.child import heavy_after
from tests.evaluation.test_whose_voice import tone
from tests.pipeline.project import Project
from xtts_finetune.errors import UserError
from xtts_finetune.pipeline.plan.checks.check import Verdict
from xtts_finetune.pipeline.plan.checks.preflight import all_checks, quick_checks
from xtts_finetune.pipeline.plan.checks.speech_checks import voice_checks
from xtts_finetune.pipeline.run import prepare_now
from xtts_finetune.pipeline.summary import voice_lines
from xtts_finetune.records.clips import read_clips, write_clips


def say_of(project: Project, **more: object) -> None:
    """Add keys to eval/utterances.yaml."""
    file = project.folder / "eval" / "utterances.yaml"
    declared = yaml.safe_load(file.read_text(encoding="utf-8"))
    file.write_text(yaml.safe_dump({**declared, **more}), encoding="utf-8")


def errors(project: Project) -> list[str]:
    checks = voice_checks(project.declaration(), project.plan())
    return [str(check) for check in checks if check.verdict is Verdict.ERROR]


def test_a_silent_reference_stops_a_run_before_anything_is_started(project: Project) -> None:
    tone(project.folder / "eval" / "mine.wav", level=0.0)
    tone(project.folder / "eval" / "good.wav")
    say_of(project, reference={"files": ["good.wav", "mine.wav"]})
    with pytest.raises(UserError, match=r"voice: .*mine\.wav: it is silent .*under 'reference:' in utterances.yaml"):
        project.run()
    assert project.started == [] and not project.run_folder.root.exists()
    assert len(errors(project)) == 1
    tone(project.folder / "eval" / "mine.wav")
    assert errors(project) == []
    for checks in (
        quick_checks(project.declaration(), "cpu", project.plan()),
        all_checks(project.declaration(), "cpu"),
    ):
        (found,) = [check.found for check in checks if check.name == "voice"]
        assert found == "the recordings are there: good.wav, mine.wav"


def test_an_unknown_speaker_is_said_as_soon_as_the_clips_are_known(project: Project) -> None:
    say_of(project, reference={"speaker": "ana"})
    assert errors(project) == []  # nobody knows yet
    unknown = r"no training clip is of 'ana'; did you mean 'anna'\? The speakers are anna"
    with pytest.raises(UserError, match=unknown):
        prepare_now(project.work())
    assert project.started == ["prepare"]
    with pytest.raises(
        UserError, match=r"voice: .*'ana'.*correct 'reference:' in utterances.yaml\nnothing was started"
    ):
        project.run()
    assert project.started == []
    say_of(project, reference={"speaker": "anna"})
    printed = project.run()
    assert "base: then it speaks the samples in the voice of anna: 3 training clips" in printed
    assert "phase1: speaking the samples in the voice of anna: 3 training clips" in printed


def test_another_voice_in_the_data_is_said_with_how_to_choose_it(project: Project) -> None:
    project.run(wanted=["phase1"])
    clips = read_clips(project.run_folder.clips)
    of_ben = [replace(clip, id=f"ben{n}", speaker="ben", sha256=f"ben{n}") for n, clip in enumerate(clips[:4])]
    write_clips(project.run_folder.clips, [*clips, *of_ben])
    lines = voice_lines(project.declaration(), project.run_folder)
    assert lines[0].startswith("  samples are spoken in the voice of anna: 3 training clips; also in the data: ben (")
    assert lines[1].endswith("name the speaker in utterances.yaml: reference: {speaker: NAME}")
    (check,) = voice_checks(project.declaration(), project.plan())
    assert check.verdict is Verdict.OK
    assert check.found.startswith("the voice of anna: 3 training clips; also in the data: ben (")


@pytest.mark.parametrize(
    ("program", "where"),
    [
        (sys.executable, ""),
        ("no-such-recogniser", "in the folders of PATH"),
        ("./no-such-recogniser", f"in {Path.cwd()}; a relative path counts from the folder that you start"),
        ("/no-such-recogniser", "that can be started"),
    ],
)
def test_a_recogniser_that_is_not_there_is_said_before(project: Project, program: str, where: str) -> None:
    say_of(project, recogniser={"command": [program, "{file}"]})
    if not where:
        assert errors(project) == []
        return
    (said,) = errors(project)
    assert said.startswith(f"recogniser: there is no program '{program}' {where}")
    assert said.endswith("; install it, or correct 'recogniser.command' in utterances.yaml")
    with pytest.raises(UserError, match="recogniser"):
        project.run()
    assert not project.run_folder.root.exists()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows starts programs by their endings")
def test_a_recogniser_that_is_not_executable_is_said_to_be_so(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = project.folder / "hear me.sh"
    program.write_text("#!/bin/sh\necho hello\n", encoding="utf-8")
    monkeypatch.chdir(project.folder)
    monkeypatch.setenv("PATH", str(project.folder))
    for named, shown in [
        (str(program), str(program)),
        ("./hear me.sh", "./hear me.sh"),
        ("hear me.sh", str(program)),
    ]:
        program.chmod(0o644)
        say_of(project, recogniser={"command": [named, "{file}"]})
        (said,) = errors(project)
        assert said.startswith(f"recogniser: {program} is there, but it is not executable; ")
        assert said.endswith(f"chmod +x '{shown}'")
        program.chmod(0o755)
        assert errors(project) == []


def test_the_checks_need_no_torch(tmp_path: Path) -> None:
    code = (
        "import sys; import xtts_finetune.pipeline.plan.checks.speech_checks; from pathlib import Path\n"
        "from xtts_finetune.evaluation.usable_references import reference_problem as problem\n"
        "assert 'it is silent' in problem(Path(sys.argv[1]), 10.0)"
    )
    assert not heavy_after(code, tone(tmp_path / "a.wav", level=0.0)) & {"torch", "TTS", "librosa"}
