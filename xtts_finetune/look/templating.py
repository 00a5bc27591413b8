"""The templates of what is written for people: pages in HTML, records and cards in Markdown.

In both what is put in stays text, whatever it holds, and what is missing is an error.

Texts of users in Markdown: they stay text, whatever they hold.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

from xtts_finetune.look.style import look
from xtts_finetune.quantities import duration

if TYPE_CHECKING:
    from jinja2 import Template

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


UNKNOWN = "–"


def page_template(name: str) -> Template:
    """A template of an HTML page; it knows `look` and the filters `number`, `percent` and `duration`."""
    from markupsafe import Markup  # noqa: PLC0415

    template = _template(name, autoescape=True)
    template.globals["look"] = Markup(look())
    return template


def markdown_template(name: str) -> Template:
    """A template in Markdown. Texts that are Markdown already go into it as they are."""
    return _template(name, finalize=shown, autoescape=False, keep_trailing_newline=True)


def _template(name: str, **settings: Any) -> Template:
    from jinja2 import Environment, PackageLoader, StrictUndefined  # noqa: PLC0415  (not needed to plan)

    environment = Environment(
        loader=PackageLoader("xtts_finetune.look", "templates"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        **settings,
    )
    environment.filters.update(number=number, percent=percent, duration=duration)
    return environment.get_template(name)


def number(value: float | None, digits: int) -> str:
    """A number with so many digits, or a dash where it is not known."""
    return UNKNOWN if value is None or not math.isfinite(value) else f"{value:.{digits}f}"


def percent(share: float | None) -> str:
    """A change in percent with its sign: -0.305 is '−30.5 %'."""
    if share is None or not math.isfinite(share):
        return UNKNOWN
    if abs(share) < 0.0005:
        return "±0\N{NO-BREAK SPACE}%"
    sign = "−" if share < 0 else "+"
    return f"{sign}{abs(share) * 100:.1f}\N{NO-BREAK SPACE}%"
