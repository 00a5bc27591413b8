"""Whatever wrote a log, the curve in it is read back, and what it shows is seen: whole kinds, from known curves."""

from __future__ import annotations

import math
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from testbed.log_formats import ENDLESS, FORMATS, Format, Row
from xtts_finetune.curves.curves import Curves
from xtts_finetune.curves.diagnosis import diagnose
from xtts_finetune.curves.readers import read_curves
from xtts_finetune.curves.readers.names import role_of
from xtts_finetune.curves.readers.numbers import number_in
from xtts_finetune.curves.verdict import judge

QUICKLY = settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
LOSSES = st.floats(0.05, 90.0)


def read_back(form: Format, rows: list[Row], endless: str = "nan") -> Curves:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / form.name
        path.write_bytes(form.content(rows, endless))
        return read_curves(path)


@st.composite
def known(draw: st.DrawFn) -> list[Row]:
    """Any losses, neighbours of which differ in what is written: bars do not say whether an equal one is a new one."""
    pairs = draw(st.lists(st.tuples(LOSSES, LOSSES), min_size=4, max_size=25))
    every = draw(st.sampled_from((1, 25, 1000)))
    return [
        Row(n, round(train, 4) + n / 1e4, round(value, 4) + n / 1e4, every=every)
        for n, (train, value) in enumerate(pairs, 1)
    ]


@pytest.mark.parametrize("name", FORMATS)
@given(rows=known())
@QUICKLY
def test_a_known_curve_is_read_back(name: str, rows: list[Row]) -> None:
    form = FORMATS[name]
    found = read_back(form, rows)
    assert found.train.values == pytest.approx([row.train for row in rows], abs=1e-4)
    if "evaluation" in form.of:
        assert found.evaluation.values == pytest.approx([row.evaluation for row in rows], abs=1e-4)
    assert list(found.train.positions) == sorted(set(found.train.positions))


@pytest.mark.parametrize("name", FORMATS)
@given(
    rows=known(),
    endless=st.sampled_from(ENDLESS),
    value=st.sampled_from((math.nan, math.inf, -math.inf, 1e30)),
    at=st.one_of(st.just(-1), st.integers(1, 3)),
    of=st.sampled_from(("train", "evaluation")),
)
@QUICKLY
def test_one_value_that_is_no_number_is_an_explosion(
    name: str, rows: list[Row], endless: str, value: float, at: int, of: str
) -> None:
    form = FORMATS[name]
    of = of if of in form.of else "train"
    endless = endless if form.quoted or endless[0] not in "'\"" else "nan"
    rows[at] = replace(rows[at], **{of: value})
    assert judge(read_back(form, rows, endless)).verdict == "exploding"


@pytest.mark.parametrize(
    ("text", "train", "evaluation"),
    [
        ("epoch 1 train/val loss: 2.71/2.75\nepoch 2 train/val loss: 2.61/2.65\n", [2.71, 2.61], [2.75, 2.65]),
        ("Epoch 1 | Loss: 2.71 | Val: 2.75\n", [2.71], [2.75]),
        ("Iter 1: Val loss 2.9, Val took 10.6s\nIter 10: Train loss 2.5, Learning Rate 1e-05\n", [2.5], [2.9]),
        ("steps:   1%|  | 10/99 [00:10<10:00, avr_loss=0.12]\rsteps:   2%|  | 20/99 [avr_loss=0.11]", [0.12, 0.11], []),
        ("epoch 1 loss 2.9 val_loss 3.0 best val loss: 2.5\n", [2.9], [3.0]),
        ("epochs: 50, loss_scale: 128, warmup steps: 100\nepoch 1 - loss: 2.9\nepoch 2 - loss: 2.8\n", [2.9, 2.8], []),
        ("Epoch 1: val_loss improved from inf to 2.9\nEpoch 1/50 - loss: 2.95 - val_loss: 2.9\n", [2.95], [2.9]),
        ("step,tag,value\n1,train/loss,2.7\n1,val/loss,2.9\n", [2.7], [2.9]),
        ('"epoch","loss","val_loss"\n"1","2,71","2,91"\n"2","2,61","2,81"\n', [2.71, 2.61], [2.91, 2.81]),
        ('{"1": {"train": {"loss": 2.7}, "val": {"loss": 2.9}}, "2": {"train": {"loss": 2.6}}}', [2.7, 2.6], [2.9]),
        ("[[1700000000.1, 10, 2.7], [1700000001.1, 20, 2.6]]", [2.7, 2.6], []),
        ("train_losses = [2.7, 2.6, 2.5]\nval_losses = [2.9, 2.8, 2.7]\n", [2.7, 2.6, 2.5], [2.9, 2.8, 2.7]),
        ("1,2.71\n2,2.61\n3,2.51\n4,2.5\n", [2.71, 2.61, 2.51, 2.5], []),
        ("step 1,000 loss 2.7\nstep 2,000 loss 2,6\n", [2.7, 2.6], []),
        ("  epoch    train_loss    valid_loss\n-------  -----  -----\n      1   0.68        0.67\n", [0.68], [0.67]),
    ],
)  # fmt: skip
def test_lines_of_other_programs(tmp_path: Path, text: str, train: list[float], evaluation: list[float]) -> None:
    path = tmp_path / "log"
    path.write_text(text, encoding="utf-8")
    found = read_curves(path)
    assert (list(found.train.values), list(found.evaluation.values)) == (train, evaluation)


def test_a_program_that_gives_up_on_nan_is_heard(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text(
        "Epoch: [1] loss: 2.71 (2.8)\nEpoch: [2] loss: 2.61 (2.7)\nLoss is nan, stopping training\n", "utf-8"
    )
    assert diagnose(read_curves(path)).verdict == "exploding"


def test_a_loss_of_nought_with_a_gradient_of_nan_is_an_explosion(tmp_path: Path) -> None:
    """transformers' Trainer writes 0.0 for a loss that is NaN."""
    path = tmp_path / "log"
    lines = [f"{{'loss': {3 - n / 10}, 'grad_norm': 1.0, 'epoch': {n / 10}}}" for n in range(1, 9)]
    path.write_text("\n".join([*lines, "{'loss': 0.0, 'grad_norm': nan, 'epoch': 0.9}"]), "utf-8")
    assert diagnose(read_curves(path)).verdict == "exploding"


def test_a_run_that_was_resumed_counts_as_it_was_trained_last(tmp_path: Path) -> None:
    path = tmp_path / "log"
    before = [f"step {n} loss {3 - n / 1000}" for n in range(0, 500, 50)]
    after = [f"step {n} loss {2.5 - n / 1000}" for n in range(225, 600, 50)]
    path.write_text("\n".join(before + after), "utf-8")
    found = read_curves(path).train
    assert found.positions == (0, 50, 100, 150, 200, *range(225, 600, 50))


@pytest.mark.parametrize("text", [*ENDLESS, "tensor(nan, device='cuda:0')", "np.float32(inf)", "[nan]", "∞", "#NUM!"])
def test_what_is_no_number_is_known_in_any_spelling(text: str) -> None:
    found = number_in(text)
    assert found is not None and not math.isfinite(found)


@pytest.mark.parametrize("text", ["", "-", "No log", "info", "nano", "infer", "12 s", "1.2.3", "N/A"])
def test_words_are_no_numbers(text: str) -> None:
    assert number_in(text) is None


@pytest.mark.parametrize(
    "name", ["max_steps", "warmup_steps", "eval_steps_per_second", "loss_scale", "lm loss PPL", "min_lr"]
)
def test_names_that_only_look_like_it(name: str) -> None:
    assert role_of(name) is None
