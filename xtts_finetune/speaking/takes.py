"""What was spoken of a script: a FLAC for every line, kept by what it was made of, so that nothing is said twice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xtts_finetune.records.atomic import atomic_path, json_or_none, write_json_atomic

if TYPE_CHECKING:
    from xtts_finetune.xtts.speech.speech import Speech

# In the folder that a script is spoken into.
FOLDER, BATCH, TRIAL = "takes", "batch.json", "trial.flac"


@dataclass(frozen=True)
class Take:
    """A line as it was spoken.

    cut     the model did not come to an end by itself
    tries   how often it was spoken; 0 where nothing was checked
    faults  what is wrong with it, in words
    """

    seconds: float
    seed: int
    cut: bool
    pieces: tuple[str, ...]
    tries: int = 0
    faults: tuple[str, ...] = ()


class Takes:
    """The takes in a folder.

    Lines are spoken in batches, and what a batch holds has a say in its rounding. So the batch that is being spoken is
    written down first: after a kill it is spoken again as it was, and all files come out the same.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder / FOLDER

    def sound(self, key: str) -> Path:
        """The file of a line."""
        return self._folder / f"{key}.flac"

    def get(self, key: str) -> Take | None:
        """What is known of a line that was spoken; None where it was not, or not wholly."""
        if not self.sound(key).is_file():
            return None
        return json_or_none(self._record(key), _take)

    def known(self, key: str) -> Take:
        """What is known of a line that was spoken. Raises OSError where its take is gone."""
        take = self.get(key)
        if take is None:
            raise FileNotFoundError(2, "it is gone", str(self.sound(key)))
        return take

    def keep(self, key: str, speech: Speech, seed: int, tries: int, faults: Sequence[str]) -> None:
        """Write a line down, its sound first; one that is there stays as it is."""
        if self.get(key) is not None:
            return
        _write(self.sound(key), speech)
        take = Take(round(speech.seconds, 4), seed, speech.reached_limit, speech.pieces, tries, tuple(faults))
        write_json_atomic(self._record(key), asdict(take))

    def try_out(self, speech: Speech) -> Path:
        """A file of it, for those who read files; the next one takes its place."""
        _write(self._folder / TRIAL, speech)
        return self._folder / TRIAL

    def begin(self, keys: Sequence[str]) -> None:
        """Write down which lines are spoken together now."""
        write_json_atomic(self._folder / BATCH, {"keys": list(keys)})

    def begun(self) -> list[str]:
        """The lines that were spoken together when it ended; none where nothing was on its way."""
        return json_or_none(self._folder / BATCH, lambda found: [str(key) for key in found["keys"]]) or []

    def end(self) -> None:
        """All lines that were begun are there."""
        (self._folder / TRIAL).unlink(missing_ok=True)
        (self._folder / BATCH).unlink(missing_ok=True)

    def forget_all_but(self, keys: Sequence[str]) -> None:
        """Remove takes of lines that the script no longer has."""
        wanted = set(keys)
        for path in [*self._folder.glob("*.flac"), *self._folder.glob("*.json")]:
            if path.stem not in wanted and path.name != BATCH:
                path.unlink(missing_ok=True)

    def _record(self, key: str) -> Path:
        return self._folder / f"{key}.json"


def _write(path: Path, speech: Speech) -> None:
    import soundfile  # noqa: PLC0415  heavy

    with atomic_path(path) as temporary:
        wave = speech.wave.clip(-1.0, 1.0)
        soundfile.write(str(temporary), wave, speech.sample_rate, subtype="PCM_16", format="FLAC")


def _take(found: Mapping[str, Any]) -> Take:
    return Take(
        seconds=float(found["seconds"]),
        seed=int(found["seed"]),
        cut=bool(found["cut"]),
        pieces=tuple(map(str, found["pieces"])),
        tries=int(found["tries"]),
        faults=tuple(map(str, found["faults"])),
    )
