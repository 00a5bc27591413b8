"""The page as one file that needs no server, as the runs are now."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from xtts_finetune.monitor.page.document import page
from xtts_finetune.monitor.page.messages import message
from xtts_finetune.monitor.run import RunWatch
from xtts_finetune.monitor.sounds import sound_file
from xtts_finetune.times import now

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
