"""LISTEN.html: the whole test in one file, which loads nothing and names nobody."""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping
from typing import Any

from xtts_finetune.evaluation.listening.forms import (
    FAULTS,
    LONGEST_NAME,
    LONGEST_NOTE,
    QUALITIES,
    QUALITY_HINTS,
    QUALITY_WORDS,
    VERSION,
)
from xtts_finetune.evaluation.listening.plan import Plan, Sound, Trial
from xtts_finetune.evaluation.listening.sounds import Packed
from xtts_finetune.look.commands import command
from xtts_finetune.look.templating import html_page

SCRIPTS = ("sounds.js", "state.js", "player.js", "answer.js", "app.js")
# A trial takes both sounds twice, and so long to answer.
ANSWER_SECONDS = {"full": 25.0, "short": 12.0}
PRACTICE_SECONDS = {"full": 30.0, "short": 20.0}
LESSONS = {
    "low-pass": "{bad} was the recording without its high tones: dull, as if through a wall. {good} was the whole one.",
    "noise": "{bad} was the recording with noise added; the box “Noise” is for this. {good} was the clean one.",
    "cut": "{bad} broke off before the end; the box “Cut off” is for this. {good} was the whole recording.",
}


def render_page(
    test: str,
    form: str,
    plan: Plan,
    names: Mapping[Sound, str],
    sounds: Mapping[Sound, Packed],
    reference: Sound,
    texts: Mapping[Sound, tuple[str, str]],
) -> str:
    """The page.

    names      each sound's opaque name
    reference  the real voice, labelled as such in every trial
    texts      what is said, and its language; '' where it is not known

    Texts are escaped: nothing in them becomes markup or script.
    """
    seconds = seconds_each(form, plan, sounds)
    data = {
        "version": VERSION,
        "test": test,
        "form": form,
        "reference": names[reference],
        "practice": [{**_trial(trial, names, texts), "lesson": _lesson(trial)} for trial in plan.practice],
        "trials": [_trial(trial, names, texts) for trial in plan.trials],
        "sittings": plan.sittings,
        "seconds_each": round(seconds, 1),
        # In the order of their names, which tells nothing.
        "sounds": {names[s]: base64.b64encode(sounds[s].flac).decode() for s in sorted(names, key=names.__getitem__)},
    }
    return html_page(
        "listen.html.j2",
        ("listen.css",),
        SCRIPTS,
        data,
        folder="evaluation/listening/templates",
        test=test,
        take_in=command("listen --import FILE"),
        qualities=[
            {"id": quality, "name": QUALITY_WORDS[quality], "hint": QUALITY_HINTS[quality]}
            for quality in QUALITIES[form]
        ],
        faults=[{"id": fault, "name": name} for fault, name in FAULTS.items()],
        practice=len(plan.practice),
        trials=len(plan.trials),
        sittings=len(plan.sittings),
        minutes=minutes_of(form, plan, seconds),
        longest_name=LONGEST_NAME,
        longest_note=LONGEST_NOTE,
    )


def seconds_each(form: str, plan: Plan, sounds: Mapping[Sound, Packed]) -> float:
    """How long a trial takes, about."""
    heard = [sounds[trial.a].seconds + sounds[trial.b].seconds for trial in plan.trials]
    return 2 * sum(heard) / len(heard) + ANSWER_SECONDS[form]


def minutes_of(form: str, plan: Plan, seconds: float) -> int:
    """How long the whole test takes, about."""
    return math.ceil((len(plan.trials) * seconds + len(plan.practice) * PRACTICE_SECONDS[form]) / 60)


def _trial(trial: Trial, names: Mapping[Sound, str], texts: Mapping[Sound, tuple[str, str]]) -> dict[str, Any]:
    text, language = texts[trial.a]
    sounds = {"a": names[trial.a], "b": names[trial.b]}
    return {"trial": trial.id, "text": text, "language": language, **sounds}


def _lesson(trial: Trial) -> str:
    good, bad = ("B", "A") if trial.a.damage else ("A", "B")
    return LESSONS[trial.a.damage or trial.b.damage].format(good=good, bad=bad)
