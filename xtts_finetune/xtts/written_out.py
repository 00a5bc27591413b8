"""A text with its numbers, abbreviations and signs written out as Coqui's cleaner does it, without importing torch."""

from __future__ import annotations

import ast
import importlib.util
import re
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from xtts_finetune.xtts.cleaning import read_numbers, reads_numbers, without_region

Table = Mapping[str, Sequence[tuple[re.Pattern[str], str]]]
# Where Coqui's package has its tables, and what they are called there: abbreviations first, as its cleaner goes.
_PLACE = Path("tts") / "layers" / "xtts" / "tokenizer.py"
_TABLES = ("_abbreviations", "_symbols_multilingual")


def written_out(text: str, language: str) -> str:
    """The text as it will be spoken, in lower case; '' for a language that is not written in an alphabet.

    Raises whatever num2words raises for a number that it cannot read.
    """
    code = without_region(language)
    if not reads_numbers(code):
        return ""
    text = read_numbers(text, code)
    for table in _tables():
        for pattern, spoken in table.get(code, ()):
            text = pattern.sub(spoken, text)
    return " ".join(text.split())


@cache
def _tables() -> tuple[Table, ...]:
    """Coqui's own, read out of its source: importing that takes torch along. None where it is not as expected."""
    package = importlib.util.find_spec("TTS")
    if package is None or package.origin is None:
        return ()
    try:
        source = ast.parse((Path(package.origin).parent / _PLACE).read_text(encoding="utf-8"))
    except (OSError, SyntaxError):
        return ()
    found = {}
    for node in source.body:
        if isinstance(node, ast.Assign) and isinstance(target := node.targets[0], ast.Name) and target.id in _TABLES:
            code = compile(ast.Expression(node.value), str(_PLACE), "eval")
            found[target.id] = eval(code, {"re": re})  # noqa: S307  importing the package would run it as well
    return tuple(found[name] for name in _TABLES if name in found)
