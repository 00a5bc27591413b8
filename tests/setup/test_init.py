"""`xtts-finetune init` on folders as people have them: files that can be planned at once, or one clear message."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from pathlib import Path

import pytest
import soundfile
import yaml

from tests.cli.test_commands import command
from tests.data.made_data import RATE, MadeData, speech
from xtts_finetune.cli.verbs.beginning.init import init
from xtts_finetune.errors import UserError
from xtts_finetune.numbers.usual import little_data
from xtts_finetune.pipeline.plan.plan import make_plan
from xtts_finetune.spec.declaration import Declaration, load_declaration
from xtts_finetune.xtts.base import BaseFiles

# What is said is no speech, so that comparing texts with it would only take time.
PREPARE = ("xtts-finetune", "prepare", "--device", "cpu", "--set", "check_texts=off")
HUNGARIAN = (
    "Jó estét kívánok, és üdvözlöm a kedves nézőket!",
    "Biztos benne, hogy ez a végleges válasza?",
    "A következő kérdés nem könnyű, de még van ideje.",
    "Ez a jó válasz, és már egy kicsit közelebb van a főnyereményhez.",
    "Sajnos ez nem az, de nagyon szép játék volt.",
)


@pytest.fixture(autouse=True)
def _nobody_at_the_keyboard(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setenv("TTS_HOME", str(tmp_path / "no such"))
    monkeypatch.delenv("XTTS_FINETUNE_BASES", raising=False)


def planned(folder: Path, **flags: object) -> Declaration:
    """Write the files and plan them."""
    init(folder, **{"yes": True, "gpu_memory": 8.0, **flags})  # type: ignore[arg-type]
    declaration = load_declaration(folder / "pipeline.yaml")
    make_plan(declaration)
    return declaration


def english(folder: Path, count: int = 24, format: str = "ljspeech") -> Path:
    made = MadeData(folder, format)
    for number in range(count):
        made.clip(f"clip {number}", f"This is the sentence of number {number}, and it is for the test.")
    made.write()
    return folder


def hungarian(folder: Path, count: int = 24) -> Path:
    """Coqui's columns in a file of another name, in a folder with spaces and accents."""
    (folder / "hangok").mkdir(parents=True)
    lines = []
    for number in range(count):
        name = f"hangok/őszi_{number}.flac"
        soundfile.write(folder / name, speech(1.5, number), RATE)
        lines.append(f"{name}|{HUNGARIAN[number % len(HUNGARIAN)]} {number}|ági")
    (folder / "leiratok.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def test_a_voice_in_ljspeechs_form(tiny_base: BaseFiles, tmp_path: Path) -> None:
    data = english(tmp_path / "recordings")
    declaration = planned(tmp_path / "anna", data=[data], base=str(tiny_base.folder))
    assert declaration.pipeline.name == "anna"
    assert declaration.pipeline.language == "en"
    assert [(d.format, d.speaker) for d in declaration.pipeline.datasets] == [("ljspeech", "anna")]
    assert list(declaration.phases) == ["phase1", "phase2"]


def test_a_folder_without_metadata(tiny_base: BaseFiles, tmp_path: Path) -> None:
    data = english(tmp_path / "diary", format="folder")
    declaration = planned(tmp_path / "anna", data=[data], base=str(tiny_base.folder))
    assert declaration.pipeline.datasets[0].format == "folder"


def test_a_hungarian_voice_with_accents_in_its_paths(tiny_base: BaseFiles, tmp_path: Path) -> None:
    data = hungarian(tmp_path / "Kovács Ági (új felvétel)")
    folder = tmp_path / "új hang"
    declaration = planned(folder, data=[data], base=str(tiny_base.folder))
    (dataset,) = declaration.pipeline.datasets
    assert declaration.pipeline.language == "hu"
    assert (dataset.name, dataset.format, str(dataset.metadata)) == (
        "kovacs_agi_uj_felvetel",
        "coqui",
        "leiratok.csv",
    )
    assert dataset.speaker is None, "the lines say who speaks"
    assert declaration.pipeline.name == "uj_hang"
    assert all(any(text.text.startswith(line) for line in HUNGARIAN) for text in declaration.utterances.sentences)


def test_three_clips_are_one_clear_message(tiny_base: BaseFiles, tmp_path: Path) -> None:
    data = english(tmp_path / "recordings", 3)
    with pytest.raises(UserError, match=r"^3 clips can be used, and at least 10 are needed[^\n]*Nothing was written$"):
        planned(tmp_path / "anna", data=[data], base=str(tiny_base.folder))
    assert not (tmp_path / "anna").exists()


def test_a_folder_of_several_data_sets_of_one_voice(tiny_base: BaseFiles, tmp_path: Path) -> None:
    english(tmp_path / "data" / "quiz", 12)
    english(tmp_path / "data" / "talk", 12, "jsonl")
    (tmp_path / "data" / "notes").mkdir()
    declaration = planned(tmp_path / "anna", data=[tmp_path / "data"], base=str(tiny_base.folder))
    found = [(d.name, d.format, d.speaker) for d in declaration.pipeline.datasets]
    assert found == [("quiz", "ljspeech", "anna"), ("talk", "jsonl", "anna")]


def test_texts_that_cannot_be_read_are_named_and_not_chosen(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = MadeData(tmp_path / "recordings", "ljspeech")
    for number in range(24):
        made.clip(f"clip {number}", f"Bylo to dne {number}. toho roku" if number % 2 else f"Je jich {number} a dost")
    made.write()
    data = tmp_path / "recordings"
    init(tmp_path / "anna", data=[data], yes=True, gpu_memory=8.0, language="cs")
    declaration = load_declaration(tmp_path / "anna" / "pipeline.yaml")
    assert all("dne" not in sentence.text for sentence in declaration.utterances.sentences)
    said = capsys.readouterr().out
    assert "12 of 24 clips can be used" in said
    assert 'has a text that XTTS cannot read (XTTS cannot read "1." in Czech; ' in said
    assert "2 more will be skipped: xtts-finetune prepare names each of them in DATA.html" in said


def test_init_counts_and_names_as_prepare_does(
    tiny_base: BaseFiles, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A folder with one clip of each fault: every one is named, and what is left is what prepare keeps."""
    folder = english(tmp_path / "recordings", 14)
    wavs, lines = folder / "wavs", [(folder / "metadata.csv").read_text(encoding="utf-8").rstrip("\n")]
    for name, text, wave in (
        ("lake_story", "A long story of the lake.", speech(36.6)),
        ("click", "Oh.", speech(0.2)),
        ("whisper", "Nobody hears this.", speech(2.0) * 1e-4),
        ("wordless", "", speech(2.0)),
        ("emoji", "That is it \U0001f600 and more.", speech(2.0)),
        ("clip 3", "The same id once more.", speech(2.0)),
    ):
        soundfile.write(wavs / f"{name.replace('clip 3', 'again')}.wav", wave, RATE)
        lines.append(f"{name}|{text}")
    (wavs / "broken.wav").write_bytes(b"RIFF and nothing more")
    lines += ["broken|This is no sound.", "gone|This file is not there.", "one|two|three|four|five"]
    (folder / "metadata.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    planned(tmp_path / "anna", data=[folder], base=str(tiny_base.folder), language="en")
    said = capsys.readouterr().out
    assert "14 of 23 clips can be used, 0.5 minutes of speech" in said
    for sentence in (
        "lake_story.wav is too long (36.6 s, limit 11.6) and will be skipped.",
        "click.wav is too short (0.2 s, at least 0.5) and will be skipped.",
        "whisper.wav is almost silent (",
        "wordless.wav has no text and will be skipped.",
        "emoji.wav has characters that the base does not know ('\U0001f600' (U+1F600)) and will be skipped.",
        "clip 3.wav has the id of another clip (first in line 4 of metadata.csv) and will be skipped.",
        "broken.wav cannot be read (",
        "gone.wav is missing (there is no ",
        "line 23 of metadata.csv cannot be used (",
    ):
        assert f"  {sentence}" in said
    assert "warning: 0.5 minutes of speech is not much (10 minutes are a start, 30 are better). Expect a hint" in said
    done = command(*PREPARE, "-f", str(tmp_path / "anna"), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "data: 14 clips" in done.stdout and "9 left out" in done.stdout


@pytest.mark.parametrize(
    ("minutes", "expect"),
    [(2, "words blur"), (5, "a likeness in short sentences"), (8, "the voice is recognised"), (10, ""), (45, "")],
)
def test_little_data_is_warned_of_with_what_to_expect(minutes: float, expect: str) -> None:
    warned = little_data(minutes)
    assert expect in warned and bool(warned) == bool(expect)
    assert not warned or "10 minutes are a start" in warned


def test_the_packages_of_a_language_come_first_among_the_next_steps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("xtts_finetune.xtts.cleaning._PACKAGES", {"ja": (("no_such_cutlet",),)})
    data = english(tmp_path / "recordings")
    init(tmp_path / "anna", data=[data], yes=True, gpu_memory=8.0, language="ja")
    said = capsys.readouterr().out
    assert "Japanese texts need a package that is not installed: no_such_cutlet" in said
    assert said.index("-m pip install", said.index("Next:")) < said.index("run_pipeline --plan")


@pytest.mark.parametrize("format", ["coqui", "common_voice", "jsonl", "audiofolder"])
def test_every_format_is_recognised(tiny_base: BaseFiles, tmp_path: Path, format: str) -> None:
    data = english(tmp_path / "recordings", 12, format)
    declaration = planned(tmp_path / "anna", data=[data], base=str(tiny_base.folder))
    assert declaration.pipeline.datasets[0].format == format


def test_sounds_without_texts_are_one_clear_message(tmp_path: Path) -> None:
    (tmp_path / "raw").mkdir()
    soundfile.write(tmp_path / "raw" / "one.wav", speech(1.0), RATE)
    with pytest.raises(UserError, match=r"raw has 1 sounds, but no texts[\s\S]*x\.wav[\s\S]*metadata\.csv"):
        planned(tmp_path / "anna", data=[tmp_path / "raw"])


def test_the_folder_of_the_sounds_alone_names_the_one_above(tmp_path: Path) -> None:
    data = english(tmp_path / "recordings")
    with pytest.raises(UserError, match="but the folder above it looks like a data set"):
        planned(tmp_path / "anna", data=[data / "wavs"])


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ({"data": None}, "say where the recordings are: --data FOLDER"),
        ({"data": ["nowhere"]}, "the folder nowhere is not there"),
        ({"language": "klingon"}, "'klingon' is not a language of XTTS"),
        ({"base": "xtts_v3"}, "no base of that name is known; known: xtts_v2"),
        ({"base": "./nowhere"}, r"base: there is no folder .*nowhere"),
        ({"name": "Új hang"}, "name: 'Új hang' cannot be one: .* for example uj_hang"),
    ],
)
def test_a_wrong_answer_is_one_message_and_nothing_is_written(
    tmp_path: Path, flags: dict[str, object], said: str
) -> None:
    data = english(tmp_path / "recordings", 12)
    if flags.get("data"):
        flags = {**flags, "data": [Path("nowhere")]}
    with pytest.raises(UserError, match=said):
        planned(tmp_path / "anna", **{"data": [data], **flags})
    assert not (tmp_path / "anna").exists()


def test_a_base_that_cannot_read_the_language_is_said_at_once(tiny_base: BaseFiles, tmp_path: Path) -> None:
    data = english(tmp_path / "recordings", 12)
    with pytest.raises(UserError, match=r"cannot read Czech \('cs'\): name another base with --base"):
        planned(tmp_path / "anna", data=[data], base=str(tiny_base.folder), language="cs")
    assert not (tmp_path / "anna").exists()


def test_nothing_that_is_there_is_lost(tiny_base: BaseFiles, tmp_path: Path) -> None:
    flags = {"data": [english(tmp_path / "recordings")], "base": str(tiny_base.folder)}
    folder = tmp_path / "anna"
    planned(folder, **flags)
    planned(folder, **flags)  # the same again is no conflict
    mine = "learning_rate: 5.0e-7   # mine\nsteps: 100\n"
    (folder / "phases" / "phase1.yaml").write_text(mine, encoding="utf-8")
    before = sorted(folder.rglob("*"))
    with pytest.raises(UserError, match=r"has phases/phase1\.yaml already.*Nothing was written.*--replace"):
        planned(folder, **flags)
    assert (folder / "phases" / "phase1.yaml").read_text(encoding="utf-8") == mine
    assert sorted(folder.rglob("*")) == before
    planned(folder, **flags, replace=True)
    assert (folder / "phases" / "phase1.yaml.old").read_text(encoding="utf-8") == mine


def test_every_value_has_its_reason(tiny_base: BaseFiles, tmp_path: Path) -> None:
    folder = tmp_path / "anna"
    planned(folder, data=[english(tmp_path / "recordings")], base=str(tiny_base.folder))
    for file in ("pipeline.yaml", "phases/phase1.yaml", "phases/phase2.yaml"):
        for line in (folder / file).read_text(encoding="utf-8").splitlines():
            key = line.partition(":")[0].strip(" -")
            obvious = not line.strip() or line.lstrip().startswith("#") or key in ("goal", "path", "phase")
            opens = line.endswith(":") or key in ("target", "exceptional")
            assert obvious or opens or "# " in line, (file, line)


def test_a_base_that_is_not_here_yet_is_the_first_thing_to_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    init(tmp_path / "anna", data=[english(tmp_path / "recordings", 40)], yes=True, gpu_memory=16.0)
    said = capsys.readouterr().out
    assert "its base is not on this machine yet" in said
    assert said.index("xtts-finetune fetch") < said.index("run_pipeline --plan")
    declaration = load_declaration(tmp_path / "anna" / "pipeline.yaml")
    first, second = declaration.phases.values()
    assert (first.learning_rate, second.learning_rate) == (1.5e-6, 1e-6)
    assert {rule.rule for rule in first.stop_when} == {
        "text_ce_above",
        "no_improvement",
        "overfitting",
        "exploding",
    }
    # The voice is heard while it trains, about five times a phase.
    for phase in (first, second):
        evaluations = phase.steps // phase.eval_every_steps
        assert 4 <= evaluations / phase.utterances_every_evals <= 8


def test_the_sentences_are_held_out(tiny_base: BaseFiles, tmp_path: Path) -> None:
    """What every candidate says must not have been trained on, although nothing is split yet."""
    data = [english(tmp_path / "quiz", 40), hungarian(tmp_path / "talk", 30)]
    folder = tmp_path / "anna"
    declaration = planned(folder, data=data, base=str(tiny_base.folder), language="en")
    done = command(*PREPARE, "-f", str(folder), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    lines = (declaration.run_folder / "clips.jsonl").read_text(encoding="utf-8").splitlines()
    split = {clip["text"]: clip["split"] for clip in map(json.loads, lines)}
    spoken = [sentence.text for sentence in declaration.utterances.sentences]
    assert len(spoken) >= 4
    assert {split[text] for text in spoken} == {"eval"}


def test_as_a_command_of_its_own(tiny_base: BaseFiles, tmp_path: Path) -> None:
    english(tmp_path / "recordings", 12)
    words = ("init", "a b", "--data", "recordings", "--base", str(tiny_base.folder), "--yes")
    done = command("xtts-finetune", *words, cwd=tmp_path, probe=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "HEAVY []"
    assert "run_pipeline --plan -f 'a b'" in done.stdout
    done = command("run_pipeline", "--plan", "-f", "a b", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    again = command("xtts-finetune", *words[:-1], "--gpu-memory", "16", "--name", "b", cwd=tmp_path)
    assert again.returncode == 2 and "already, with another content" in again.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="a shell script")
def test_the_launchers_start_a_phase(tiny_base: BaseFiles, tmp_path: Path) -> None:
    folder = tmp_path / "új hang"
    planned(folder, data=[english(tmp_path / "recordings", 12)], base=str(tiny_base.folder))
    done = subprocess.run(
        [str(folder / "train_phase1.sh"), "--plan"],
        cwd=tmp_path,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "phase1" in done.stdout and "phase2 samples" not in done.stdout
    batch = (folder / "TRAIN_PHASE2.bat").read_bytes()
    assert batch.count(b"\n") == batch.count(b"\r\n") > 0


def test_texts_of_any_kind_are_read_back_as_they_are(tiny_base: BaseFiles, tmp_path: Path) -> None:
    chance = random.Random(3)
    odd = (
        "- no: list",
        '"quoted" \\ text',
        "#hash",
        "{a: b}",
        "'",
        "yes",
        "1.5",
        "@at",
        "%100",
        "né\u2028w",
        "a\tb",
    )
    made = MadeData(tmp_path / "recordings", "jsonl")
    for number in range(40):
        made.clip(
            f"clip {number}",
            f"{odd[number % len(odd)]} the {chance.random()} and of it {odd[-1 - number % 5]}",
        )
    made.write()
    declaration = planned(tmp_path / "anna", data=[tmp_path / "recordings"], base=str(tiny_base.folder), language="en")
    lines = (tmp_path / "recordings" / "metadata.jsonl").read_text(encoding="utf-8").split("\n")
    texts = {" ".join(json.loads(line)["text"].split()) for line in lines if line}
    assert {" ".join(sentence.text.split()) for sentence in declaration.utterances.sentences} <= texts
    assert yaml.safe_load((tmp_path / "anna" / "eval" / "utterances.yaml").read_text(encoding="utf-8"))


def test_somebody_at_the_keyboard_is_asked_and_corrected(
    tiny_base: BaseFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import typer

    data = hungarian(tmp_path / "felvételek")
    answers = {
        "Folder": ["nowhere", str(data)],
        "Language": ["klingon", "Hungarian"],
        "Model": ["xtts", str(tiny_base.folder)],
        "GPU": ["much", "8 GB"],
        "Name": ["Új hang", "uj"],
    }
    usual: dict[str, object] = {}

    def prompt(question: str, default: object) -> str:
        word = question.split()[0].rstrip(":")
        usual[word] = default
        return answers[word].pop(0)

    monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
    monkeypatch.setattr(typer, "prompt", prompt)
    init(tmp_path / "új hang")
    assert not any(answers.values())
    assert (usual["Language"], usual["Model"], usual["Name"]) == ("hu", "xtts_v2", "uj_hang")
    said = capsys.readouterr().out
    assert "nowhere is not there" in said and "a number of GB such as 8" in said
    declaration = load_declaration(tmp_path / "új hang" / "pipeline.yaml")
    assert (declaration.pipeline.name, declaration.pipeline.language) == ("uj", "hu")


def test_ctrl_c_at_a_question_ends_as_everywhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import typer

    def interrupted(question: str, default: object) -> str:
        raise typer.Abort

    monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
    monkeypatch.setattr(typer, "prompt", interrupted)
    with pytest.raises(KeyboardInterrupt):
        init(tmp_path / "anna")
    assert not (tmp_path / "anna").exists()


def more(folder: Path, first: int, count: int) -> None:
    """Further clips for a data set of `english`."""
    lines = [(folder / "metadata.csv").read_text(encoding="utf-8").rstrip("\n")]
    for number in range(first, first + count):
        soundfile.write(folder / "wavs" / f"clip {number}.wav", speech(1.0, number), RATE)
        lines.append(f"clip {number}|This is a later sentence, the one of number {number}.")
    (folder / "metadata.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")


def test_clips_that_were_added_are_said_by_the_plan_and_the_lengths_follow(
    tiny_base: BaseFiles, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, folder = english(tmp_path / "recordings", 24), tmp_path / "anna"
    before = planned(folder, data=[data], base=str(tiny_base.folder))
    said = command("run_pipeline", "--plan", "-f", str(folder), cwd=tmp_path)
    assert "since init" not in said.stdout
    more(data, 24, 40)
    said = command("run_pipeline", "--plan", "-f", str(folder), cwd=tmp_path)
    assert said.returncode == 0, said.stderr
    assert "40 clips were added since init chose the lengths of the phases (24 then, 64 now)" in said.stdout
    assert f"xtts-finetune init {folder} --refresh" in said.stdout
    second = folder / "phases" / "phase2.yaml"
    mine = second.read_text(encoding="utf-8").replace("goal: ", "goal: mine, ")
    second.write_text(mine, encoding="utf-8")
    capsys.readouterr()
    init(folder, refresh=True)
    said_now = capsys.readouterr().out
    after = load_declaration(folder / "pipeline.yaml")
    old, new = (each.phases["phase1"].steps for each in (before, after))
    assert new is not None and old is not None and new > 2 * old
    assert f"  steps: {old} -> {new}" in said_now
    assert "phases/phase2.yaml stays as it is, because you changed it. These values would suit:" in said_now
    assert second.read_text(encoding="utf-8") == mine
    assert not list(folder.rglob("*.old")), "what init wrote itself is not worth keeping"
    assert after.pipeline.eval_set.at_least > before.pipeline.eval_set.at_least, "nothing is held out yet"
    make_plan(after)
    init(folder, refresh=True)
    assert "64 clips can be used; init chose the lengths of the phases for 64." in capsys.readouterr().out


def test_a_refresh_keeps_what_is_held_out(tiny_base: BaseFiles, tmp_path: Path) -> None:
    data, folder = english(tmp_path / "recordings", 24), tmp_path / "anna"
    declaration = planned(folder, data=[data], base=str(tiny_base.folder))
    done = command(*PREPARE, "-f", str(folder), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    frozen = (declaration.run_folder / "eval_set.json").read_bytes()
    for clip in range(12):
        (data / "wavs" / f"clip {clip}.wav").unlink()
    init(folder, refresh=True)
    after = load_declaration(folder / "pipeline.yaml")
    assert after.phases["phase1"].steps < (declaration.phases["phase1"].steps or 0)
    assert after.pipeline.eval_set == declaration.pipeline.eval_set
    assert after.utterances == declaration.utterances
    assert (declaration.run_folder / "eval_set.json").read_bytes() == frozen


def test_there_is_nothing_to_refresh_where_init_wrote_nothing(tiny_base: BaseFiles, tmp_path: Path) -> None:
    folder = tmp_path / "anna"
    planned(folder, data=[english(tmp_path / "recordings")], base=str(tiny_base.folder))
    with pytest.raises(UserError, match=r"^--language: --refresh takes what pipeline\.yaml says"):
        init(folder, refresh=True, language="hu")
    (folder / ".init.json").unlink()
    with pytest.raises(UserError, match="has no record of what init wrote"):
        init(folder, refresh=True)
