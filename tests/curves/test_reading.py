"""Every format that people keep losses in."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from xtts_finetune.curves.curves import Curves, series
from xtts_finetune.curves.diagnosis import diagnose
from xtts_finetune.curves.readers import read_curves
from xtts_finetune.curves.readers.names import chosen_pair, role_of
from xtts_finetune.errors import UserError
from xtts_finetune.records.metrics import EvalRecord, MetricsWriter, StepRecord

LOSSES = [2.9, 2.8, 2.75, 2.72]


def written(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.write_bytes(text.encode(encoding))
    return path


def test_our_metrics(tmp_path: Path) -> None:
    path = tmp_path / "phase2" / "metrics.jsonl"
    with MetricsWriter(path) as writer:
        for step in range(1, 41):
            writer.write(StepRecord(step, step / 20, 1e-6, 3.2, 3.1 - step / 100, 1.0, 0.4, 3, 0.1, 0.0, step != 7))
        for step in (0, 20, 40):
            writer.write(EvalRecord(step, 3.5 - step / 100, 0.01, 1.0, 0.1, 600, 200, 0.2))
    for what in (path, path.parent):
        curves = read_curves(what)
        assert (curves.format, curves.unit, curves.phase) == ("metrics.jsonl", "step", "phase2")
        assert curves.evaluation.positions == (0, 20, 40)
        assert curves.evaluation.values == pytest.approx((3.5, 3.3, 3.1))
        assert len(curves.train) == len(curves.learning_rate) == 39  # a step that was skipped trained nothing
        assert not curves.train.averaged


PLAIN = {
    "as in many scripts": "epoch {n} ... loss: {a} val_loss: {b}",
    "Keras": "Epoch {n}/50 - 12s - loss: {a} - val_loss: {b}",
    "with a time": "2026-01-0{n} 10:00:01,123 INFO [epoch={n}] train_loss={a}, eval_loss={b}, lr=1.5e-05",
    "in words": "Epoch: {n} | training loss: {a} | validation loss: {b} | grad_norm: 0.5",
    "a printed dictionary": "{{'epoch': {n}, 'loss': {a}, 'eval_loss': {b}, 'learning_rate': 1e-05}}",
    "coloured": "\x1b[1mEpoch {n}\x1b[0m loss: \x1b[92m{a}\x1b[0m val_loss: {b}",
    "with blanks": "epoch {n} loss {a} val_loss {b}",
}


@pytest.mark.parametrize("form", PLAIN.values(), ids=PLAIN)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_plain_logs(tmp_path: Path, form: str, encoding: str) -> None:
    lines = [
        "Loading the model ...",
        *(form.format(n=n, a=a, b=round(a + 0.1, 2)) for n, a in enumerate(LOSSES, 1)),
    ]
    curves = read_curves(written(tmp_path / "train.log", "\n".join(lines), encoding))
    assert (curves.format, curves.unit) == ("plain log", "epoch")
    assert curves.train.positions == curves.evaluation.positions == (1, 2, 3, 4)
    assert curves.train.values == tuple(LOSSES)
    assert curves.evaluation.values == (3.0, 2.9, 2.85, 2.82)


def test_bare_losses_count_lines(tmp_path: Path) -> None:
    curves = read_curves(written(tmp_path / "log", "hello\nloss: 2.71\nloss: 2.70\nloss: nan\n"))
    assert curves.train.positions == (1, 2, 3)
    assert curves.train.values[:2] == (2.71, 2.70)
    assert curves.train.values[2] != curves.train.values[2]


def test_losses_that_begin_late(tmp_path: Path) -> None:
    text = "a line of greetings\n" * 10_000 + "epoch 1 loss: 2.5\nepoch 2 loss: 2.4\n"
    assert read_curves(written(tmp_path / "log", text)).train.values == (2.5, 2.4)


def test_steps_within_epochs(tmp_path: Path) -> None:
    lines = [f"Epoch {e} step {s}/4 train loss {3 - 0.1 * e - 0.01 * s:.2f}" for e in (1, 2, 3) for s in (1, 2, 3, 4)]
    curves = read_curves(written(tmp_path / "log", "\n".join(lines)))
    assert curves.unit == "epoch"
    assert curves.train.positions == tuple(e + s / 4 - 1 for e in (1, 2, 3) for s in (1, 2, 3, 4))


TABLES = {
    "commas": "epoch,train_loss,val_loss,lr\n1,2.9,3.0,1e-5\n2,2.8,2.9,1e-5\n3,2.75,2.85,1e-5\n4,2.72,2.82,1e-5\n",
    "semicolons": "Epoch;Train Loss;Validation Loss\n1;2,9;3,0\n2;2,8;2,9\n3;2,75;2,85\n4;2,72;2,82\n",
    "tabs": "epoch\tloss\tval_loss\n1\t2.9\t3.0\n2\t2.8\t2.9\n3\t2.75\t2.85\n4\t2.72\t2.82\n",
    "Lightning": "epoch,step,train_loss,val_loss\n1,10,2.9,\n1,10,,3.0\n2,20,2.8,\n2,20,,2.9\n3,30,2.75,\n3,30,,2.85\n"
    "4,40,2.72,\n4,40,,2.82\n",
}  # fmt: skip


@pytest.mark.parametrize("text", TABLES.values(), ids=TABLES)
def test_tables(tmp_path: Path, text: str) -> None:
    curves = read_curves(written(tmp_path / "losses.csv", text))
    assert curves.format == "CSV"
    assert curves.train.values == tuple(LOSSES)
    assert curves.evaluation.values == (3.0, 2.9, 2.85, 2.82)
    assert curves.evaluation.positions == ((10, 20, 30, 40) if "step" in text else (1, 2, 3, 4))
    assert "evaluation is column" in curves.notes[0]


def test_tensorboard(tmp_path: Path) -> None:
    from torch.utils.tensorboard import SummaryWriter

    writer = SummaryWriter(str(tmp_path))
    for epoch, loss in enumerate(LOSSES):
        writer.add_scalar("EvalStats/avg_loss_mel_ce", loss, 19 * epoch)
        writer.add_scalar("EvalStats/avg_loss", loss + 1, 19 * epoch)
        writer.add_scalar("TrainEpochStats/avg_loss_mel_ce", loss - 1, 19 * epoch)
        writer.add_scalar("TrainIterStats/current_lr", 1e-5, 19 * epoch)
        writer.add_scalar("TrainIterStats/loader_time", 7.0, 19 * epoch)
    writer.close()
    curves = read_curves(tmp_path)
    assert (curves.format, curves.unit) == ("TensorBoard events", "step")
    assert curves.evaluation.positions == (0, 19, 38, 57)
    assert curves.evaluation.values == pytest.approx(LOSSES)
    assert curves.train.values == pytest.approx([loss - 1 for loss in LOSSES])
    assert curves.learning_rate.values == pytest.approx([1e-5] * 4)


@pytest.fixture
def coqui_log(tmp_path: Path) -> Path:
    """A log by Coqui's own console logger."""
    from trainer.logging.console_logger import ConsoleLogger

    path = tmp_path / "trainer_0_log.txt"
    log = logging.getLogger("trainer")
    handler, level = logging.FileHandler(path, encoding="utf-8"), log.level
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    console = ConsoleLogger()
    for epoch in range(10):
        console.print_epoch_start(epoch, 1000, "run")
        console.print_train_start()
        for step in (0, 50):
            now = {
                "loss_mel_ce": 3.0 - epoch / 10 + step / 100,
                "loss": 9.0,
                "current_lr": 1e-5,
                "grad_norm": 0.4,
            }
            console.print_train_step(100, step, 100 * epoch + step, now, {"avg_loss_mel_ce": 2.0 - epoch / 10})
        console.print_eval_start()
        console.print_epoch_end(epoch, {"avg_loader_time": 0.1, "avg_loss_mel_ce": 3.5 - epoch / 10, "avg_loss": 9.0})
    log.removeHandler(handler)
    log.setLevel(level)
    handler.close()
    return path


