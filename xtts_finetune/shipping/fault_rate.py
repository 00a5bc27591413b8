"""How often the model makes a sound that is faulty, and how often after it was spoken again, as `speak` does it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from xtts_finetune.data.hearing.ears import Ears
from xtts_finetune.evaluation.scores import scale_of
from xtts_finetune.records.heard.scores import UtteranceScores, read_scores
from xtts_finetune.shipping.plan import ShipPlan
from xtts_finetune.spec.utterances import InferenceSpec

if TYPE_CHECKING:
    from pathlib import Path

    from xtts_finetune.xtts.speech.speech import Speaker

TRIES = 3
Z = 1.96


def fault_rate(plan: ShipPlan, speaker: Speaker, trial: Path) -> dict[str, int] | None:
    """Samples in all, those with a fault, and those still faulty after `TRIES` tries; None where none were checked.

    trial   a file for instruments, which is left there
    """
    scores = read_scores(plan.run.candidate(plan.candidate).scores_json)
    if scores is None or not scores.spoken or not plan.run.voice_json.is_file():
        return None
    faulty = [each for each in scores.utterances if each.faults]
    left = _still_faulty(plan, faulty, speaker, trial) if faulty else 0
    return {"samples": scores.spoken, "faulty": len(faulty), "left": left, "tries": TRIES}


def _still_faulty(plan: ShipPlan, faulty: Sequence[UtteranceScores], speaker: Speaker, trial: Path) -> int:
    from xtts_finetune.evaluation.checking import checker, further_seed  # noqa: PLC0415  heavy
    from xtts_finetune.evaluation.instruments.instrument import Sound  # noqa: PLC0415  heavy
    from xtts_finetune.evaluation.instruments.panel import Panel  # noqa: PLC0415  heavy
    from xtts_finetune.evaluation.tails import without_tail  # noqa: PLC0415
    from xtts_finetune.evaluation.utterances import write_wav  # noqa: PLC0415
    from xtts_finetune.xtts.speech.speech import Line  # noqa: PLC0415  heavy

    panel = Panel(Ears.of(plan.declaration))
    check = checker(scale_of(plan.declaration, plan.run, panel, lambda *_: None), panel)
    languages = {utterance.file: utterance.language for utterance in plan.spoken.utterances}
    texts = [utterance.text for utterance in plan.spoken.utterances]
    waiting = [each for each in faulty if each.file in languages]
    gone = len(faulty) - len(waiting)
    for attempt in range(1, TRIES):
        lines = [Line(each.text, languages[each.file], further_seed(each.seed, attempt)) for each in waiting]
        found = []
        for place, raw in speaker.speak_many(lines, InferenceSpec.model_validate(dict(plan.spoken.settings))):
            speech = replace(raw, wave=without_tail(raw.wave, raw.sample_rate))
            write_wav(trial, speech)
            sound, text = Sound(trial, speech.wave, speech.sample_rate), lines[place].text
            others = [other for other in texts if other != text]
            if check(sound, text, lines[place].language, speech.reached_limit, others).faults:
                found.append(waiting[place])
        waiting = found
        if not waiting:
            break
    return len(waiting) + gone


def in_thousand(count: int, of: int) -> str:
    """'63 in 1,000 (11 to 283)': a share with Wilson's interval of 95 % (Wilson 1927)."""
    share = count / of
    middle, spread = share + Z**2 / (2 * of), Z * (share * (1 - share) / of + Z**2 / (4 * of**2)) ** 0.5
    low, high = ((middle + sign * spread) / (1 + Z**2 / of) for sign in (-1, 1))
    return f"{1000 * share:.0f} in 1,000 ({1000 * max(low, 0.0):.0f} to {1000 * min(high, 1.0):.0f})"


def fault_words(rate: Mapping[str, int] | None) -> str:
    """For the card; empty where nothing is known."""
    if not rate:
        return ""
    before = (
        f"Of {rate['samples']} samples {rate['faulty']} had a fault: {in_thousand(rate['faulty'], rate['samples'])}"
    )
    after = f"{rate['left']}: {in_thousand(rate['left'], rate['samples'])}"
    return (
        f"{before}. Spoken again with another seed where one failed, {rate['tries']} times at most, as "
        f"`xtts-finetune speak` does it, {after}. In brackets what the true share may be, with 95 % confidence."
    )
