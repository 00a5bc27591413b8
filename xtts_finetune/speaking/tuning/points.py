"""What is tried: settings of inference, and which recordings the voice is taken from. And what is tried next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xtts_finetune.evaluation.whose_voice import best_references, reference_files, voice_speaker
from xtts_finetune.records.clips import read_clips
from xtts_finetune.records.run_folder import RunFolder
from xtts_finetune.spec.declaration import Declaration

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.trial import FrozenTrial

Point = dict[str, Any]
"""temperature, top_k, top_p, repetition_penalty, speed; and under `reference` which recordings, by their label."""

REFERENCE, AS_NOW = "reference", "as now"
# Low, high, step; a log scale where there is none. Beyond them XTTS rambles, or says one code for ever.
RANGES: Mapping[str, tuple[float, float, float | None]] = {
    "temperature": (0.2, 1.0, 0.05),
    "top_p": (0.5, 0.95, 0.05),
    "top_k": (10, 100, None),
    "repetition_penalty": (1.2, 12.0, None),
    "speed": (0.9, 1.1, 0.02),
}
# The first points are drawn at random, before the estimator has anything to go by.
AT_RANDOM = 8
# Further recordings of the voice that are tried, where it is taken from training clips.
MORE_CLIPS = 9


def reference_sets(declaration: Declaration, run: RunFolder) -> dict[str, tuple[Path, ...]]:
    """Recordings that the voice may be taken from, by a label for people: first what it is taken from now.

    Raises UserError as `reference_files`.
    """
    now = reference_files(declaration, run)
    sets = {AS_NOW: now}
    spec = declaration.utterances.reference
    pool: Sequence[Path] = now
    if not spec.files:
        clips = read_clips(run.clips, "train")
        chosen = best_references(clips, len(now) + MORE_CLIPS, voice_speaker(declaration, clips))
        pool = [clip.audio for clip in chosen if clip.audio.is_file()]
    for start in range(0, len(pool), 3):
        part = tuple(pool[start : start + 3])
        if len(part) == 3 and part not in sets.values():
            sets[f"clips {start + 1} to {start + 3}"] = part
    for number, file in enumerate(pool[:3], start=1):
        if (file,) not in sets.values():
            sets[f"clip {number} alone"] = (file,)
    if len(pool) > 3 and tuple(pool) not in sets.values():
        sets[f"all {len(pool)}"] = tuple(pool)
    return sets


def distributions(references: Sequence[str], now: Mapping[str, Any]) -> dict[str, BaseDistribution]:
    """The space in Optuna's terms, wide enough for what is declared `now`."""
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution  # noqa: PLC0415

    found: dict[str, BaseDistribution] = {REFERENCE: CategoricalDistribution(list(references))}
    for key, (low, high, step) in RANGES.items():
        low, high = min(low, now[key]), max(high, now[key])
        if key == "top_k":
            found[key] = IntDistribution(int(low), int(high), log=True)
        else:
            found[key] = FloatDistribution(low, high, log=step is None)
    return found


def propose(space: Mapping[str, BaseDistribution], seed: int, history: Sequence[FrozenTrial]) -> Point:
    """The next point, by the tree-structured Parzen estimator (Bergstra et al., NeurIPS 2011), as people write it.

    A pure function of the space, the seed and what the earlier points have come to.
    """
    import optuna  # noqa: PLC0415  heavy

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    sampler = optuna.samplers.TPESampler(seed=seed + len(history), n_startup_trials=AT_RANDOM)
    study = optuna.create_study(direction="maximize", sampler=sampler)
    study.add_trials(history)
    point = study.ask(dict(space)).params
    return {key: _rounded(key, value) for key, value in point.items()}


def _rounded(key: str, value: Any) -> Any:
    low, high, step = RANGES.get(key, (0, 0, None))
    if step is not None:
        return min(max(round(round(value / step) * step, 4), min(low, value)), max(high, value))
    return round(value, 1) if isinstance(value, float) else value
