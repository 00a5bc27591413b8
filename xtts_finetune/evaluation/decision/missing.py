"""What nobody and nothing has looked at: a decision says what it does not rest on."""

from __future__ import annotations

from xtts_finetune.evaluation.decision.evidence import Evidence
from xtts_finetune.evaluation.decision.model import NOT_RUN
from xtts_finetune.evaluation.decision.words import listed


def not_measured(evidence: Evidence) -> tuple[str, ...]:
    """In words, what matters most first."""
    there = [each.name for each in evidence.candidates if each.status != NOT_RUN or each.mel_ce is not None]
    missing = []
    if evidence.heard is None and any(each.quality is not None for each in evidence.candidates):
        missing.append("how sure the marks are: they were written by hand, without a listening test")
    elif evidence.heard is None:
        missing.append("how it sounds: nobody has listened")
    elif unheard := [name for name in there if name not in evidence.heard.names]:
        missing.append(f"how {listed(unheard)} sound{'s' if len(unheard) == 1 else ''} to listeners")
    if unscored := [name for name in there if name not in evidence.scores]:
        missing.append(f"the gate and the instruments of {listed(unscored)}")
    if waiting := [each.name for each in evidence.candidates if each.mel_ce is None]:
        missing.append(f"mel_ce of {listed(waiting)}")
    why: dict[str, str] = {}
    for name in there:
        why |= evidence.scores.get(name, {}).get("not_measured", {})
    missing += [f"{instrument}: {reason}" if reason else instrument for instrument, reason in why.items()]
    return tuple(missing)
