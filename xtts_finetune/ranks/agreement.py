"""What all ranks must agree on before the first step: each says what it has, and all come to the same verdict.

Machines have their own copies of the declaration, the base and the clips. Where one differs, training would go wrong
in silence, or end an hour later; and what one machine lacks is everybody's error, said once, with its name.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from typing import Any

from xtts_finetune.data.batching.index import ClipIndex
from xtts_finetune.data.cache import ClipCache
from xtts_finetune.errors import UserError
from xtts_finetune.look.commands import command
from xtts_finetune.ranks.launched import Launched
from xtts_finetune.records.run_folder import RunFolder
from xtts_finetune.records.values import flat, parse_object
from xtts_finetune.spec.phase import PhaseSpec

# The longest that the fastest machine waits for the slowest to import torch and to read its clips.
WAIT = timedelta(minutes=15)
LOOKED_UP = 64
# What may differ between machines: how many GPUs each has, and words for people.
FREE = frozenset({"devices", "goal", "search", "success"})


@dataclass(frozen=True)
class Start:
    """What one rank starts with. `error` is what is wrong with its input; then the rest says nothing."""

    rank: int
    machine: str
    error: str | None = None
    phase: str = ""
    device: str = ""
    steps: int = 0
    clips: str = ""
    base: str = ""
    values: dict[str, Any] = field(default_factory=dict)


def values_of(phase: PhaseSpec) -> dict[str, Any]:
    """The phase's values that must be the same everywhere."""
    return phase.model_dump(mode="json", exclude=set(FREE))


def clips_checksum(index: ClipIndex, eval_index: ClipIndex) -> str:
    """CRC-32, 8 hexadecimal digits, of which clips there are, in their order; where their files lie does not count."""
    value = 0
    for part in (index.sounds, index.texts, eval_index.sounds, eval_index.texts):
        value = zlib.crc32(part.tobytes(), value)
    return f"{value:08x}"


def check_cache(run: RunFolder, index: ClipIndex) -> None:
    """Raise UserError when this machine's cache lacks clips: a few of them, spread over all, are looked up."""
    cache = ClipCache.open(run.cache)
    for place in range(0, len(index), max(1, len(index) // LOOKED_UP)):
        sound, text = index.sounds[place].tobytes().hex(), index.texts[place].tobytes().hex()
        if cache.find(sound, text, evaluation=False) is None:
            raise UserError(
                f"{run.cache}: not all clips of {index.file.name} are here; copy the whole folder from the machine "
                f"that prepared them, or prepare them here: {command('prepare')}"
            )


def agree(place: Launched, mine: Start) -> None:
    """Return when all ranks start with the same. Raises one UserError, on all ranks alike, that says who does not."""
    store = place.connect(WAIT)
    store.set(place.key(f"start/{place.rank}"), json.dumps(asdict(mine)))
    keys = [place.key(f"start/{rank}") for rank in range(place.count)]
    store.wait(keys, WAIT)
    starts = [Start(**parse_object(text)) for text in store.multi_get(keys)]
    problem = disagreement(starts)
    if problem is not None:
        raise UserError(problem)


def disagreement(starts: Sequence[Start]) -> str | None:
    """What keeps the ranks from starting together; None when nothing does."""
    said: dict[str, list[Start]] = {}
    for start in starts:
        if start.error is not None:
            said.setdefault(start.error, []).append(start)
    if said:
        return "; ".join(_named("; ".join(text.splitlines()), who, starts) for text, who in said.items())
    first = starts[0]
    for start in starts[1:]:
        different = _difference(first, start)
        if different is not None:
            return (
                f"rank {start.rank} on {start.machine} has {different} (rank 0 on {first.machine}); give all machines "
                "the same config, base and clips"
            )
    return None


def _named(text: str, who: Sequence[Start], starts: Sequence[Start]) -> str:
    """An error with those that have it, unless all do."""
    if len(who) == len(starts):
        return text
    machines = {start.machine for start in who}
    if {start.machine for start in starts if start.error is None}.isdisjoint(machines) and len(machines) == 1:
        return f"{next(iter(machines))}: {text}"
    return ", ".join(f"rank {start.rank} on {start.machine}" for start in who) + f": {text}"


def _difference(first: Start, other: Start) -> str | None:
    for key, found in flat(other.values).items():
        wanted = flat(first.values).get(key)
        if found != wanted:
            return f"{other.phase}.{key} {found!r} instead of {wanted!r}"
    for name, what in _WORDS.items():
        found, wanted = getattr(other, name), getattr(first, name)
        if found != wanted:
            return f"{what.format(found)} instead of {what.format(wanted)}"
    return None


_WORDS: Mapping[str, str] = {
    "phase": "{}",
    "device": "device '{}'",
    "clips": "clips with checksum {}",
    "base": "a base with fingerprint {:.12}",
    "steps": "{} steps",
}
