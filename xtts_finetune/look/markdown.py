"""Texts of users in Markdown: they stay text, whatever they hold."""

from __future__ import annotations

import re

# What Markdown takes for markup within a line; an underscore inside a word is none.
_MARKUP = re.compile(r"[\\`*\[\]~$|<>&]|(?<![^\W_])_|_(?![^\W_])")
_LINK = re.compile(r"(?<=:)/(?=/)|(?<=\bwww)\.", re.IGNORECASE)
# Line ends and other controls, and those that turn the direction of what follows.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]+")
_ENTITIES = {"<": "&lt;", ">": "&gt;", "&": "&amp;"}


class Markdown(str):
    """Text that is Markdown already and goes into a page as it is."""

    __slots__ = ()


def escaped(text: str) -> Markdown:
    """`text` on one line, so that Markdown shows it as it is: no HTML, emphasis, table cell, formula or link.

    It must not stand at the start of a line, where '#', '-' and '1.' have a meaning, too.
    """
    line = " ".join(_CONTROL.sub(" ", text).split())
    line = _LINK.sub(lambda match: "\\" + match[0], _MARKUP.sub(_quoted, line))
    return Markdown(line)


def shown(value: object) -> object:
    """What a template puts into a page of Markdown: every text is escaped that is not Markdown already."""
    return escaped(value) if isinstance(value, str) and not isinstance(value, Markdown) else value


def _quoted(match: re.Match[str]) -> str:
    return _ENTITIES.get(match[0], "\\" + match[0])
