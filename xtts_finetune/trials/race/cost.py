"""What a race cost, against what it would have cost to run the five remedies to the end."""

from __future__ import annotations

import math

from xtts_finetune.records.race import Cost
from xtts_finetune.trials.halving import FIVE, MOST_PERCENT
from xtts_finetune.trials.race.race import Course, why_race_is_over
from xtts_finetune.trials.race.remedies import AVERAGED, CONTROL
from xtts_finetune.trials.race.setup import RaceFolder, Setup
from xtts_finetune.trials.trials import Outcome


def cost_of(folder: RaceFolder, setup: Setup, course: Course) -> Cost:
    """The cost of the race as far as it is; that of further seeds beside it."""
    trained = [outcome for name, outcome in course.outcomes.items() if name != AVERAGED]
    control = course.outcomes.get(CONTROL, Outcome(CONTROL))
    # By its length, as a stop rule may have ended the control before.
    to_the_end = control.clips * setup.steps / control.step if control.step else 0.0
    clips, five = sum(outcome.clips for outcome in trained), round(FIVE * to_the_end)
    return Cost(
        seconds=math.fsum(outcome.seconds for outcome in course.outcomes.values()),
        clips=clips,
        five_to_the_end=five,
        share_of_five=clips / five if five else None,
        most_share=MOST_PERCENT / 100,
        why_over=why_race_is_over(folder, setup),
        seeds=len(course.further),
        seeds_seconds=math.fsum(outcome.seconds for outcome in course.further),
        seeds_clips=sum(outcome.clips for outcome in course.further),
    )
