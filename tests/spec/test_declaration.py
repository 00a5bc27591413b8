"""A declaration as it is loaded: values, paths, overrides."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from tests.child import heavy_after
from tests.spec.wrong_declarations import DECISION, PHASE1, PHASE2, PIPELINE, RIGHT, UTTERANCES, write_files
from xtts_finetune.errors import DeclarationError
from xtts_finetune.spec.declaration import load_declaration
from xtts_finetune.spec.files import BASE_FILES, KNOWN_BASES
from xtts_finetune.spec.languages import LANGUAGES
from xtts_finetune.spec.stop_rules import TextCeAbove


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return write_files(RIGHT, tmp_path)


def test_paths_are_absolute_and_relative_to_their_file(tmp_path: Path) -> None:
    files = {
        **RIGHT,
        "eval/utterances.yaml": UTTERANCES.encode() + b"reference: {files: [voice.wav]}\n",
        "eval/voice.wav": b"",
        "phases/phase2.yaml": PHASE2.replace("phase: phase1, checkpoint: step 500", "checkpoint: old.pth").encode(),
        "phases/old.pth": b"",
    }
    declaration = load_declaration(write_files(files, tmp_path))
    home = tmp_path.resolve()
    assert declaration.folder == tmp_path
    assert declaration.pipeline.base == str(home / "base")
    assert [data.path for data in declaration.pipeline.datasets] == [
        home / "data" / "first",
        home / "data" / "second",
    ]
    assert declaration.utterances.reference.files == (home / "eval" / "voice.wav",)
    resume = declaration.phases["phase2"].resume_from
    assert resume is not None
    assert resume.checkpoint == str(home / "phases" / "old.pth")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pipes in folders")
def test_a_pipe_is_there_but_no_file(tmp_path: Path) -> None:
    texts = UTTERANCES.encode() + b"reference: {files: [voice.wav]}\n"
    file = write_files({**RIGHT, "eval/utterances.yaml": texts}, tmp_path)
    os.mkfifo(tmp_path / "eval" / "voice.wav")
    with pytest.raises(DeclarationError, match=r"reference\.files\[0\]: 'voice\.wav' is not an ordinary file"):
        load_declaration(file)


def test_the_folder_that_it_is_called_from_does_not_matter(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(file.parent / "eval")
    assert load_declaration(Path("..") / "pipeline.yaml").pipeline == load_declaration(file).pipeline


def test_run_folder_is_beside_the_file_unless_given(file: Path, tmp_path: Path) -> None:
    assert load_declaration(file).run_folder == file.parent / "run" / "trial"
    assert load_declaration(file, run_folder=tmp_path / "other").run_folder == tmp_path / "other"


def test_known_base_stays_a_name(tmp_path: Path) -> None:
    files = {**RIGHT, "pipeline.yaml": PIPELINE.replace("base: base", "base: xtts_v2").encode()}
    assert load_declaration(write_files(files, tmp_path)).pipeline.base == "xtts_v2"


def test_files_and_names_of_bases_are_those_that_the_model_knows() -> None:
    """The check cannot import the model, so the two lists must be held together here."""
    from xtts_finetune.xtts import base

    assert set(KNOWN_BASES) == set(base.KNOWN_BASES)
    assert len(BASE_FILES) == 5


def test_xtts_speaks_seventeen_languages() -> None:
    assert len(LANGUAGES) == 17


def test_phases_keep_their_order(tmp_path: Path) -> None:
    files = {
        **RIGHT,
        "pipeline.yaml": PIPELINE.replace("[phase1, phase2]", "[z, phase1, phase2]").encode(),
        "phases/z.yaml": b"{learning_rate: 1e-6, epochs: 0.5}",
    }
    assert list(load_declaration(write_files(files, tmp_path)).phases) == ["z", "phase1", "phase2"]


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("5e-6", 5e-6),
        ("1E-6", 1e-6),
        ("+1.5e-6", 1.5e-6),
        (".5e-5", 5e-6),
        ("1", 1.0),
        ("1_0.5", 10.5),
        ("010", 10.0),
    ],
)
def test_numbers_as_people_write_them(written: str, value: float, tmp_path: Path) -> None:
    files = {**RIGHT, "phases/phase1.yaml": PHASE1.replace("5e-6", written).encode()}
    assert load_declaration(write_files(files, tmp_path)).phases["phase1"].learning_rate == value


@pytest.mark.parametrize("ends", ["\n", "\r\n"], ids=["unix", "windows"])
def test_byte_order_mark_and_line_ends(ends: str, tmp_path: Path) -> None:
    files = {
        name: b"\xef\xbb\xbf" + text.decode().replace("\n", ends).encode() if name.endswith(".yaml") else text
        for name, text in RIGHT.items()
    }
    assert load_declaration(write_files(files, tmp_path)).pipeline.name == "trial"


def test_anchors_and_merges(tmp_path: Path) -> None:
    rows = """\
