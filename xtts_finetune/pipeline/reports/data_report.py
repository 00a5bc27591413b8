"""DATA.html: what was found in the clips, one file for people, offline; each clip is in memory once."""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from xtts_finetune.data.findings import ADVICE, CURE, spoken_characters
from xtts_finetune.data.sound.audio import AudioError, load_audio
from xtts_finetune.look.charts import Histogram, draw_histogram
from xtts_finetune.look.templating import html_page
from xtts_finetune.numbers.fixed import SAMPLE_RATE
from xtts_finetune.pipeline.reports.data_report_model import DataPage, LeftOut, OddClip, Oddity, SetLine, Tallies
from xtts_finetune.pipeline.reports.players import data_uri
from xtts_finetune.pipeline.reports.side_by_side import heard_otherwise, is_read_otherwise, reading
from xtts_finetune.records.atomic import write_text_atomic
from xtts_finetune.records.clips import (
    ClipRecord,
    ClipWarning,
    DroppedClip,
    DropReason,
    WarningKind,
    iter_clips,
    read_dropped,
)
from xtts_finetune.records.run_folder import RunFolder
from xtts_finetune.spec.declaration import Declaration


def write_data_page(declaration: Declaration, run: RunFolder) -> Path:
    """Write the page from the records of the clips, and return its path.

    It needs nothing beside itself, but for the recordings that it only names. Raises UserError for a record
    that cannot be read.
    """
    write_text_atomic(run.data_page, render_data(collect_data(declaration, run)))
    return run.data_page


def render_data(page: DataPage) -> str:
    """The page. Everything from data sets and declarations is escaped: text never becomes markup."""
    return html_page("data.html.j2", ("data.css",), ("one_at_a_time.js",), page=page)


# More than anybody reads on a page; the records have them all.
SHOWN_OF_A_KIND = 30
SHOWN_READINGS = 60
PLAYERS = 20
# Seconds of a player, and bytes of all of them as they stand in the page.
LONGEST_PLAYER = 15.0
MOST_BYTES = 9_000_000

Worst = dict[WarningKind, list[tuple[float, int, ClipRecord, ClipWarning]]]


def collect_data(declaration: Declaration, run: RunFolder) -> DataPage:
    """The page's content. Raises UserError for a record that cannot be read."""
    tallies = Tallies({spec.name: SetLine(spec.name) for spec in declaration.pipeline.datasets})
    worst: Worst = defaultdict(list)
    for place, clip in enumerate(iter_clips(run.clips)):
        _count(tallies, clip)
        for warning in clip.warnings:
            tallies.kinds[warning.kind.value] += 1
            # The clip's place decides between two that are equally odd, so that the first is shown first.
            _push(worst[warning.kind], (warning.severity, -place, clip, warning))
    dropped = read_dropped(run.dropped)
    for left_out in dropped:
        tallies.sets[left_out.dataset].dropped += 1
    return DataPage(
        title=declaration.pipeline.name,
        base=Path(declaration.pipeline.base).name,
        datasets=tuple(tallies.sets.values()),
        histograms=_histograms(tallies),
        left_out=_left_out(dropped),
        oddities=_with_players(_oddities(worst, tallies.kinds)),
        readings=tuple(tallies.readings),
        changed=tallies.changed,
    )


def _count(tallies: Tallies, clip: ClipRecord) -> None:
    line = tallies.sets[clip.dataset]
    line.clips += 1
    line.seconds += clip.seconds
    line.eval_clips += clip.split == "eval"
    line.warned += bool(clip.warnings)
    line.speakers.add(clip.speaker)
    line.languages.add(clip.language)
    line.lengths.append(clip.seconds)
    line.rates.append(spoken_characters(clip.normalised) / max(clip.seconds, 0.01))
    if is_read_otherwise(clip):
        tallies.changed += 1
        if len(tallies.readings) < SHOWN_READINGS:
            tallies.readings.append(reading(clip))


