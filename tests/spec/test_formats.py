"""Where a data set keeps its texts: what is missing is named, with what lies there instead."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.spec.wrong_declarations import RIGHT, write_files
from xtts_finetune.errors import DeclarationError
from xtts_finetune.pipeline.plan.inputs import phase_inputs
from xtts_finetune.spec.declaration import load_declaration
from xtts_finetune.spec.formats import FORMATS, METADATA, find_metadata
from xtts_finetune.spec.languages import as_xtts_names_it


def put(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


def test_every_format_says_where_its_texts_are() -> None:
    assert set(METADATA) == set(FORMATS)


@pytest.mark.parametrize("format", FORMATS)
def test_the_usual_file_is_found_and_the_declared_one_wins(tmp_path: Path, format: str) -> None:
    for name in METADATA[format][:1]:
        put(tmp_path, name, "sub/other names.tsv")
        assert find_metadata(tmp_path, format, None) == tmp_path / name
        assert find_metadata(tmp_path, format, "sub/other names.tsv") == tmp_path / "sub/other names.tsv"
    if format == "folder":
        assert find_metadata(tmp_path, format, None) is None


@pytest.mark.parametrize(
    "format, metadata, there, said",
    [
        ("ljspeech", None, [], "has no metadata.csv, which holds the clips' texts"),
        ("coqui", None, ["validated.tsv"], "it has validated.tsv, as the format 'common_voice' does"),
        ("common_voice", None, ["metadata.csv"], "it has metadata.csv, as the format 'ljspeech' does"),
        ("ljspeech", None, ["metadata.jsonl"], "it has metadata.jsonl, as the format 'jsonl' does"),
        ("coqui", None, ["a.wav", "a.txt"], "a text next to its sounds, as the format 'folder' does"),
        ("common_voice", None, ["train.tsv"], "if it is one of 'train.tsv', name it with 'metadata'"),
        ("common_voice", "trian.tsv", ["train.tsv"], "has no 'trian.tsv', which 'metadata' names"),
        ("jsonl", "x" * 5000, [], "which 'metadata' names"),
        ("jsonl", "a\0b", [], "which 'metadata' names"),
        ("audiofolder", None, [], "has no metadata.csv or metadata.jsonl"),
        ("audiofolder", None, ["metadata.csv", "metadata.jsonl"], "say with 'metadata' which one counts"),
    ],
)
def test_what_is_missing_is_named_with_what_lies_there(
    tmp_path: Path, format: str, metadata: str | None, there: list[str], said: str
) -> None:
    put(tmp_path, *there)
    with pytest.raises(ValueError) as error:
        find_metadata(tmp_path, format, metadata)
    assert said in str(error.value)


@pytest.mark.parametrize(
    "code, name",
    [
        ("hu", "hu"),
        ("en-US", "en"),
        ("en_gb", "en"),
        ("pt-BR", "pt"),
        ("zh-CN", "zh-cn"),
        ("zh_TW", "zh-cn"),
        ("zh-HK", "zh-hk"),
        ("zh", "zh-cn"),
        (" Hungarian ", "hu"),
        ("sw", "sw"),
        ("nn-NO", "nn-no"),
    ],
)
def test_locales_become_the_names_of_xtts(code: str, name: str) -> None:
    assert as_xtts_names_it(code) == name


def declared(folder: Path, second: str, *files: str) -> Path:
    """A right declaration but for its second data set."""
    pipeline = RIGHT["pipeline.yaml"].decode()
    old = "{name: second, path: data/second, format: coqui, speaker: anna}"
    assert old in pipeline
    put(folder, *files)
    return write_files({**RIGHT, "pipeline.yaml": pipeline.replace(old, second).encode()}, folder)


def test_metadata_and_weight_are_read(tmp_path: Path) -> None:
    entry = "{name: second, path: data/cv, format: common_voice, metadata: train.tsv, weight: 0.5}"
    declaration = load_declaration(declared(tmp_path, entry, "data/cv/train.tsv"))
    first, second = declaration.pipeline.datasets
    assert (first.metadata, first.weight) == (None, 1.0)
    assert (second.metadata, second.weight) == (Path("train.tsv"), 0.5)
    inputs = phase_inputs(declaration, "phase1", "", None, None)
    assert {key: value for key, value in inputs.items() if "weight:" in f"{key}:" and "datasets" in key} == {
        "datasets.second.weight": 0.5
    }


@pytest.mark.parametrize(
    "entry, said",
    [
        ("format: coqui, weight: 0", "datasets[1].weight: expected a number above 0 and of at most 100"),
        (
            "format: coqui, metadata: other.csv",
            "datasets[1].metadata: the folder 'data/second' has no 'other",
        ),
        ("format: folder, metadata: x.csv", "'folder' has no metadata file"),
        ("format: coqui, header: true", "'header' is for the format 'table'; write 'format: table'"),
        ("format: table, columns: [audio, speaker]", "name the columns 'audio' and 'text', such as"),
        ("format: table, columns: [audio, words]", "expected one of 'audio', 'text', 'speaker'"),
        ("format: ljspeech, encoding: cp12500", "'cp12500' is not an encoding; for example cp1250"),
        ("format: jsonl", "has no metadata.jsonl, which holds the clips' texts; it has metadata.csv, as the"),
    ],
)
def test_faults_of_a_data_set_are_errors_of_the_declaration(tmp_path: Path, entry: str, said: str) -> None:
    with pytest.raises(DeclarationError) as error:
        load_declaration(declared(tmp_path, f"{{name: second, path: data/second, {entry}}}"))
    assert said in str(error.value)
    assert "pipeline.yaml:6: " in str(error.value)


def test_one_folder_may_hold_two_data_sets_in_two_files_only(tmp_path: Path) -> None:
    entry = "{{name: second, path: data/first, format: ljspeech, metadata: {}}}"
    file = declared(tmp_path, entry.format("more.csv"), "data/first/more.csv")
    assert len(load_declaration(file).pipeline.datasets) == 2
    with pytest.raises(DeclarationError, match="reads the same folder"):
        load_declaration(declared(tmp_path, entry.format("metadata.csv")))
