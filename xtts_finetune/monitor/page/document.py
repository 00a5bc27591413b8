"""The page itself: one document without a request to anywhere else."""

from __future__ import annotations

import base64
import hashlib
import html
import json
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from xtts_finetune.look.style import look

FILES = Path(__file__).parent / "files"
SCRIPTS = ("dom.js", "plot.js", "charts.js", "sections.js", "live.js")


def page(title: str, when: str, held: Mapping[str, Any] | None = None) -> str:
    """The page as HTML; with `held` (see messages.py) it shows that and asks no server.

    The content security policy lets nothing run but the script that stands in it, and reaches no other machine.
    """
    style, script = look() + _file("monitor.css"), "\n".join(_file(name) for name in SCRIPTS)
    connect = "'none'" if held is not None else "'self'"
    policy = (
        f"default-src 'none'; script-src {_hash(script)}; style-src {_hash(style)}; connect-src {connect}; "
        "media-src 'self' data:; img-src data:; base-uri 'none'; form-action 'none'"
    )
    values = {
        "CSP": policy,
        "CSS": style,
        "JS": script,
        "TITLE": html.escape(title),
        "WHEN": html.escape(when),
        "HELD": "" if held is None else inert(held),
    }
    # In one pass, so that nothing that is put in is looked through for further places.
    parts = _file("monitor.html").split("@")
    return "".join(values.get(part, part) if number % 2 else part for number, part in enumerate(parts))


def inert(value: object) -> str:
    """JSON that cannot end the element it stands in."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


@lru_cache
def _file(name: str) -> str:
    return (FILES / name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
