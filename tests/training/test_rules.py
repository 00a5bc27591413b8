"""Stop rules from a table: a history, the rules, and where and why the phase must stop."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml

from tests.training.histories import checks, falling, history, rule, steps
from xtts_finetune.records.metrics import EvalRecord, Metrics, QualityRecord, StepRecord
from xtts_finetune.records.stopping import Reason
from xtts_finetune.spec.phase import PhaseSpec
from xtts_finetune.spec.stop_rules import NoImprovement, StopRule
from xtts_finetune.training.rules import GUARDS, first_stop, replayed, rules_of
from xtts_finetune.training.rules.no_improvement import no_improvement
from xtts_finetune.training.rules.no_op import changed_nothing

ROOT = Path(__file__).parents[2]
NAN, INF = math.nan, math.inf
Where = tuple[int, Reason] | None


def shipped(path: str) -> tuple[StopRule, ...]:
    """The rules of a phase that ships."""
    return PhaseSpec.model_validate(yaml.safe_load((ROOT / path).read_text(encoding="utf-8"))).stop_when


PHASE1, PHASE2 = shipped("phases/phase1.yaml"), shipped("phases/phase2.yaml")
DEMO1, DEMO2 = shipped("samples/demo/phases/phase1.yaml"), shipped("samples/demo/phases/phase2.yaml")

# Curves that the requirements name, as far as they give numbers; the rest lies between.
PLATEAU = [7.9, 7.1, 6.8, *[6.73, 6.72, 6.71, 6.72, 6.73, 6.71, 6.72] * 4]
UNSTABLE = [0.52, 0.4304, 0.536, 0.4501, 0.5102, 0.4603, 0.5304, 0.4405, 0.521, 0.4702, 0.5301, 0.4502]
# 5.046 -> 3.507, an evaluation every 103 steps.
FIRST_RUN = [3.507 + 1.539 * (math.exp(-i / 3) - math.exp(-13 / 3)) for i in range(14)]
FIRST_RUN_TEXT = [0.0281 + 0.0122 * math.exp(-i / 2) for i in range(14)]  # 0.0403 -> 0.0281
JUMP = [3.9, 3.62, 3.48, 3.415, 4.717]


def batches_of_three(count: int, seed: int = 1) -> list[StepRecord]:
    """Losses and gradient norms as noisy as those of three clips a step are, around a falling loss."""
    luck = random.Random(seed)
    losses = [3.0 + 2.0 * math.exp(-i / 300) + luck.gauss(0, 0.45) for i in range(count)]
    return steps(losses, [luck.lognormvariate(0, 0.5) for _ in range(count)])


def of(*records: Sequence[EvalRecord] | Sequence[StepRecord] | Sequence[QualityRecord]) -> Metrics:
    """A history of these kinds of records, in any order."""
    every = [record for some in records for record in some]
    return Metrics(
        [record for record in every if isinstance(record, StepRecord)],
        [record for record in every if isinstance(record, EvalRecord)],
        [record for record in every if isinstance(record, QualityRecord)],
    )


def case(name: str, metrics: Metrics, rules: Sequence[StopRule], stops: Where) -> Any:
    return pytest.param(metrics, rules, stops, id=name)


WAIT = rule("no_improvement", steps=500)
WAIT_TEN = rule("no_improvement", evals=10)
APART = rule("overfitting", evals=3)
BANG = rule("exploding")
SOUND = rule("quality_falling")
SKIPS = [False] * 200

TABLE = [
    # No improvement
    case("plateau of 6.71-6.73, 10 evaluations", of(history(PLATEAU)), [WAIT_TEN], (1500, Reason.NO_IMPROVEMENT)),
    case("plateau of 6.71-6.73, 500 steps", of(history(PLATEAU)), [WAIT], (1000, Reason.NO_IMPROVEMENT)),
    case("plateau of 6.71-6.73 is no overfitting", of(history(PLATEAU, train=falling(31))), [APART, BANG], None),
    case("2.7 for ten epochs", of(history([2.7] * 12)), [WAIT_TEN], (1000, Reason.NO_IMPROVEMENT)),
    case("2.7 for ten epochs, better in the last", of(history([*[2.7] * 10, 2.6])), [WAIT_TEN], None),
    case("2.7 and hundredths lower now and then", of(history([2.7 - 0.01 * (i // 4) for i in range(12)])),
         [rule("no_improvement", evals=10, min_change=0.05)], (1000, Reason.NO_IMPROVEMENT)),
    case("2.7 and lower by a thousandth of it", of(history([2.7 - 0.003 * i for i in range(12)])),
         [rule("no_improvement", evals=10, min_change_of_start=0.02)], (1000, Reason.NO_IMPROVEMENT)),
    case("small falls add up to one that counts", of(history([3.5 - 0.001 * i for i in range(30)])),
         [rule("no_improvement", min_change=0.002)], None),
    case("500 steps unless declared", of(history([3.5] * 9)), [rule("no_improvement")], (500, Reason.NO_IMPROVEMENT)),
    case("flat text CE while mel CE falls", of(history([3.6 - 0.1 * i for i in range(6)])),
         [rule("no_improvement", metric="text_ce", steps=300)], (300, Reason.NO_IMPROVEMENT)),
    case("better at the last moment", of(history([3.6, 3.507, 3.51, 3.52, 3.51, 3.53, 3.4])), [WAIT], None),
    case("still falling", of(history([3.6 * 0.98**i for i in range(40)], train=falling(40, by=0.01))), PHASE2, None),
    case("a single evaluation", of(history([2.7])), [WAIT, APART, BANG], None),
    # The unstable curve
    case("0.4304-0.5360 is neither overfitting nor exploding", of(history(UNSTABLE, train=falling(12))),
         [APART, BANG], None),
    case("0.4304-0.5360 does not get better", of(history(UNSTABLE, train=falling(12))), [APART, BANG, WAIT],
         (600, Reason.NO_IMPROVEMENT)),
    # Text CE
    case("0.0403 at the start, relative limit", of(history([3.0] * 3, [0.0403, 0.0403, 0.041])),
         [rule("text_ce_above", of_start=1.4)], None),
    case("0.0403 at the start, constant limit", of(history([3.0], [0.0403])),
         [rule("text_ce_above", limit=0.04)], (0, Reason.TEXT_CE_ABOVE)),
    case("0.0403 at the start, both limits", of(history([3.0] * 3, [0.0403, 0.041, 0.042])), PHASE2, None),
    case("0.0403 at the start, above both", of(history([3.0] * 3, [0.0403, 0.05, 0.057])), PHASE2,
         (200, Reason.TEXT_CE_ABOVE)),
    case("0.028 at the start, above both", of(history([3.0] * 4, [0.028, 0.0395, 0.041, 0.03])), PHASE2,
         (200, Reason.TEXT_CE_ABOVE)),
    case("at the limit is not above it", of(history([3.0] * 3, [0.028, 0.04, 0.04])),
         [rule("text_ce_above", limit=0.04)], None),
    # Overfitting
    case("apart three times in a row", of(history([3.0, 3.1, 3.2, 3.3], train=falling(4))), [APART],
         (300, Reason.OVERFITTING)),
    case("apart, with a better evaluation in between",
         of(history([3.2, 3.0, 2.95, 3.0, 3.05, 3.03, 3.1, 3.15, 3.2], train=falling(9))), [APART],
         (800, Reason.OVERFITTING)),
    case("both rise: diverging, not overfitting", of(history([3.0, 3.1, 3.2, 3.3, 3.4], train=falling(5, by=-0.1))),
         [APART], None),
    case("both fall", of(history([3.0, 2.9, 2.8, 2.7, 2.6], train=falling(5))), [APART], None),
    case("rising without training losses", of(history([3.0, 3.1, 3.2, 3.3, 3.4])), [APART], None),
    case("one jump is no trend", of(history([3.0, 3.0, 3.5, 3.5, 3.5, 3.5, 3.5], train=falling(7))), [APART], None),
    case("rising by less than counts", of(history([3.0 + 0.01 * i for i in range(6)], train=falling(6))),
         [rule("overfitting", min_rise=0.05)], None),
    case("not for as many evaluations as declared", of(history([3.0, 3.1, 3.2, 3.3], train=falling(4))),
         [rule("overfitting", evals=4)], None),
    case("5e-6: learned by heart after four epochs",
         of(history([5.0, 4.1, 3.6, 3.4, 3.38, 3.45, 3.55, 3.68, 3.8, 3.95], train=falling(10, 5.0, 0.3))), PHASE1,
         (800, Reason.OVERFITTING)),
    # Exploding
    case("3.415 to 4.717 in one epoch", of(history(JUMP, train=falling(5))), PHASE2, (400, Reason.EXPLODING)),
    case("3.415 to 4.717, from the start", of(history([3.415, 4.717])), [rule("exploding", mel_ce=None, of_start=1.2)],
         (100, Reason.EXPLODING)),
    case("3.415 to 4.717, not watched", of(history(JUMP)), [rule("exploding", mel_ce=None)], None),
    case("growing over several evaluations", of(history([3.5, 3.4, 3.4, 4.0, 4.7])), [BANG], (400, Reason.EXPLODING)),
    case("loss twice the usual for three steps", of(steps([3.0] * 60 + [6.5, 7.0, 9.0])), [BANG],
         (63, Reason.EXPLODING)),
    case("loss twice the usual for two steps", of(steps([3.0] * 60 + [6.5, 7.0, 3.0] * 5)), [BANG], None),
    case("gradient ten times the usual", of(steps([3.0] * 40, [0.5] * 20 + [6.0] * 20)), [BANG],
         (23, Reason.EXPLODING)),
    case("gradients that were not measured", of(steps([3.0] * 80, [0.0] * 60 + [5.0] * 20)), [BANG], None),
    case("gradients of which most overflowed",
         of(steps([3.0] * 80, [0.0, 0.0, 5.0] * 23 + [5.0] * 11)), [BANG], None),
    case("gradients that are infinite where fp16 overflowed",
         of(steps([3.0] * 60, [1.0] * 40 + [INF] * 5 + [1.0] * 15, stepped=[True] * 40 + [False] * 5 + [True] * 15)),
         [BANG], None),
    case("too early to say what is usual", of(steps([3.0] * 8 + [9.0] * 4)), [BANG], None),
    case("three clips a step: noisy, but falling", of(batches_of_three(1000)), [BANG], None),
    # NaN
    case("NaN in an evaluation, nothing declared", of(history([3.5, 3.4, NAN, 3.3])), [], (200, Reason.NOT_FINITE)),
    case("NaN in text CE", of(history([3.5] * 3, [0.03, NAN, 0.03])), [], (100, Reason.NOT_FINITE)),
    case("infinite training loss, nothing declared", of(steps([3.0, 3.0, INF, 3.0])), [], (3, Reason.NOT_FINITE)),
    case("NaN twice in a row, three times declared", of(steps([3.0, NAN, NAN, 3.0] * 9)),
         [rule("not_finite", steps=3)], None),
    case("NaN three times in a row, as declared", of(steps([3.0, NAN, 3.0, NAN, NAN, NAN, 3.0])),
         [rule("not_finite", steps=3)], (6, Reason.NOT_FINITE)),
    case("NaN in a step that fp16 skipped", of(steps([3.0, NAN, 3.0], stepped=[True, False, True])), [], None),
    case("NaN from the start on: the starting weights, before it is no improvement", of(history([NAN] * 9)), [WAIT],
         (0, Reason.BAD_START)),
    # Nothing trained
    case("fp16 skips every step", of(steps([3.0] * 200, [0.0] * 200, SKIPS)), PHASE1, (50, Reason.NO_OP)),
    case("fp16 skips the first sixteen steps", of(steps([3.0] * 200, stepped=[False] * 16 + [True] * 184)), [], None),
    case("fp16 skips nine steps of ten", of(steps([3.0] * 200, stepped=([False] * 9 + [True]) * 20)), [], None),
    case("fp16 skips every step from 101 on", of(steps([3.0] * 200, stepped=[True] * 100 + [False] * 100)), [],
         (150, Reason.NO_OP)),
    case("fp16 skips every step, twenty declared", of(steps([3.0] * 200, stepped=SKIPS)), [rule("no_op", steps=20)],
         (20, Reason.NO_OP)),
    case("weights unchanged", of(history([3.5] * 3, norms=[812.5] * 3)), [], (100, Reason.NO_OP)),
    case("weights unchanged after a while", of(history([3.5] * 4, norms=[812.5, 812.6, 812.7, 812.7])), [],
         (300, Reason.NO_OP)),
    case("weights unchanged, measured now and then", of(history([3.5] * 3, norms=[812.5, None, 812.5])), [],
         (200, Reason.NO_OP)),
    case("weights unchanged for forty steps", of(history([3.5, 3.4, 3.3], every=20, norms=[812.5] * 3)), [], None),
    case("weights not measured", of(history([3.5] * 4, norms=[None, None, 812.5, None])), [], None),
    case("weights that move in the last digit",
         of(history([3.5] * 2, norms=[812.5, math.nextafter(812.5, 9e9)])), [], None),
    # Quality
    case("fewer sound utterances three times", of(checks([8, 9, 7, 7, 6, 6])), [SOUND], (500, Reason.QUALITY_FALLING)),
    case("fewer sound utterances, once nearly as good", of(checks([8, 9, 7, 8, 6, 7])), [SOUND], None),
    case("one in ten fewer", of(checks([9, 8, 8, 8, 8])), [SOUND], None),
    case("more and more are sound", of(checks([2, 3, 6, 8, 9, 9])), [SOUND], None),
    case("nothing was spoken", of(checks([9]), checks([0] * 5, spoken=0)[1:]), [SOUND], None),
    # Time and target
    case("an hour of steps of a second", of(steps([3.0] * 4000)), [rule("time_limit", hours=1)],
         (3600, Reason.TIME_LIMIT)),
    case("three minutes of half seconds, looked at every 16th step", of(steps([3.0] * 400, seconds=0.5)),
         [rule("time_limit", hours=0.05)], (368, Reason.TIME_LIMIT)),
    case("evaluations take time, too, and are looked at whenever they come",
         of(history([3.5, 3.4, 3.3], seconds=1300.0), steps([3.0] * 200, seconds=0.5)),
         [rule("time_limit", hours=0.73)], (100, Reason.TIME_LIMIT)),
    case("utterances take time, too", of(checks([9] * 40)), [rule("time_limit", hours=0.01)],
         (3600, Reason.TIME_LIMIT)),
    case("time is left", of(steps([3.0] * 3599)), [rule("time_limit", hours=1)], None),
    case("below 2.5", of(history([3.5, 2.9, 2.5, 2.49, 2.3])), [rule("target_reached", below=2.5)],
         (300, Reason.TARGET_REACHED)),
    case("below three quarters of the start", of(history([4.0, 3.4, 2.9])), [rule("target_reached", of_start=0.75)],
         (200, Reason.TARGET_REACHED)),
    case("two targets: the lower counts", of(history([4.0, 2.9, 2.6])),
         [rule("target_reached", below=2.5, of_start=0.75)], None),
    # Whole phases under the rules that ship
    case("first run, phase 1: 5.046 to 3.507 at step 1339", of(
        history([*FIRST_RUN, 3.511, 3.513], [*FIRST_RUN_TEXT, 0.028, 0.028], falling(16, 5.0), every=103),
        batches_of_three(1600)), PHASE1, None),
    case("first run, phase 1, had it gone on without getting better", of(
        history([*FIRST_RUN, *[3.511] * 9], [*FIRST_RUN_TEXT, *[0.028] * 9], falling(23, 5.0), every=103)), PHASE1,
         (1854, Reason.NO_IMPROVEMENT)),
    case("demo, phase 1", of(history([4.322, 3.573, 3.324, 3.19, 3.155, 3.14, 3.169], every=25,
                                     train=[None, 4.138, 3.157, 2.625, 2.176, 1.853, 1.581])), DEMO1, None),
    case("demo, phase 2, at its last step", of(history([3.14, 3.121, 3.132, 3.132, 3.129], every=25,
                                     train=[None, 1.446, 1.305, 1.217, 1.127])), DEMO2, (100, Reason.NO_IMPROVEMENT)),
    # Order
    case("two at once: the first declared", of(history([3.5] * 6, [*[0.03] * 5, 0.05])),
         [rule("text_ce_above", limit=0.04), WAIT], (500, Reason.TEXT_CE_ABOVE)),
    case("two at once, declared the other way round", of(history([3.5] * 6, [*[0.03] * 5, 0.05])),
         [WAIT, rule("text_ce_above", limit=0.04)], (500, Reason.NO_IMPROVEMENT)),
    case("nothing recorded", Metrics(), [*PHASE1, rule("time_limit", hours=1), SOUND], None),
]  # fmt: skip


@pytest.mark.parametrize(("metrics", "rules", "stops"), TABLE)
def test_where_and_why_a_phase_stops(metrics: Metrics, rules: Sequence[StopRule], stops: Where) -> None:
    found = replayed(metrics, rules)
    assert (found and (found[0], found[1].reason)) == stops
    if found:
        assert found[1].numbers["step"] == found[0]
        assert all(math.isfinite(number) for number in found[1].numbers.values())


def test_the_table_has_every_rule_and_no_two_rows_of_one_name() -> None:
    assert len(TABLE) == len({row.id for row in TABLE}) >= 40
    kinds = get_args(get_args(StopRule)[0])
    rules = {Reason(get_args(kind.model_fields["rule"].annotation)[0]) for kind in kinds}
    assert {row.values[2][1] for row in TABLE if row.values[2]} == {*rules, Reason.BAD_START}


@pytest.mark.parametrize(
    ("mel_ce", "stops"),
    [
        ([NAN, 3.5, 3.4, 3.3, 3.2, 3.1], None),  # NaN at the start does not make it blind
        ([NAN, 3.5, 3.5, 3.5, 3.5], 400),
        ([3.5, NAN, 3.5, 3.4, NAN, NAN], None),  # better at 300
        ([3.5, NAN, NAN, NAN, 3.4], 300),
        ([NAN] * 6, 300),
        ([INF, -INF, 3.5, 3.4, 3.3], None),
    ],
)
def test_nan_is_never_better_and_never_best(mel_ce: list[float], stops: int | None) -> None:
    """Asked of the rule alone: in a phase, the guard ends what is NaN."""
    wait = NoImprovement(rule="no_improvement", steps=300)
    lives = [history(mel_ce)[:count] for count in range(1, len(mel_ce) + 1)]
    ends = [evals[-1].step for evals in lives if no_improvement(Metrics(evals=evals), wait)]
    assert next(iter(ends), None) == stops


def test_a_stop_has_the_numbers_of_its_case() -> None:
    stop = first_stop(of(history([3.6, 3.507, *[3.51] * 5])), [WAIT])
    assert stop is not None
    assert stop.message == "mel_ce has not improved on 3.507 (step 100) for 500 steps"
    assert stop.numbers == {
        "step": 600,
        "waited_steps": 500,
        "waited_evals": 5,
        "best": 3.507,
        "best_step": 100,
    }
    stop = first_stop(of(history(JUMP)), [BANG])
    assert stop is not None
    assert stop.message == "mel_ce rose to 4.717 at step 400: above 1.3 times its recent value, 3.415"
    assert stop.numbers == {"step": 400, "mel_ce": 4.717, "before": 3.415, "times": 4.717 / 3.415}


def test_guards_watch_every_phase_and_give_way_to_what_is_declared() -> None:
    assert [guard.rule for guard in GUARDS] == ["not_finite", "no_op"]
    assert rules_of([WAIT]) == (*GUARDS, WAIT)
    patient = rule("no_op", steps=7)
    assert rules_of([WAIT, patient]) == (GUARDS[0], WAIT, patient)


def test_a_phase_that_is_shorter_than_the_guard_may_have_changed_nothing() -> None:
    short = steps([3.0] * 5, stepped=[False] * 5)
    assert first_stop(of(short), []) is None
    assert (stop := changed_nothing(of(short))) and stop.reason is Reason.NO_OP
    assert changed_nothing(of(steps([3.0] * 5, stepped=[False] * 4 + [True]))) is None
    same = history([3.5, 3.5], every=5, norms=[812.5, 812.5])
    assert (stop := changed_nothing(of(same, steps([3.0] * 5)))) and stop.numbers == {"step": 5, "steps": 5}
    assert changed_nothing(of(same[:1])) is None
