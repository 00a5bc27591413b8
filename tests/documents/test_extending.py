"""Every example of docs/extending.md works as it stands: it is made in a copy of the project, and used there."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.documents.found import ROOT

DOCUMENT = ROOT / "docs" / "extending.md"
PARTS = re.split(r"^## (.+)$", DOCUMENT.read_text(encoding="utf-8"), flags=re.MULTILINE)
EXAMPLES = dict(zip(PARTS[1::2], PARTS[2::2], strict=True))
COPIED = ("xtts_finetune", "tests", "phases", "docs")


def apply(example: str, folder: Path) -> set[str]:
    """Make the changes of an example: whole new files, and the blocks of changes to others. The files touched."""
    touched = set[str]()
    file = ""
    for named, language, block in re.findall(r"`([\w/]+\.\w+)`|^```(\w+)\n(.*?)^```", example, re.M | re.S):
        file = named or file
        if language == "diff":
            lines = block.splitlines()
            old = "\n".join(line[1:] for line in lines if line[:1] in " -")
            new = "\n".join(line[1:] for line in lines if line[:1] in " +")
            text = (folder / file).read_text(encoding="utf-8")
            assert text.count(f"\n{old}") == 1, f"{file} has not once:\n{old}"
            (folder / file).write_text(text.replace(f"\n{old}", f"\n{new}"), encoding="utf-8")
        elif language:
            assert not (folder / file).exists(), f"{file} is there already"
            (folder / file).write_text(block, encoding="utf-8")
        touched |= {file} if language else set()
    return touched


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The project without its history, and with the demo as it is."""
    folder = tmp_path / "project"
    for name in COPIED:
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "images"))
    (folder / "samples").symlink_to(ROOT / "samples")
    return folder


def in_the_copy(copy: Path, *words: object) -> str:
    """What a module of the copy prints, run as a program."""
    command = [sys.executable, "-m", *map(str, words)]
    done = subprocess.run(command, cwd=copy, capture_output=True, encoding="utf-8", check=False, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def used(copy: Path, use: str, *arguments: object) -> str:
    return in_the_copy(copy, "tests.child", f"{__name__}:{use}", *arguments)


def use_rule() -> None:
    from xtts_finetune.records.metrics import EvalRecord, Metrics
    from xtts_finetune.spec.phase import PhaseSpec
    from xtts_finetune.training.rules import first_stop

    stop_when = [{"rule": "stop_ce_above", "of_start": 1.5}]
    phase = PhaseSpec.model_validate({"learning_rate": 1e-6, "steps": 10, "stop_when": stop_when})
    evals = [EvalRecord(step, 3.0, 0.03, 3.0, stop_ce, 1000, 100, 0.1) for step, stop_ce in ((0, 1.0), (5, 1.6))]
    assert first_stop(Metrics((), tuple(evals[:1])), phase.stop_when) is None
    stop = first_stop(Metrics((), tuple(evals)), phase.stop_when)
    assert stop is not None
    print(stop.reason.value, stop.reason.words, stop.message, sep="; ")


def use_instrument(folder: str) -> None:
    import soundfile

    from tests.evaluation.test_scores import declare, demo_clips, read
    from xtts_finetune.evaluation.scores import score_candidate
    from xtts_finetune.records.clips import write_clips
    from xtts_finetune.records.run_folder import RunFolder

    run, demo = RunFolder(Path(folder)), ROOT / "samples" / "demo"
    clips = demo_clips(demo)[-4:]
    write_clips(run.clips, [clip for clip in demo_clips(demo) if clip.split == "train"][:2] + clips)
    said = run.candidate("base").utterances
    said.mkdir(parents=True)
    soundfile.write(said / "one_s1.wav", read(clips[-1]), 22_050)
    entry = {
        "id": "one",
        "file": "one_s1.wav",
        "text": clips[-1].text,
        "language": "en",
        "seed": 1,
        "cut": False,
    }
    record = json.dumps({"fingerprint": "first", "utterances": [entry]})
    run.candidate("base").utterances_json.write_text(record, encoding="utf-8")
    print(score_candidate(declare(run, demo), run, "base", lambda *_: None).read_text(encoding="utf-8"))


def use_reader(folder: str) -> None:
    from tests.data.data_samples import write_sound
    from xtts_finetune.data.readers import RawClip, read_dataset
    from xtts_finetune.spec.pipeline import DatasetSpec

    (Path(folder) / "text").write_text("one Good morning.\ntwo  Good night.\n", encoding="utf-8")
    for name in ("one", "two"):
        write_sound(Path(folder) / "wav" / f"{name}.wav")
    spec = DatasetSpec.model_validate({"name": "mine", "path": folder, "format": "kaldi"})
    for clip in read_dataset(spec, "en"):
        assert isinstance(clip, RawClip) and clip.audio.is_file()
        print(clip.id, clip.text)


def use_remedy(folder: str) -> None:
    from tests.pipeline.project import make_project

    project = make_project(Path(folder))
    project.run()
    print(project.file)


def test_a_stop_rule(copy: Path) -> None:
    assert len(apply(EXAMPLES["A stop rule"], copy)) == 4
    shown = used(copy, "use_rule")
    assert shown == "stop_ce_above; stop CE above its limit; stop_ce rose to 1.6000, above 1.5000\n"


def test_an_instrument(copy: Path, tmp_path: Path) -> None:
    assert len(apply(EXAMPLES["An instrument"], copy)) == 3
    scores = json.loads(used(copy, "use_instrument", tmp_path / "run"))
    assert 0 < scores["utterances"][0]["silence_share"] < 1
    assert "measured" in scores["instruments"]["silence_share"].values()


def test_a_reader(copy: Path, tmp_path: Path) -> None:
    assert len(apply(EXAMPLES["A reader of data sets"], copy)) == 3
    assert used(copy, "use_reader", tmp_path) == "one Good morning.\ntwo Good night.\n"


def test_an_optimization_level(copy: Path) -> None:
    assert apply(EXAMPLES["A preset"], copy) == {"phases/levels/careful.yaml"}
    command = ("xtts_finetune.cli.run_pipeline", "--demo", "--plan", "--optimization-level", "careful")
    assert "preset careful" in in_the_copy(copy, *command)


def test_a_verb(copy: Path) -> None:
    assert len(apply(EXAMPLES["A verb"], copy)) == 3
    assert "Print how much disk space the run takes" in in_the_copy(copy, "xtts_finetune.cli.main", "size", "--help")
    assert "run/demo: 0 bytes" in in_the_copy(copy, "xtts_finetune.cli.main", "size", "--demo").replace("\\", "/")


def test_a_remedy(copy: Path, tmp_path: Path) -> None:
    assert len(apply(EXAMPLES["A remedy"], copy)) == 1
    file = used(copy, "use_remedy", tmp_path / "mine").strip()
    shown = in_the_copy(copy, "xtts_finetune.cli.main", "solve", "phase1", "-f", file)
    assert "clipped" in shown
    assert list((tmp_path / "mine" / "run").rglob("*clipped*"))


def test_no_example_is_left_out() -> None:
    assert set(EXAMPLES) == {
        "A stop rule",
        "An instrument",
        "A reader of data sets",
        "A preset",
        "A verb",
        "A remedy",
    }
