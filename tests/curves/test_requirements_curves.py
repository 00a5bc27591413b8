"""The curves that this diagnosis was asked for, with their numbers."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from xtts_finetune.curves.curves import Curves, Series, series
from xtts_finetune.curves.diagnosis import diagnose
from xtts_finetune.curves.movement import in_blocks
from xtts_finetune.curves.readers import read_curves

HERE = Path(__file__).parent
STUCK = [2.70, 2.71, 2.69, 2.70, 2.72, 2.70, 2.69, 2.71, 2.70, 2.70]
CE = [6.72, 6.73, 6.71, 6.72, 6.73, 6.71, 6.72, 6.72, 6.73, 6.71, 6.72, 6.73, 6.72, 6.71, 6.73, 6.72, 6.71, 6.72,
      6.73, 6.72, 6.71, 6.72, 6.73, 6.72, 6.71, 6.72, 6.72]  # fmt: skip
JUMPING = [0.5360, 0.4411, 0.5102, 0.4304, 0.5290, 0.4555, 0.5211, 0.4389, 0.5043, 0.4620]


def epochs(values: list[float], first: int = 1) -> Series:
    return series("loss", enumerate(values, first))


def test_2_7_for_ten_epochs() -> None:
    found = diagnose(Curves("epoch", train=epochs(STUCK)))
    assert (found.verdict, found.since) == ("plateau", 1)
    assert found.level == pytest.approx(2.70, abs=0.01)
    assert found.optimization_level == "plateau_breaker"
    assert "2.2-2.3 after 10 epochs and 2.0-2.1 after 20" in found.recommendation
    assert found.command == "xtts-finetune solve PHASE --race"
    assert found.also == ("run_pipeline PHASE --optimization-level plateau_breaker --resume-checkpoint CHECKPOINT",)


def test_6_72_over_epochs_3_to_29() -> None:
    found = diagnose(Curves("epoch", train=epochs([7.9, 6.95, *CE], 1)))
    assert found.verdict == "plateau"
    assert found.since == 3
    assert found.level == pytest.approx(6.72, abs=0.01)
    assert found.numbers["fall_high"] < 0.002


def test_jumping_between_0_4304_and_0_5360() -> None:
    train = epochs([0.45 - 0.004 * n for n in range(10)])
    found = diagnose(Curves("epoch", train, epochs(JUMPING), epochs([5e-4] * 10)))
    assert found.verdict == "oscillating"
    assert "0.4304 and 0.536" in found.words
    assert found.command == "run_pipeline PHASE --optimization-level stable --lr 0.00025"
    causes = " ".join(found.causes)
    assert "0.0005 is high" in causes
    assert "evaluations differ by" in causes


def test_slow_and_apart() -> None:
    train = epochs([0.45 - 0.077 / 19 * n for n in range(20)])
    evaluation = epochs([0.59 - 0.077 / 19 * n for n in range(20)])
    found = diagnose(Curves("epoch", train, evaluation))
    assert found.verdict == "falling"
    assert found.numbers["gap"] == pytest.approx(0.14)
    assert [cause.split(":")[0].split(" ")[0] for cause in found.causes] == ["evaluations", "slow"]


def test_3_415_to_4_717_while_training_falls() -> None:
    values = [3.9, 3.6, 3.45, 3.415, 3.52, 3.7, 3.92, 4.15, 4.4, 4.717]
    train = epochs([3.8 - 0.2 * n for n in range(10)])
    found = diagnose(Curves("epoch", train, epochs(values)))
    assert (found.verdict, found.since) == ("overfitting", 4)
    assert "Stop it" in found.recommendation


def test_stocks_own_log(tmp_path: Path) -> None:
    """trainer_0_log.txt of Coqui's own GPTTrainer: 12 epochs on the demo base, as it was written.

    It falls for five epochs, then stays near 3.37 with a noise of 1 %, too much for seven values to exclude a fall.
    """
    curves = read_curves(HERE / "stock_trainer_0_log.txt")
    assert curves.format == "Coqui's trainer log"
    assert (curves.unit, curves.evaluation.name) == ("epoch", "avg_loss_mel_ce")
    assert curves.evaluation.positions == tuple(range(12))
    assert curves.evaluation.values[:2] == pytest.approx((3.7242, 3.5393), abs=1e-3)
    assert curves.train.values[0] == pytest.approx(5.0885, abs=1e-4)
    assert curves.learning_rate.values == (3e-4,) * 5
    found = diagnose(curves)
    assert found.verdict == "too short"
    assert found.numbers["best_at"] == 6
    assert found.numbers["more_values"] > 3
    assert "evaluations lie 1.8" in found.causes[0]
    text = (HERE / "stock_trainer_0_log.txt").read_text(encoding="utf-8")
    early = tmp_path / "trainer_0_log.txt"
    early.write_text(text[: text.index("EPOCH: 5/")], encoding="utf-8")
    assert diagnose(read_curves(early)).verdict == "falling"


def test_blocks_keep_what_matters() -> None:
    for count, blocks in ((2000, 40), (79, 9), (64, 8), (32, 8), (5, 5)):
        raw = series("loss", ((n, float(n)) for n in range(count)), averaged=False)
        found = in_blocks(raw)
        assert len(found) == blocks
        assert found.positions == found.values  # each mean stands where its middle was
        assert found.values[-1] >= count - 1 - count / blocks  # the newest ones are in
    assert in_blocks(series("val", ((n, 1.0) for n in range(60)))).positions == tuple(range(60))
    assert len(in_blocks(series("val", ((n, 1.0) for n in range(100))))) == 50


@pytest.mark.parametrize(
    ("values", "verdict"),
    [
        ([], "too short"),
        ([2.7], "too short"),
        ([2.7, 2.7, 2.7, 2.7], "too short"),
        ([0.0] * 12, "plateau"),
        ([2.7] * 40, "plateau"),
        ([-1.0 - 0.1 * n for n in range(12)], "falling"),
        ([3.0, 2.9, 2.8, math.nan], "exploding"),
        ([math.nan], "exploding"),
        ([3.0, 2.9, math.nan, 2.8, 2.7, 2.6, 2.5, 2.4], "exploding"),
        ([3.0, 2.9, 1e30, 2.8, 2.7, 2.6, 2.5, 2.4], "exploding"),
        ([3.0, 2.8, 2.7, 2.6, math.inf], "exploding"),
        ([3.0, 2.9, 2.8, 9.0], "exploding"),
        ([3.0, 2.9, 9.0, 2.8, 2.75, 2.7, 2.65, 2.6, 2.55, 2.5], "falling"),
        ([1e90, 1e89, 1e88, 1e87, 1e86], "falling"),
        ([3.0, 2.9, 2.8, 2.7, 1e300], "exploding"),
    ],
)
def test_odd_curves(values: list[float], verdict: str) -> None:
    found = diagnose(Curves("epoch", evaluation=epochs(values)))
    assert found.verdict == verdict
    assert found.words
    assert found.command


def test_a_single_nan_or_leap_is_seen_also_where_the_loss_came_back() -> None:
    for broken in (math.nan, -math.inf, 1e30):
        losses = [3.0 - 0.001 * n for n in range(400)]
        losses[395] = broken
        found = diagnose(Curves("step", series("loss", enumerate(losses), averaged=False)))
        assert (found.verdict, found.since) == ("exploding", 395)
        assert "recovered by itself" in found.recommendation and "Stop it" not in found.recommendation
        assert ("1 of 400 values of the loss" in found.words) == (not math.isfinite(broken)) and "395" in found.words
    losses[392:] = [math.nan] * 8
    found = diagnose(Curves("step", series("loss", enumerate(losses), averaged=False)))
    assert (found.verdict, found.since) == ("exploding", 392)
    assert "Stop it" in found.recommendation


def test_a_single_gradient_that_overflows_is_no_explosion() -> None:
    """fp16 skips a step now and then."""
    losses = series("loss", ((n, 3.0 - 0.001 * n) for n in range(400)), averaged=False)
    for bad, verdict in ((1, "falling"), (6, "exploding")):
        norms = series("grad_norm", ((n, math.inf if n >= 400 - bad else 1.0) for n in range(400)), averaged=False)
        assert diagnose(Curves("step", losses, grad_norm=norms)).verdict == verdict


@pytest.mark.parametrize("ends", [1, 2, 3])
@pytest.mark.parametrize("kind", [math.nan, math.inf])
def test_a_log_that_ends_in_nan_is_never_called_falling(tmp_path: Path, ends: int, kind: float) -> None:
    losses = [3.0 - 0.001 * n for n in range(400)] + [kind] * ends
    log = tmp_path / "train.log"
    log.write_text("".join(f"step {n} loss: {loss}\n" for n, loss in enumerate(losses)), encoding="utf-8")
    found = diagnose(read_curves(log))
    assert (found.verdict, found.since) == ("exploding", 400)
    assert "the loss is NaN or infinite since step 400" in found.words
    assert "Leave it alone" not in found.recommendation


def test_noisy_batches_do_not_swing() -> None:
    """Losses of single batches differ by much more than 4 %, and that says nothing of the model."""
    values = [2.7 * (1 + 0.1 * math.sin(n * n)) for n in range(2000)]
    assert diagnose(Curves("step", series("loss", enumerate(values), averaged=False))).verdict == "plateau"
