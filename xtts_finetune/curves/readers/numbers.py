"""Numbers as programs print them, in all spellings of what is no number: nan, -inf, 1.#IND, nan(ind), nan.0."""

from __future__ import annotations

import math
import re

# '2.71', '2,71', '1,000', '.5', '1e+30'; not the '2' of '2.7.1', nor the '1' of 'v1'.
_FINITE = r"[-+]?(?:\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+[.,]\d+|\d+\.?|\.\d+)(?:[eE][-+]?\d+)?"
# What is not finite, as C, Windows (1.#QNAN, -nan(ind)), JavaScript, YAML (.nan) and progress bars (nan.0) have it.
ENDLESS = r"[-+]?(?:\d[.,]#[A-Za-z]+\d*|\.?(?:nan|inf(?:inity)?)(?:\(\w*\))?(?:\.0*)?(?![A-Za-z0-9_])|∞)"
NUMBER = rf"(?:{ENDLESS}|{_FINITE})"
# What may stand between a name and its number: tensor(2.71, device='cuda:0'), np.float64(nan), [2.71], "2.71".
BEFORE = r"(?:(?:tensor|(?:np|numpy|torch)\.\w+|array|float)\(\s*)?[\[\"']*\s*"

_WHOLE = re.compile(rf"\s*{BEFORE}({NUMBER})[\"'\])]*(?:,\s*\w+=[^)]*\))?\s*", re.IGNORECASE)
_OF_ALL = re.compile(r"\s*(\d+)\s*/\s*\d+\s*")  # '3/50'
_SPREADSHEET = re.compile(r"#(?:NUM|DIV/0)!?", re.IGNORECASE)
_THOUSANDS = re.compile(r"[-+]?\d{1,3}(?:,\d{3})+(?:\.\d+)?")


def number_in(cell: str, counts: bool = False) -> float | None:
    """The number that a cell or a printed value is; None for an empty one or words.

    `counts` says that it is a step or an epoch, where '1,000' is a thousand; in a loss that comma is a decimal one.
    """
    if match := _WHOLE.fullmatch(cell):
        return number_of(match[1], counts)
    if match := _OF_ALL.fullmatch(cell):
        return float(match[1])
    return math.nan if _SPREADSHEET.fullmatch(cell.strip()) else None


def number_of(text: str, counts: bool = False) -> float:
    """What a text that NUMBER matches means: a finite number, NaN or an infinity."""
    lower = text.lower()
    if "#" in lower:
        endless = math.inf if "inf" in lower else math.nan
    elif "nan" in lower:
        endless = math.nan
    elif "inf" in lower or "∞" in lower:
        endless = math.inf
    else:
        several = text.count(",") > 1 or ("." in text and "," in text)
        plain = text.replace(",", "") if _THOUSANDS.fullmatch(text) and (counts or several) else text.replace(",", ".")
        return float(plain)
    return -endless if text.startswith("-") else endless
