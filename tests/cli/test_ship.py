"""The verbs `ship` and `say` as a user types them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.test_commands import command, imported
from tests.pipeline.project import make_project
from xtts_finetune.machine.cards import find_gpu


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("ship",), "nothing was run yet"),
        (("ship", "--precision", "quarter"), "'quarter' is not one of"),
        (("ship", "--others", "burn"), "'burn' is not one of"),
        (("ship", "--name", "a/b"), "ship.name"),
        (("ship", "--name", "con"), "Windows cannot have a file or folder named 'con'"),
        (("ship", "--set", "ship.precison=full"), "did you mean 'precision'"),
        (("ship", "--for", "alltalk,alltak"), "there is no program 'alltak' here; did you mean 'alltalk'?"),
        (("say", "Hello."), "nothing is shipped yet. Make the folder for use:\n  xtts-finetune ship\n"),
        (("say", "Hello."), "without shipping it:\n  xtts-finetune say --candidate base 'Good morning.'"),
        (("say", "Hello.", "--model", "nowhere"), "nowhere: no shipped model is here"),
        (("say", "Hello.", "--model", ".", "--demo"), "leave -f, --demo and --set out"),
        (("say", "Hello.", "--model", ".", "--set", "language=hu"), "leave -f, --demo and --set out"),
        (("say", "Hello.", "--model", ".", "--candidate", "phase1"), "give one of them"),
        (("say", "...", "!"), "there is no letter or digit in the text"),
        (("say", " "), "the text is empty"),
        (
            ("say", "Hello.", "-o", "said.xyz"),
            "no '.xyz' file can be written; name one that ends in .wav, .flac",
        ),
        (("say", "Hello.", "-o", "said"), "its name has no suffix, and the suffix decides the file format"),
        (("say", "-5 degrees", "-o", "said"), "-o: said: its name has no suffix"),
        (("say", "- Good morning.", "-5", "--language", "xx"), "'xx' is not a language of XTTS"),
        (("say", "--top-k", "-5", "-1.5", "--model", "nowhere"), "nowhere: no shipped model is here"),
        (("say", "--", "-5 degrees", "-o", "said.wav"), "'-o' stands after '--'"),
        (("say", "--", "-5 degrees", "--out=said.wav"), "put the options before it"),
        (("say", "--tempature", "1", "Hello."), "No such option: --tempature"),
        (("say", "-q", "Hello."), "No such option: -q"),
        (
            ("say", "Hello.", "--device", "tpu"),
            "Invalid value for '--device': 'tpu' is not one of 'auto'",
        ),
        (
            ("say", "Hello.", "--model", "pipeline.yaml"),
            "pipeline.yaml: this is a file; --model takes the folder",
        ),
        (("say", "Hello.", "-o", "nowhere/said.mp3"), "nowhere is not there; make it first"),
        (("say", "Hello.", "-o", "pipeline.yaml/said.mp3"), "pipeline.yaml is a file"),
        (("say", "Hello.", "-o", "eval"), "is a folder; name a file in it"),
        (("say", "Hello.", "--candidate", "phase3"), "did you mean 'phase2'?"),
        (
            ("say", "Hello.", "--candidate", "phase1", "-f", "pipeline.yaml"),
            "run_pipeline phase1 -f pipeline.yaml",
        ),
        (("say", "Hello.", "--candidate", "base"), "not prepared yet; run this first:\n  xtts-finetune prepare"),
        (("say",), "TEXT"),
        (("speak",), "SCRIPT"),
        (("speak", "none.txt", "--candidate", "base"), "not prepared yet; run this first:\n  xtts-finetune prepare"),
        (("speak", "none.txt"), "nothing is shipped yet"),
        (("speak", "a.txt", "--model", ".", "--demo"), "leave -f, --demo and --set out"),
        (("speak", "a.txt", "--format", "wma"), "'wma' is not one of"),
        (("speak", "a.txt", "--pause", "-1"), "--pause"),
        (("speak", "a.txt", "--loudness", "loud"), "neither 'off' nor a number from -60 to -5"),
    ],
)
def test_wrong_input_is_said_before_anything_heavy_is_imported(
    words: tuple[str, ...], said: str, tmp_path: Path
) -> None:
    project = make_project(tmp_path)
    done = command("xtts-finetune", *words, cwd=project.folder, probe=True)
    assert done.returncode == 2, done.stdout + done.stderr
    assert said in done.stderr and "Traceback" not in done.stderr
    assert imported(done) == "HEAVY []"
    assert not (project.folder / "run").exists()


@pytest.mark.skipif(find_gpu() is not None, reason="there is a GPU")
def test_a_gpu_that_is_not_there_is_said_before_anything_is_loaded(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    done = command("xtts-finetune", "say", "Hello.", "--candidate", "base", "--device", "cuda", cwd=project.folder)
    assert done.returncode == 2 and "asked for, but torch" in done.stderr and "loading" not in done.stderr


def test_a_candidates_folder_is_no_shipped_model(tmp_path: Path) -> None:
    folder = tmp_path / "run" / "demo" / "phase2"
    folder.mkdir(parents=True)
    (folder / "best_model.pth").touch()
    for named, said in [
        (folder, "speak with it: --candidate phase2"),
        (folder / "best_model.pth", "is a file"),
    ]:
        done = command("xtts-finetune", "say", "Hello.", "--model", str(named), cwd=tmp_path)
        assert done.returncode == 2 and said in done.stderr


def test_a_file_in_a_shipped_folder_names_the_folder(tmp_path: Path) -> None:
    for name in ("shipped.json", "model.pth"):
        (tmp_path / name).touch()
    done = command("xtts-finetune", "say", "Hello.", "--model", str(tmp_path / "model.pth"), cwd=tmp_path)
    assert done.returncode == 2 and done.stderr.rstrip().endswith(f"the folder of a shipped model: {tmp_path}")


@pytest.mark.parametrize(
    ("verb", "options"),
    [
        ("ship", ("--candidate", "--name", "--precision", "--others", "--demo")),
        (
            "say",
            (
                "--model",
                "--candidate",
                "--out",
                "--language",
                "--seed",
                "--temperature",
                "--top-k",
                "--speed",
                "TEXT",
            ),
        ),
    ],
)
def test_help_names_what_there_is(verb: str, options: tuple[str, ...], tmp_path: Path) -> None:
    done = command("xtts-finetune", verb, "--help", cwd=tmp_path, probe=True)
    assert done.returncode == 0 and imported(done) == "HEAVY []"
    assert all(option in done.stdout for option in options)
