"""Everything wrong in a declaration is said at once: file, line, key, what was found and what is allowed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.spec.wrong_declarations import RIGHT, WRONG, Wrong, write_files
from xtts_finetune.errors import DeclarationError
from xtts_finetune.spec.declaration import load_declaration


def test_the_right_declaration_is_right(tmp_path: Path) -> None:
    declaration = load_declaration(write_files(RIGHT, tmp_path))
    assert declaration.phases["phase1"].learning_rate == 5e-6


@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: wrong.name)
def test_wrong_declaration(wrong: Wrong, tmp_path: Path) -> None:
    file = write_files(wrong.files, tmp_path)
    with pytest.raises(DeclarationError) as caught:
        load_declaration(file, wrong.overrides)
    message = str(caught.value)
    for expected in wrong.expected:
        assert expected in message, message
    for jargon in ("pydantic", "http", "Input should", "Value error", "Traceback", str(tmp_path)):
        assert jargon not in message
    assert message.endswith("nothing was started.")


@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: wrong.name)
def test_one_slip_makes_one_message(wrong: Wrong, tmp_path: Path) -> None:
    """No more problems than the table names: a message that follows from another is noise."""
    with pytest.raises(DeclarationError) as caught:
        load_declaration(write_files(wrong.files, tmp_path), wrong.overrides)
    wheres = [text for text in wrong.expected if ": " in text and text.startswith(("p", "e", "-"))]
    assert len(caught.value.problems) <= max(1, len(wheres)), str(caught.value)


def test_names_are_unique() -> None:
    assert len({wrong.name for wrong in WRONG}) == len(WRONG)