def test_coquis_log(coqui_log: Path) -> None:
    for what in (coqui_log, coqui_log.parent):
        curves = read_curves(what)
        assert (curves.format, curves.unit) == ("Coqui's trainer log", "epoch")
        assert curves.evaluation.positions == tuple(range(10))
        assert curves.evaluation.values == pytest.approx([3.5 - epoch / 10 for epoch in range(10)])
        assert curves.train.values == pytest.approx([2.0 - epoch / 10 for epoch in range(10)])  # means of epochs
        assert len(curves.learning_rate) == len(curves.grad_norm) == 20


def test_a_torn_log_and_few_epochs(coqui_log: Path) -> None:
    text = coqui_log.read_text(encoding="utf-8")
    short = written(coqui_log, text[: text.index("EPOCH: 3/") - 20])
    curves = read_curves(short)
    assert len(curves.evaluation) == 3
    assert not curves.train.averaged  # the printed steps
    assert curves.train.positions == pytest.approx((0, 0.5, 1, 1.5, 2, 2.5))


def test_the_coqui_log_of_ours(tmp_path: Path) -> None:
    lines = [f" > EVALUATION step {step}: mel_ce {3.5 - step / 100:.4f}, text_ce 0.01, stop_ce 0.1" for step in (0, 25)]
    curves = read_curves(written(tmp_path / "trainer_0_log.txt", "\n".join(lines)))
    assert (curves.unit, curves.evaluation.positions) == ("step", (0, 25))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "the file is empty"),
        (b"   \n\n", "the file is empty"),
        (b"Dear diary,\ntoday was fine.\n", "nothing in it is a loss; looked for a metrics.jsonl"),
        (b"\x00\x01\x02\xff" * 500, "nothing in it is a loss"),
        (b"epoch,accuracy\n1,0.5\n2,0.6\n", "nothing in it is a loss"),
        (b'{"kind": "step", "step": "x"}\n', "metrics"),
        (b" > EPOCH: 0/10\n > TRAINING\n", "nothing in it is a loss"),
        (b'\x18\0\0\0\0\0\0\0\xa3\x7fK"brain.Event:2 torn', "no tag is a loss"),
    ],
)
def test_what_cannot_be_read(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "something"
    path.write_bytes(content)
    with pytest.raises(UserError, match=said.replace("(", r"\(")) as error:
        read_curves(path)
    assert str(path) in str(error.value)


def test_folders(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no metrics.jsonl, trainer_0_log.txt"):
        read_curves(tmp_path)
    written(tmp_path / "x.log", "loss: 2.5\n")
    (tmp_path / "phase1").mkdir()
    assert read_curves(tmp_path).train.values == (2.5,)
    (tmp_path / "x.log").unlink()
    written(tmp_path / "phase1" / "metrics.jsonl", "")
    with pytest.raises(UserError, match="it holds phase1: name one of these folders"):
        read_curves(tmp_path)
    with pytest.raises(UserError, match="cannot be read"):
        read_curves(tmp_path / "gone")


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("loss", "train"), ("train_loss", "train"), ("Train/Loss", "train"), ("mel_ce", "train"),
        ("val_loss", "evaluation"), ("Validation Loss", "evaluation"), ("EvalStats/avg_loss", "evaluation"),
        ("valLoss", "evaluation"), ("test_ce", "evaluation"), ("lr", "learning_rate"), ("lr-AdamW", "learning_rate"),
        ("current_lr", "learning_rate"), ("learning_rate", "learning_rate"), ("grad_norm", "grad_norm"),
        ("step", "step"), ("global_step", "step"), ("iteration", "step"), ("epoch", "epoch"),
        ("accuracy", None), ("loader_time", None), ("best_loss", None), ("step_time", None), ("glossary", None),
    ],
)  # fmt: skip
def test_roles(name: str, role: str | None) -> None:
    assert role_of(name) == role


