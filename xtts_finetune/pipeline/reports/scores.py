"""What the instruments read from utterances, as the report shows it: beside each player, the worst first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from xtts_finetune.records.run_folder import RunFolder
from xtts_finetune.records.scores import UtteranceScores, read_scores

# By candidate, sentence and seed.
AllScores = Mapping[tuple[str, str, int], UtteranceScores]

_READINGS = (
    ("pitch", "f0_median_hz", "{:.0f} Hz"),
    ("pace", "pace", "{:.1f} characters/s"),
    ("loudness", "level_lufs", "{:.1f} LUFS"),
    ("voice", "similarity", "{:.2f}"),
    ("MCD", "mcd_db", "{:.1f} dB"),
    ("CER", "cer", "{:.0%}"),
    ("noise", "noise_mos", "{:.1f} of 5"),
)


def collect_scores(run: RunFolder, names: Sequence[str]) -> AllScores:
    """The scores of everything that was scored."""
    found = {}
    for name in names:
        scores = read_scores(run.candidate(name).scores_json)
        for each in scores.utterances if scores is not None else ():
            found[name, each.id, each.seed] = each
    return found


def readings(scores: UtteranceScores) -> tuple[tuple[str, str], ...]:
    """The numbers that are there, each with its name and unit."""
    pairs = [(name, getattr(scores, key), layout) for name, key, layout in _READINGS]
    shown = [
        (name, layout.format(value).replace("%", " %")) for name, value, layout in pairs if value is not None
    ]
    return (*shown, ("heard", f"“{scores.heard}”")) if scores.heard else tuple(shown)


def badness(said: Sequence[UtteranceScores]) -> tuple[int, float, float]:
    """For sorting: utterances with faults, then characters heard wrongly, then distance to the recording."""
    faulty = sum(bool(each.faults) for each in said)
    return faulty, _mean([each.cer for each in said]), _mean([each.mcd_db for each in said])


def _mean(values: Sequence[float | None]) -> float:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else 0.0