rows:
  - &good
    mel_ce: {below: 2.5}
    ship: phase2
    verdict: excellent
  - <<: *good
    mel_ce: {below: 3.0}
    verdict: improved
"""
    files = {**RIGHT, "eval/decision_matrix.yaml": rows.encode()}
    first, second = load_declaration(write_files(files, tmp_path)).decision.rows
    assert (first.verdict, second.verdict, second.ship) == ("excellent", "improved", "phase2")
    assert second.mel_ce is not None
    assert second.mel_ce.below == 3.0


def test_overrides_win(file: Path) -> None:
    settings = [
        "phase2.learning_rate=2e-6",
        "pipeline.name=other",
        "language=hu",
        "eval_set.fraction=0.2",
        "phase1.stop_when[0].limit=0.05",
        "phase1.schedule.warmup_steps=10",
        "utterances.seeds=[3, 4]",
        "decision.read=phase1",
        "phase1.learning_rate=1e-6",
        "phase1.learning_rate=3e-6",
        "phase1.gradient_clip=null",
    ]
    declaration = load_declaration(file, settings)
    one, two = declaration.phases["phase1"], declaration.phases["phase2"]
    assert two.learning_rate == 2e-6
    assert (declaration.pipeline.name, declaration.pipeline.language) == ("other", "hu")
    assert declaration.run_folder.name == "other"
    assert declaration.pipeline.eval_set.fraction == 0.2
    assert declaration.pipeline.eval_set.seed == 1
    assert isinstance(one.stop_when[0], TextCeAbove)
    assert one.stop_when[0].limit == 0.05
    assert one.schedule.warmup_steps == 10
    assert one.learning_rate == 3e-6  # the last one counts
    assert one.gradient_clip is None
    assert declaration.utterances.seeds == (3, 4)
    assert declaration.decision.read == "phase1"


def test_an_override_can_mend_a_file(tmp_path: Path) -> None:
    files = {**RIGHT, "phases/phase1.yaml": PHASE1.replace("5e-6", "fast").encode()}
    declaration = load_declaration(write_files(files, tmp_path), ["phase1.learning_rate=1e-6"])
    assert declaration.phases["phase1"].learning_rate == 1e-6


def test_epochs_for_steps_on_the_command_line(file: Path) -> None:
    phase = load_declaration(file, ["phase1.epochs=2", "phase1.steps=null"]).phases["phase1"]
    assert (phase.epochs, phase.steps) == (2, None)


def test_phases_left_out_on_the_command_line_are_not_needed(tmp_path: Path) -> None:
    files = {name: text for name, text in RIGHT.items() if name != "phases/phase2.yaml"}
    files["eval/decision_matrix.yaml"] = DECISION.replace("phase2", "phase1").encode()
    assert list(load_declaration(write_files(files, tmp_path), ["phases=[phase1]"]).phases) == ["phase1"]


def test_nothing_is_written(file: Path) -> None:
    before = sorted(file.parent.rglob("*"))
    load_declaration(file)
    assert sorted(file.parent.rglob("*")) == before


def test_a_declaration_that_is_a_folder(tmp_path: Path) -> None:
    with pytest.raises(DeclarationError, match="expected a file but this is a folder"):
        load_declaration(tmp_path)


def test_neither_torch_nor_the_model_is_imported(file: Path) -> None:
    code = (
        "import sys; from pathlib import Path\n"
        "from xtts_finetune.spec.declaration import load_declaration\n"
        "import xtts_finetune.spec.schema, xtts_finetune.cli.verbs.beginning.schema\n"
        "load_declaration(Path(sys.argv[1]))"
    )
    assert heavy_after(code, file) == set()