def test_losses_that_go_together() -> None:
    assert chosen_pair(["loss", "loss_mel_ce"], ["val_loss", "val_loss_mel_ce"]) == (
        "loss_mel_ce",
        "val_loss_mel_ce",
    )
    assert chosen_pair(["loss", "text_loss"], ["val_text_loss", "val_loss"]) == ("loss", "val_loss")
    assert chosen_pair(["triplet_loss", "ce"], []) == ("ce", None)
    assert chosen_pair([], []) == (None, None)


def test_what_was_trained_later_counts() -> None:
    found = series("x", [(1, 3.0), (2, 2.9), (3, 2.8), (2, 2.5)])
    assert (found.positions, found.values) == ((1, 2, 3), (3.0, 2.5, 2.8))
    with pytest.raises(ValueError, match="2 positions but 1 values"):
        type(found)("x", (1.0, 2.0), (1.0,))
    assert Curves("step").to_json()["series"] == {}


def test_one_nan_among_tensorboards_numbers_is_an_explosion(tmp_path: Path) -> None:
    from torch.utils.tensorboard import SummaryWriter

    writer = SummaryWriter(str(tmp_path))
    for step in range(12):
        writer.add_scalar("val/loss", 3.0 - step / 10, 50 * step)
        writer.add_scalar("train/loss", float("nan") if step == 11 else 2.9 - step / 10, 50 * step)
    writer.close()
    found = diagnose(read_curves(tmp_path))
    assert (found.verdict, found.since) == ("exploding", 550)
