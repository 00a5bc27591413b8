"""Earlier tries in words, for the terminal and the report."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

from xtts_finetune.errors import UserError
from xtts_finetune.quantities import readable_size
from xtts_finetune.records.closing import read_model_info
from xtts_finetune.records.metrics import read_metrics
from xtts_finetune.records.tries import EarlierTry, tries_bytes


def earlier_words(tries: Sequence[EarlierTry]) -> list[str]:
    """'2 earlier tries of phase2, 3.7 GB', a line a phase."""
    phases = dict.fromkeys(each.phase for each in tries)
    lines = []
    for phase in phases:
        own = [each for each in tries if each.phase == phase]
        many = "1 earlier try" if len(own) == 1 else f"{len(own)} earlier tries"
        lines.append(f"{many} of {phase}, {readable_size(tries_bytes(own))}")
    return lines


def try_facts(each: EarlierTry) -> list[str]:
    """How far a try came and how good it was, since when it is set aside and why."""
    facts = []
    with contextlib.suppress(UserError):
        info = read_model_info(each.folder)
        done = info is not None and info.get("status") == "done"
        facts.append("finished" if done else "not finished")
        best = read_metrics(each.folder.metrics).best
        if best is not None:
            facts.append(f"best mel_ce {best.mel_ce:.3f} at step {best.step}")
    if each.when:
        why = f" ({each.why})" if each.why else ""
        facts.append(f"set aside {each.when[:16].replace('T', ' ')}{why}")
    return facts
