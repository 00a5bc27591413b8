"""What is written for people, from templates: pages in HTML, records and cards in Markdown, files to be edited.

There is one environment for all: what is missing is an error. In pages and in Markdown what is put in stays text,
whatever it holds.
"""

from __future__ import annotations

import base64
import hashlib
import json
import math
import re
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xtts_finetune.look.commands import command
from xtts_finetune.look.quantities import duration

if TYPE_CHECKING:
    from jinja2 import Environment, Template

PACKAGE = Path(__file__).parents[1]
PAGES = "look/templates"
# A page from disk may send no request at all; one that is served may ask its own server.
NO_REQUESTS, OWN_SERVER = "connect-src 'none'", "connect-src 'self'"


@lru_cache
def environment(folder: str = PAGES, **settings: Any) -> Environment:
    """The templates of a folder of the package and of all pages; with `number`, `percent`, `duration`, `command`."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # noqa: PLC0415  (not needed to plan)

    made = Environment(
        loader=FileSystemLoader([PACKAGE / folder, PACKAGE / PAGES]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        **settings,
    )
    made.globals["command"] = command
    made.filters.update(number=number, percent=percent, duration=duration)
    return made


def markdown_template(name: str) -> Template:
    """A template in Markdown. Texts that are Markdown already go into it as they are."""
    return environment(finalize=shown, autoescape=False, keep_trailing_newline=True).get_template(name)


def html_page(
    template: str,
    styles: Sequence[str] = (),
    scripts: Sequence[str] = (),
    data: object = None,
    *,
    folder: str = PAGES,
    served: bool = False,
    **values: object,
) -> str:
    """The page of a template that extends page.html.j2: one file that loads nothing; what is put in stays text.

    styles   files of CSS that come after look.css, in `folder` or with those of all pages, as the template is
    scripts  files of JavaScript, in the same places, that make up the page's one script
    data     what the script finds as JSON in the element 'data'; None for nothing
    served   a server of this computer answers its requests and has its sound
    """
    from markupsafe import Markup  # noqa: PLC0415

    style = look() + "".join(_text(_place(folder, name)) for name in styles)
    script = "\n".join(["'use strict';", *(_text(_place(folder, name)) for name in scripts)]) if scripts else ""
    own = {"style": style, "script": script, "policy": policy(style, script, served)}
    own["data"] = "" if data is None else inert(data)
    made = environment(folder, autoescape=True).get_template(template)
    return made.render(**{name: Markup(text) for name, text in own.items()}, **values)


def policy(style: str, script: str, served: bool = False) -> str:
    """The content security policy of a page: nothing counts or runs but this style and this script, by their hashes."""
    return "; ".join(
        (
            "default-src 'none'",
            f"style-src {_hash(style)}",
            f"script-src {_hash(script)}" if script else "script-src 'none'",
            "media-src 'self' data: blob:" if served else "media-src data:",
            "img-src data:",
            OWN_SERVER if served else NO_REQUESTS,
            "base-uri 'none'",
            "form-action 'none'",
        )
    )


def may_ask_its_server(page: str) -> str:
    """A page that was made for the disk, as a server hands it out that takes what it sends."""
    return page.replace(NO_REQUESTS, OWN_SERVER, 1)


def look() -> str:
    """What the style of every page begins with: colours, light and dark, type, tables, cards, charts."""
    return _text("look/look.css")


def inert(value: object) -> str:
    """JSON that cannot end the element of the page that it stands in."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for character in "&<>\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def _place(folder: str, name: str) -> str:
    own = f"{folder}/{name}"
    return own if (PACKAGE / own).is_file() else f"{PAGES}/{name}"


@lru_cache
def _text(path: str) -> str:
    return (PACKAGE / path).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


UNKNOWN = "–"


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


def code(text: str) -> Markdown:
    """`text` on one line as code: a command to paste, whatever stands in it."""
    line = " ".join(_CONTROL.sub(" ", text).split())
    fence = "`" * (1 + max(map(len, re.findall("`+", line)), default=0))
    gap = " " if "`" in line[:1] + line[-1:] else ""
    return Markdown(f"{fence}{gap}{line}{gap}{fence}")


def shown(value: object) -> object:
    """What a template puts into a page of Markdown: every text is escaped that is not Markdown already."""
    return escaped(value) if isinstance(value, str) and not isinstance(value, Markdown) else value


def _quoted(match: re.Match[str]) -> str:
    return _ENTITIES.get(match[0], "\\" + match[0])