def _push(
    heap: list[tuple[float, int, ClipRecord, ClipWarning]], item: tuple[float, int, ClipRecord, ClipWarning]
) -> None:
    """Keep the worst few."""
    if len(heap) < SHOWN_OF_A_KIND:
        heapq.heappush(heap, item)
    elif item[:2] > heap[0][:2]:
        heapq.heapreplace(heap, item)


def _histograms(tallies: Tallies) -> tuple[Histogram, ...]:
    lengths = [length for line in tallies.sets.values() for length in line.lengths]
    rates = [rate for line in tallies.sets.values() for rate in line.rates]
    drawn = (
        draw_histogram("Length of the clips", "seconds", lengths),
        draw_histogram("Characters a second", "characters a second", rates),
    )
    return tuple(histogram for histogram in drawn if histogram is not None)


def _left_out(dropped: Sequence[DroppedClip]) -> tuple[LeftOut, ...]:
    counts = Counter(clip.reason for clip in dropped)
    return tuple(
        LeftOut(
            reason.value,
            CURE[reason],
            count,
            tuple(clip for clip in dropped if clip.reason is reason)[:SHOWN_OF_A_KIND],
        )
        for reason, count in sorted(counts.items(), key=lambda item: (-item[1], list(DropReason).index(item[0])))
    )


def _oddities(worst: Worst, counts: Counter[str]) -> list[Oddity]:
    oddities = []
    for kind in WarningKind:
        if kind in worst:
            clips = [
                _odd(clip, warning)
                for _, _, clip, warning in sorted(worst[kind], key=lambda item: item[:2], reverse=True)
            ]
            oddities.append(Oddity(kind.value, ADVICE[kind], counts[kind.value], tuple(clips)))
    return oddities


def _odd(clip: ClipRecord, warning: ClipWarning) -> OddClip:
    odd = OddClip(clip, warning, _link(clip.audio))
    if not warning.heard:
        return odd
    written, heard = heard_otherwise(clip, warning.heard)
    return replace(odd, written=written, heard=heard)


def _with_players(oddities: Sequence[Oddity]) -> tuple[Oddity, ...]:
    """The worst of each kind get their sound into the page, in turn, as far as there is room.

    Only by listening can be told whether a text is wrong: those that are not what was heard come before all others.
    """
    chosen: dict[tuple[int, int], OddClip] = {}
    room = MOST_BYTES
    for number, rank in _in_turn(oddities):
        odd = oddities[number].clips[rank]
        source = _sound(odd.clip.audio)
        room -= len(source)
        if room < 0:
            break
        chosen[number, rank] = replace(odd, source=source)
    return _filled(oddities, chosen)


def _in_turn(oddities: Sequence[Oddity]) -> list[tuple[int, int]]:
    """The clips that a player is for, as the number of their kind and their rank in it."""
    first = [
        (number, rank)
        for number, oddity in enumerate(oddities)
        if oddity.kind == WarningKind.OTHER_WORDS.value
        for rank in range(len(oddity.clips))
    ]
    others = [
        (number, rank)
        for rank in range(SHOWN_OF_A_KIND)
        for number, oddity in enumerate(oddities)
        if rank < len(oddity.clips) and (number, rank) not in first
    ]
    return first + others[:PLAYERS]


def _filled(oddities: Sequence[Oddity], chosen: dict[tuple[int, int], OddClip]) -> tuple[Oddity, ...]:
    return tuple(
        replace(oddity, clips=tuple(chosen.get((number, rank), odd) for rank, odd in enumerate(oddity.clips)))
        for number, oddity in enumerate(oddities)
    )


def _sound(audio: Path) -> str:
    """The sound as the model hears it, packed into an address; empty where it cannot be read any more."""
    try:
        return data_uri(load_audio(audio, at_most_seconds=LONGEST_PLAYER).wave, SAMPLE_RATE)
    except AudioError:
        return ""


def _link(audio: Path) -> str:
    """The file's address for a browser."""
    return audio.absolute().as_uri()
