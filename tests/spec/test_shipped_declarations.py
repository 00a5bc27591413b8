"""Every declaration that ships is right, says what it is meant to say, and agrees with the schemas."""

from __future__ import annotations

import ast
import json
import shutil
from pathlib import Path

import jsonschema
import pytest
import yaml

from tests.spec.wrong_declarations import BASE_FILES
from xtts_finetune.spec.declaration import Declaration, load_declaration
from xtts_finetune.spec.reading.document import Document
from xtts_finetune.spec.reading.yaml_file import read_document

ROOT = Path(__file__).parents[2]
DEMO = ROOT / "samples" / "demo"
DECLARATIONS = {"top level": ROOT, "demo": DEMO}
SHIPPED = [
    path
    for folder in DECLARATIONS.values()
    for path in (
        folder / "pipeline.yaml",
        *sorted(folder.glob("phases/**/*.yaml")),
        *sorted(folder.glob("eval/*.yaml")),
    )
]


def _copy(folder: Path, to: Path) -> Path:
    """The declaration's files alone, with stand-ins for data and base, which its users bring or are large."""
    shutil.copy(folder / "pipeline.yaml", to)
    for part in ("phases", "eval"):
        shutil.copytree(folder / part, to / part)
    document = read_document(to / "pipeline.yaml", "pipeline.yaml")
    for index, _ in document.entries("datasets"):
        data = to / str(document.text("datasets", index, "path"))
        data.mkdir(parents=True)
        (data / "metadata.csv").write_text("", encoding="utf-8")
    if folder == DEMO:
        (to / "base").mkdir()
        for name in BASE_FILES:
            (to / "base" / name).write_bytes(b"")
    return to / "pipeline.yaml"


@pytest.fixture(params=DECLARATIONS)
def shipped(request: pytest.FixtureRequest, tmp_path: Path) -> Declaration:
    return load_declaration(_copy(DECLARATIONS[request.param], tmp_path))


def test_loads_with_sentences_of_every_kind(shipped: Declaration) -> None:
    assert {"one-word", "short", "long", "question", "numbers", "quote"} <= {s.id for s in shipped.utterances.sentences}


def test_every_shipped_file_is_reached() -> None:
    """No phase file lies there that no pipeline declares."""
    for folder in DECLARATIONS.values():
        declared = read_document(folder / "pipeline.yaml", "pipeline.yaml").get("phases")
        assert sorted(declared) == sorted(path.stem for path in folder.glob("phases/*.yaml"))


def test_top_level_has_the_values_of_the_first_run(tmp_path: Path) -> None:
    declaration = load_declaration(_copy(ROOT, tmp_path))
    one, two = declaration.phases["phase1"], declaration.phases["phase2"]
    assert (one.learning_rate, one.batch_size, one.steps, one.eval_every_steps) == (1.5e-6, 3, 1600, 100)
    assert (two.learning_rate, two.batch_size, two.epochs, two.eval_every_steps) == (1e-6, 3, 30, 100)
    assert two.resume_from is not None
    assert (two.resume_from.phase, two.resume_from.checkpoint) == ("phase1", "step 1500")
    assert {name: level.mel_ce for name, level in two.success.items()} == {
        "minimum": 3.0,
        "target": 2.5,
        "exceptional": 2.0,
    }
    rules = ["text_ce_above", "no_improvement", "overfitting", "exploding"]
    assert [rule.rule for phase in (one, two) for rule in phase.stop_when] == rules * 2
    assert declaration.decision.quality == {}  # nobody has listened to anything on this machine


@pytest.mark.parametrize(
    ("mel_ce", "quality", "answer"),
    [
        (2.4, 9.0, ("phase2", "excellent")),
        (2.7, 8.8, ("phase2", "improved")),
        (2.7, 8.95, ("phase2", "improved")),
        (3.2, 8.5, ("phase1", "marginal gain")),
        (3.5, 8.6, ("phase1", "marginal gain")),
        (3.6, 8.0, ("phase1", "no improvement")),
        (2.4, 8.0, ("phase1", "no improvement, as heard")),
        (3.6, 9.0, ("phase2", "improved, as heard")),
        (2.4, None, ("phase2", "excellent by mel_ce")),
        (2.5, None, ("phase2", "improved by mel_ce")),
        (3.5, None, ("phase1", "marginal gain by mel_ce")),
        (3.51, None, ("phase1", "no improvement by mel_ce")),
    ],
)
def test_top_level_matrix(mel_ce: float, quality: float | None, answer: tuple[str, str], tmp_path: Path) -> None:
    for row in load_declaration(_copy(ROOT, tmp_path)).decision.rows:
        mel_holds = row.mel_ce is None or row.mel_ce.holds(mel_ce)
        if mel_holds and (row.quality is None or (quality is not None and row.quality.holds(quality))):
            assert (row.ship, row.verdict) == answer
            return
    pytest.fail("no row holds")


def test_demo_speaks_what_no_model_of_it_has_heard() -> None:
    """The sentences are those that the demo's recordings and its base's training leave out."""
    source = (DEMO / "build" / "make_voice.py").read_text(encoding="utf-8")
    left_out = next(
        ast.literal_eval(node.value)
        for node in ast.parse(source).body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "UTTERANCES"
    )
    said = read_document(DEMO / "eval" / "utterances.yaml", "utterances.yaml")
    assert [entry["text"] for _, entry in said.entries("sentences")] == list(left_out)


def _schema_of(path: Path) -> Path:
    first = path.read_text(encoding="utf-8").splitlines()[0]
    key, _, relative = first.partition("$schema=")
    assert key == "# yaml-language-server: "
    return path.parent / relative


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_agrees_with_the_schema_that_editors_use(path: Path) -> None:
    schema = json.loads(_schema_of(path).read_text(encoding="utf-8"))
    document: Document = read_document(path, path.name)
    jsonschema.Draft202012Validator(schema).validate(document.data)


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_other_yaml_readers_read_the_same(path: Path) -> None:
    """A shipped file means the same to plain PyYAML, which reads 5e-6 as text."""
    assert yaml.safe_load(path.read_text(encoding="utf-8")) == read_document(path, path.name).data
