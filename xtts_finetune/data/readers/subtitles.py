"""SubRip (.srt), WebVTT (.vtt) and label files (.lab): what is said, without times and marks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

TIME = r"(?:(\d+):)?(\d{1,2}):(\d{1,2})[.,](\d{1,3})"
TIMES = re.compile(rf"^\s*{TIME}\s*-->\s*{TIME}")
# Tags such as <i> and <v Anna>, and what SubRip borrowed from other formats: {\an8}.
MARKS = re.compile(r"<[^<>]*>|\{\\[^{}]*\}")
# A line of phones or words with their times, in units of 100 ns or in seconds.
TIMED_LABEL = re.compile(r"^\s*\d+(\.\d+)?\s+\d+(\.\d+)?\s+\S+")
# Audacity's labels, which may be the text of nobody else.
LABEL_TRACK = re.compile(r"^\d+[.,]\d+\t\d+[.,]\d+(\t|$)")


@dataclass(frozen=True)
class Cue:
    """One subtitle, in seconds."""

    start: float
    end: float
    text: str


def cues_of(content: str) -> Iterator[Cue]:
    """The subtitles of an .srt or .vtt file in their order; comments, styles and numbers do not count."""
    for block in re.split(r"\n\s*\n", content.replace("\r\n", "\n").replace("\r", "\n")):
        lines = block.splitlines()
        place = next((at for at, line in enumerate(lines) if TIMES.match(line)), None)
        if place is None:
            continue
        times = TIMES.match(lines[place])
        text = " ".join(MARKS.sub("", line).strip() for line in lines[place + 1 :]).strip()
        if times and text:
            yield Cue(_seconds(*times.groups()[:4]), _seconds(*times.groups()[4:]), text)


def _seconds(hours: str | None, minutes: str, seconds: str, fraction: str) -> float:
    return int(hours or 0) * 3600 + int(minutes) * 60 + int(seconds) + float(f"0.{fraction}")


def is_timed(content: str, ending: str) -> bool:
    """Whether a .txt or .lab has phones or parts of a recording with their times rather than a text."""
    lines = [line for line in content.splitlines() if line.strip()]
    form = TIMED_LABEL if ending == ".lab" else LABEL_TRACK
    return bool(lines) and all(form.match(line) for line in lines)
