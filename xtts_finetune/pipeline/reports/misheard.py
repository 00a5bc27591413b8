"""How many words the recogniser got wrong of the real recordings and of each candidate, in one sentence."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean

from xtts_finetune.records.atomic import json_or_none
from xtts_finetune.records.run_folder import RunFolder
from xtts_finetune.records.scores import read_scores


def words_misheard(run: RunFolder, names: Sequence[str]) -> str:
    """'Of the words, the recogniser got wrong: real recordings 9 %, base 79 %, ...'; '' where it has read nothing."""
    rates = {name: rate for name in names if (rate := _of(run, name)) is not None}
    if not rates:
        return ""
    own = json_or_none(run.voice_json, lambda voice: float(voice["wer"]))
    known = {} if own is None else {"real recordings": own}
    said = ", ".join(f"{name} {100 * rate:.0f} %" for name, rate in {**known, **rates}.items())
    return f"Of the words, the recogniser got wrong: {said}."


def _of(run: RunFolder, name: str) -> float | None:
    """The mean over a candidate's samples."""
    scores = read_scores(run.candidate(name).scores_json)
    known = [rate for each in scores.utterances if (rate := each.number("wer")) is not None] if scores else []
    return fmean(known) if known else None
