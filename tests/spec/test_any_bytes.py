"""Whatever stands in a file or on the command line: a declaration or DeclarationError, nothing else."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.spec.wrong_declarations import RIGHT, write_files
from xtts_finetune.errors import DeclarationError
from xtts_finetune.spec.declaration import Declaration, load_declaration
from xtts_finetune.spec.phase import PhaseSpec
from xtts_finetune.spec.pipeline import PipelineSpec
from xtts_finetune.spec.utterances import UtterancesSpec

FILES = [name for name in RIGHT if name.endswith(".yaml")]
WORDS = sorted(
    {*PipelineSpec.model_fields, *PhaseSpec.model_fields, *UtterancesSpec.model_fields}
    | {
        "rule",
        "text_ce_above",
        "phase1",
        "best",
        "step 5",
        "base",
        "../x",
        "\x00",
        "\ud800",
        "",
        "no",
        "1e-6",
        "nul",
    }
)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.sampled_from(WORDS)
    | st.text(max_size=8)
    | st.text(min_size=300, max_size=400),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(WORDS) | st.text(max_size=5), inner, max_size=6)
    ),
    max_leaves=12,
)
SOME = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def _load(file: str, content: bytes, overrides: tuple[str, ...] = ()) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = write_files({**RIGHT, file: content}, Path(folder))
        try:
            assert isinstance(load_declaration(path, overrides), Declaration)
        except DeclarationError as error:
            assert error.problems
            assert all(problem.where and problem.message for problem in error.problems)


@SOME
@given(st.sampled_from(FILES), st.binary(max_size=200))
def test_any_bytes(file: str, content: bytes) -> None:
    _load(file, content)


@SOME
@given(st.sampled_from(FILES), st.text("ab:-[]{}&*!|>'\"%@`#,?<\n\t \\0 1.e=~xuU", max_size=60))
def test_any_text_that_looks_like_yaml(file: str, content: str) -> None:
    _load(file, content.encode("utf-8"))


@SOME
@given(st.sampled_from(FILES), VALUES)
def test_any_values(file: str, value: object) -> None:
    _load(file, yaml.safe_dump(value).encode("utf-8", "surrogatepass"))


@SOME
@given(st.sampled_from(FILES), st.data())
def test_any_value_in_a_right_file(file: str, data: st.DataObject) -> None:
    content = yaml.safe_load(RIGHT[file])
    content[data.draw(st.sampled_from([*content, *WORDS]))] = data.draw(VALUES)
    _load(file, yaml.safe_dump(content).encode("utf-8", "surrogatepass"))


@SOME
@given(
    st.text(max_size=40)
    | st.builds("{}.{}={}".format, st.sampled_from(WORDS), st.sampled_from(WORDS), st.text(max_size=9))
)
def test_any_override(setting: str) -> None:
    _load(FILES[0], RIGHT[FILES[0]], (setting,))


@pytest.mark.parametrize(
    "content",
    [
        b'goal: "\\UFFFFFFFF"',
        b"%YAML 9.9\n---\na: b",
        b"? [a]\n: b",
        b"<<: 3",
        b"a: !!int x",
        b"a: !!float x",
    ],
)
def test_rare_yaml(content: bytes) -> None:
    _load("phases/phase1.yaml", content)
