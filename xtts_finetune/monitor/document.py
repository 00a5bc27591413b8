"""The page, one document without a request to anywhere else, and what it is told; both in a file without a server."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from xtts_finetune.look.quantities import now
from xtts_finetune.look.templating import html_page
from xtts_finetune.monitor.run import RunWatch
from xtts_finetune.monitor.sounds import sound_file
from xtts_finetune.monitor.view import Run

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
    return page(", ".join(run.name for run in runs), f"as of {now()[:16].replace('T', ' ')}", held)


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


FOLDER = "monitor/page/files"
SCRIPTS = ("one_at_a_time.js", "dom.js", "plot.js", "charts.js", "sections.js", "live.js")


def page(title: str, when: str, held: Mapping[str, Any] | None = None) -> str:
    """The page as HTML; with `held` (see `message`) it shows that and asks no server."""
    return html_page(
        "monitor.html.j2",
        ("monitor.css",),
        SCRIPTS,
        held,
        folder=FOLDER,
        served=held is None,
        title=title,
        when=when,
    )
