"""The page itself: one document without a request to anywhere else.

What the page is told: all runs each time, and the curves of those candidates that have moved.

The page as one file that needs no server, as the runs are now.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from xtts_finetune.look.style import look
from xtts_finetune.monitor.run import RunWatch
from xtts_finetune.monitor.sounds import sound_file
from xtts_finetune.monitor.view import Run
from xtts_finetune.quantities import now

# Sound beyond this stays where it is: the page is to be sent by mail.
MOST_SOUND_BYTES = 12_000_000


def static_page(watches: Sequence[RunWatch]) -> str:
    """Everything that is known now, the newest utterances with their sound."""
    runs = [watch.look() for watch in watches]
    held = message(watches, runs, {})
    room = MOST_SOUND_BYTES
    for watch, run in zip(watches, held["runs"], strict=True):
        for candidate in reversed(run["candidates"]):
            room = _put_sounds_in(watch.run.root, candidate["sounds"], room)
    return page(", ".join(run.name for run in runs), f"as of {now()}", held)


def _put_sounds_in(root: Path, sounds: list[dict[str, Any]], room: int) -> int:
    for sound in sounds:
        file = sound_file(root, sound["file"])
        if file is None or file.stat().st_size > room:
            continue
        content = file.read_bytes()
        room -= len(content)
        sound["data"] = "data:audio/wav;base64," + base64.b64encode(content).decode()
    return room


Sent = dict[tuple[int, str], int]


def message(watches: Sequence[RunWatch], runs: Sequence[Run], sent: Sent) -> dict[str, Any]:
    """{"runs": [...], "curves": {"0": {"phase1": {"mel_ce": [[step, low, mean, high], ...], ...}}}}.

    `sent` remembers which version of each curve the page has; it is brought up to date.
    """
    curves: dict[str, dict[str, Any]] = {}
    for number, (watch, run) in enumerate(zip(watches, runs, strict=True)):
        for one in run.candidates:
            if sent.get((number, one.name)) != one.version:
                sent[number, one.name] = one.version
                curves.setdefault(str(number), {})[one.name] = watch.curves(one.name)
    return {"runs": [run.to_json() for run in runs], "curves": curves}


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
