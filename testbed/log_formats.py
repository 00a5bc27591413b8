"""Logs in the formats that people have, each written from a known curve; readers and the diagnosis are held to them.

A format is a function of rows and of how numbers are shown, of those that are not finite above all.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

ENDLESS = ("nan", "NaN", "-nan", "NAN", "1.#IND", "-1.#IND", "-nan(ind)", "nan(ind)", "1.#QNAN", "nan.0",
           "inf", "-inf", "Infinity", "-Infinity", "+Inf", "INF", "1.#INF", "'nan'", '"NaN"', ".nan")  # fmt: skip


@dataclass(frozen=True)
class Row:
    """One point of a known curve: `number` counts from 1; losses of training and, where there is one, evaluation."""

    number: int
    train: float
    evaluation: float | None
    rate: float = 1e-5
    every: int = 50

    @property
    def step(self) -> int:
        """The optimizer step that the point was taken at, `every` steps after the one before."""
        return self.every * self.number


Show = Callable[[float], str]


def shown_as(endless: str, digits: int = 4, comma: bool = False) -> Show:
    """How numbers are written: with so many decimals (or an exponent for huge ones), and what is none as `endless`."""

    def show(value: float) -> str:
        if not math.isfinite(value):
            return endless
        text = f"{value:.{digits}f}" if abs(value) < 1e6 else f"{value:.{digits}e}"
        return text.replace(".", ",") if comma else text

    return show


@dataclass(frozen=True)
class Format:
    """A way of writing a log. `of` says which losses it has; `name` is the file's."""

    write: Callable[[Sequence[Row], Show], str]
    name: str = "train.log"
    of: frozenset[str] = frozenset({"train", "evaluation"})
    encoding: str = "utf-8"
    comma: bool = False
    quoted: bool = True  # whether a value may stand in quotes

    def content(self, rows: Sequence[Row], endless: str = "nan", digits: int = 4) -> bytes:
        """The file."""
        return self.write(rows, shown_as(endless, digits, self.comma)).encode(self.encoding)


def _hugging_face(rows: Sequence[Row], show: Show, quote: str = "") -> Iterator[str]:
    yield "***** Running training *****\n  Num examples = 1,000\n  Num Epochs = 3\n  Total optimization steps = 3,000"
    for row in rows:
        epoch = f"{quote}{row.number / 4:.2f}{quote}"
        pairs = f"'loss': {quote}{show(row.train)}{quote}, 'grad_norm': {quote}1.2041{quote}"
        yield f"{{{pairs}, 'learning_rate': {quote}{row.rate}{quote}, 'epoch': {epoch}}}"
        yield f"\r {row.number:3d}%|██        | {row.step}/10000 [00:10<01:30, 10.00it/s]"
        if row.evaluation is not None:
            yield "***** Running Evaluation *****\n  Num examples = 50"
            yield (
                f"{{'eval_loss': {quote}{show(row.evaluation)}{quote}, 'eval_steps_per_second': 8.1, 'epoch': {epoch}}}"
            )
    yield f"{{'train_runtime': 123.4, 'train_steps_per_second': 5.1, 'train_loss': 2.9, 'epoch': {len(rows) / 4:.2f}}}"


def _trainer_state(rows: Sequence[Row], show: Show) -> str:
    history: list[str] = []
    for row in rows:
        at = f'"epoch": {row.number / 4}, "step": {row.step}'
        history.append(f'{{{at}, "grad_norm": 1.5, "learning_rate": {row.rate}, "loss": {show(row.train)}}}')
        if row.evaluation is not None:
            history.append(f'{{{at}, "eval_loss": {show(row.evaluation)}, "eval_runtime": 2.5}}')
    listed = ",\n  ".join(history)
    return f'{{"best_metric": 2.5, "global_step": {rows[-1].step}, "log_history": [\n  {listed}\n], "max_steps": 9}}'


def _tqdm(rows: Sequence[Row], show: Show) -> str:
    text = ""
    for row in rows:
        for part in (0, 25, 50):
            loss = "" if part == 0 else f", loss={show(row.train)}"
            bar = f"{2 * part:3d}%|{'█' * (part // 5):10}| {part}/50 [00:{part:02d}<00:10, 5.02it/s{loss}]"
            text += f"\rEpoch {row.number}: {bar}"
        text += "\n"
        if row.evaluation is not None:
            text += f"Epoch {row.number}: val_loss={show(row.evaluation)}\n"
    return text


def _lightning(rows: Sequence[Row], show: Show) -> str:
    text, known = "", ""
    for row in rows:
        for part in (0, 20, 40):
            step = f", train_loss_step={show(row.train)}"
            text += f"\rEpoch {row.number - 1}: {part * 100 // 40:3d}%|███| {part}/40 "
            text += f"[00:10<00:00, 3.9it/s, v_num=0{step}{known}]"
        known = f", train_loss_epoch={show(row.train)}"
        known += f", val_loss={show(row.evaluation)}" if row.evaluation is not None else ""
        text += f"\rEpoch {row.number - 1}: 100%|███| 40/40 [00:10<00:00, 3.9it/s, v_num=0{step}{known}]\n"
    return text


def _keras(rows: Sequence[Row], show: Show) -> str:
    text = ""
    for row in rows:
        text += f"Epoch {row.number}/{len(rows)}\n"
        text += f"\r  1/100 [..............................] - ETA: 1:10 - loss: {show(row.train)}"
        text += f"\x08\x08\x08\r 51/100 [==============>...............] - ETA: 3s - loss: {show(row.train)}"
        end = f" - val_loss: {show(row.evaluation)}" if row.evaluation is not None else ""
        text += f"\r100/100 [==============================] - 12s 120ms/step - loss: {show(row.train)}{end}\n"
    return text


def _keras_3(rows: Sequence[Row], show: Show) -> Iterator[str]:
    for row in rows:
        yield f"Epoch {row.number}/{len(rows)}"
        end = f" - val_accuracy: 0.4 - val_loss: {show(row.evaluation)}" if row.evaluation is not None else ""
        yield (
            f"\x1b[1m100/100\x1b[0m \x1b[32m━━━━━━━━━━━━━━━━━━━━\x1b[0m\x1b[37m\x1b[0m \x1b[1m12s\x1b[0m 120ms/step - "
            f"accuracy: 0.5 - loss: {show(row.train)}{end} - learning_rate: {row.rate}"
        )


def _named(rows: Sequence[Row], show: Show) -> Iterator[str]:
    yield "2026-01-05 10:00:00,001 INFO loading 25 clips of voice 3"
    for row in rows:
        end = f" val_loss: {show(row.evaluation)}" if row.evaluation is not None else ""
        losses = f"loss: {show(row.train)}{end}, lr: {row.rate}"
        yield f"2026-01-05 10:00:01,123 INFO trainer.py:88 epoch {row.number}/90 done in 12.5s, {losses}"


def _equals(rows: Sequence[Row], show: Show) -> Iterator[str]:
    for row in rows:
        end = f" eval_loss={show(row.evaluation)}" if row.evaluation is not None else ""
        yield f"[rank0] global_step={row.step} throughput=12.1 train_loss={show(row.train)}{end} lr={row.rate}"


def _coqui(rows: Sequence[Row], show: Show) -> Iterator[str]:
    for row in rows:
        epoch = row.number - 1
        yield f"\n\x1b[4m\x1b[1m > EPOCH: {epoch}/1000\x1b[0m\n --> /run/voice"
        yield "\n\x1b[1m > TRAINING (2026-01-05 10:00:00) \x1b[0m"
        yield f"\n\x1b[1m   --> TIME: 2026-01-05 10:00:01 -- STEP: 50/100 -- GLOBAL_STEP: {100 * epoch + 50}\x1b[0m"
        yield "     | > loss_text_ce: 0.0211  (0.0211)"
        yield f"     | > loss_mel_ce: {show(row.train)}  ({show(row.train)})"
        yield f"     | > loss: {show(row.train)}  ({show(row.train)})"
        yield f"     | > current_lr: {row.rate}\n     | > step_time: 0.5  (0.5)"
        if row.evaluation is not None:
            yield "\n\x1b[1m > EVALUATION \x1b[0m\n\n  \x1b[1m--> EVAL PERFORMANCE\x1b[0m"
            yield "     | > avg_loader_time:\x1b[92m 0.01 \x1b[0m(-0.0)"
            yield f"     | > avg_loss_mel_ce:\x1b[92m {show(row.evaluation)} \x1b[0m(-0.01)"
            yield f"     | > avg_loss:\x1b[91m {show(row.evaluation)} \x1b[0m(+0.01)"


def _table(rows: Sequence[Row], show: Show, delimiter: str, names: Sequence[str]) -> Iterator[str]:
    yield delimiter.join(names)
    for row in rows:
        end = "" if row.evaluation is None else show(row.evaluation)
        yield delimiter.join((str(row.number), show(row.train), end, "0.5"))


def _lightning_csv(rows: Sequence[Row], show: Show) -> Iterator[str]:
    yield "epoch,step,train_loss,val_loss"
    for row in rows:
        yield f"{row.number},{row.step},{show(row.train)},"
        if row.evaluation is not None:
            yield f"{row.number},{row.step},,{show(row.evaluation)}"


def _json_lines(rows: Sequence[Row], show: Show) -> Iterator[str]:
    for row in rows:
        yield f'{{"_step": {row.step}, "_runtime": 12.5, "train": {{"loss": {show(row.train)}, "lr": {row.rate}}}}}'
        if row.evaluation is not None:
            yield f'{{"_step": {row.step}, "eval": {{"loss": {show(row.evaluation)}}}}}'


def _modes(rows: Sequence[Row], show: Show) -> Iterator[str]:
    for row in rows:
        yield (
            json.dumps({"mode": "train", "epoch": row.number, "iter": 50, "lr": row.rate})[:-1]
            + f', "loss": {show(row.train)}}}'
        )
        if row.evaluation is not None:
            yield f'{{"mode": "val", "epoch": {row.number}, "iter": 7, "loss": {show(row.evaluation)}}}'


def _wandb(rows: Sequence[Row], show: Show) -> Iterator[str]:
    cells = (
        '"Step"',
        *(f'"my-test-run - {name}{end}"' for name in ("train/loss", "eval/loss") for end in ("", "__MIN", "__MAX")),
    )
    yield ",".join(cells)
    for row in rows:
        end = "" if row.evaluation is None else show(row.evaluation)
        values = (show(row.train), end)
        yield ",".join(
            (
                f'"{row.step}"',
                *(
                    f'"{value}"' if "'" not in value and '"' not in value else value
                    for value in values
                    for _ in range(3)
                ),
            )
        )


def _history(rows: Sequence[Row], show: Show) -> str:
    train = ", ".join(show(row.train) for row in rows)
    evaluation = ", ".join(show(row.evaluation) for row in rows if row.evaluation is not None)
    return f'{{"loss": [{train}], "val_loss": [{evaluation}], "lr": [{", ".join(str(row.rate) for row in rows)}]}}'


def _nano_gpt(rows: Sequence[Row], show: Show) -> Iterator[str]:
    yield "number of parameters: 123.59M\ntokens per iteration will be: 491,520"
    for row in rows:
        if row.evaluation is not None:
            yield f"step {row.step}: train loss {show(row.train)}, val loss {show(row.evaluation)}"
        yield f"iter {row.step}: loss {show(row.train)}, time 123.45ms, mfu 12.25%"


def _fairseq(rows: Sequence[Row], show: Show) -> Iterator[str]:
    for row in rows:
        at = f"2026-01-05 10:00:0{row.number % 10}"
        yield (
            f"{at} | INFO | train | epoch {row.number:03d} | loss {show(row.train)} | nll_loss 1.5 | wps 123 | "
            f"num_updates {row.step} | lr {row.rate} | gnorm 1.204 | train_wall 10 | wall 20"
        )
        if row.evaluation is not None:
            yield (
                f"{at} | INFO | valid | epoch {row.number:03d} | valid on 'valid' subset | "
                f"loss {show(row.evaluation)} | nll_loss 2.6 | ppl 6.1 | num_updates {row.step} | best_loss 2.1"
            )


def _rvc(rows: Sequence[Row], show: Show) -> Iterator[str]:
    for row in rows:
        yield f"INFO:mi-test:Train Epoch: {row.number} [0%]\nINFO:mi-test:[{row.step}, {row.rate}]"
        yield f"INFO:mi-test:loss_disc=3.906, loss_gen=3.201, loss_fm=9.017,loss_mel={show(row.train)}, loss_kl=1.204"
        yield f"INFO:mi-test:====> Epoch: {row.number} [2026-01-05 10:00:01] | (0:00:21.5)"


def _gpt_sovits(rows: Sequence[Row], show: Show) -> Iterator[str]:
    for row in rows:
        yield f"INFO:voice:Train Epoch: {row.number} [40%]"
        yield f"INFO:voice:[2.4812, 2.3153, 5.6301, {show(row.train)}, 0.0, 1.8001, {row.step}, {row.rate}]"
        yield f"INFO:voice:====> Epoch: {row.number}"


def _notebook(rows: Sequence[Row], show: Show) -> Iterator[str]:
    yield "Step\tTraining Loss\tValidation Loss\tWer"
    for row in rows:
        yield f"{row.step}\t{show(row.train)}\t{'No log' if row.evaluation is None else show(row.evaluation)}\t31.5"


def _fastai(rows: Sequence[Row], show: Show) -> Iterator[str]:
    yield "epoch     train_loss  valid_loss  accuracy  time    "
    for row in rows:
        evaluation = "None" if row.evaluation is None else show(row.evaluation)
        yield f"{row.number:<9} {show(row.train):<11} {evaluation:<11} 0.512000  00:12     "


def _markdown(rows: Sequence[Row], show: Show) -> Iterator[str]:
    yield "| Epoch | Train Loss | Val Loss |\n|------:|-----------:|---------:|"
    for row in rows:
        yield f"| {row.number} | {show(row.train)} | {'' if row.evaluation is None else show(row.evaluation)} |"


def _pandas(rows: Sequence[Row], show: Show) -> Iterator[str]:
    evaluated = any(row.evaluation is not None for row in rows)
    yield f"      loss  {'eval_loss  ' if evaluated else ''}epoch    step"
    for at, row in enumerate(rows):
        yield f"{2 * at}  {show(row.train)}  {'NaN  ' if evaluated else ''}{row.number / 4}  {row.step}"
        if row.evaluation is not None:
            yield f"{2 * at + 1}  NaN  {show(row.evaluation)}  {row.number / 4}  {row.step}"


def _headings(rows: Sequence[Row], show: Show) -> Iterator[str]:
    for row in rows:
        yield f"===== Epoch {row.number} =====\nTraining:\n    loss = {show(row.train)}"
        if row.evaluation is not None:
            yield f"Validation:\n    loss = {show(row.evaluation)}"


def _mnist(rows: Sequence[Row], show: Show) -> Iterator[str]:
    for row in rows:
        yield f"Train Epoch: {row.number} [59520/60000 (99%)]\tLoss: {show(row.train)}"
        if row.evaluation is not None:
            yield f"\nTest set: Average loss: {show(row.evaluation)}, Accuracy: 9876/10000 (99%)\n"


def _image_net(rows: Sequence[Row], show: Show) -> Iterator[str]:
    for row in rows:
        loss = f"Loss {show(row.train)} ({show(row.train)})"
        yield f"Epoch: [{row.number}][90/100]\tTime  0.512 ( 0.530)\tData  0.010 ( 0.011)\t{loss}\tAcc@1  12.5 ( 10.1)"


def _sides(rows: Sequence[Row], show: Show) -> Iterator[str]:
    for row in rows:
        end = f", valid: {show(row.evaluation)}" if row.evaluation is not None else ""
        yield f"Ep {row.number} | losses - train: {show(row.train)}{end}"


def _tensors(rows: Sequence[Row], show: Show) -> Iterator[str]:
    for row in rows:
        end = f" - Val Loss: tensor({show(row.evaluation)}, device='cuda:0')" if row.evaluation is not None else ""
        train = f"tensor({show(row.train)}, device='cuda:0', grad_fn=<NllLossBackward0>)"
        yield f"Epoch [{row.number}/100] Loss: {train}{end}"


def _lined(write: Callable[[Sequence[Row], Show], Iterator[str]]) -> Callable[[Sequence[Row], Show], str]:
    return lambda rows, show: "\n".join(write(rows, show)) + "\n"


def _columns(delimiter: str, *names: str) -> Callable[[Sequence[Row], Show], str]:
    return _lined(lambda rows, show: _table(rows, show, delimiter, names))


TRAIN = frozenset({"train"})
FORMATS: dict[str, Format] = {
    "Hugging Face's Trainer": Format(_lined(_hugging_face)),
    "Hugging Face's Trainer, quoted": Format(_lined(lambda rows, show: _hugging_face(rows, show, "'")), quoted=False),
    "trainer_state.json": Format(_trainer_state, "trainer_state.json"),
    "tqdm": Format(_tqdm),
    "Lightning's bar": Format(_lightning),
    "Keras": Format(_keras),
    "Keras 3": Format(_lined(_keras_3)),
    "key: value": Format(_lined(_named)),
    "key=value": Format(_lined(_equals)),
    "Coqui's log": Format(_lined(_coqui), "trainer_0_log.txt"),
    "CSV": Format(_columns(",", "epoch", "loss", "val_loss", "wer"), "log.csv"),
    "CSV, decimal commas": Format(
        _columns(";", "Epoch", "Train Loss", "Validation Loss", "WER"), "log.csv", comma=True
    ),
    "TSV": Format(_columns("\t", "epoch", "trainLoss", "valLoss", "wer"), "log.tsv"),
    "Lightning's CSV": Format(_lined(_lightning_csv), "metrics.csv"),
    "JSON lines": Format(_lined(_json_lines), "wandb-history.jsonl"),
    "JSON lines with a mode": Format(_lined(_modes), "log.json"),
    "a history of Keras": Format(_history, "history.json"),
    "wandb's CSV": Format(_lined(_wandb), "wandb_export.csv"),
    "nanoGPT": Format(_lined(_nano_gpt)),
    "fairseq": Format(_lined(_fairseq)),
    "RVC": Format(_lined(_rvc), of=TRAIN),
    "GPT-SoVITS": Format(_lined(_gpt_sovits), of=TRAIN),
    "a notebook's table": Format(_lined(_notebook), "table.txt"),
    "fastai": Format(_lined(_fastai), "table.txt"),
    "a table in Markdown": Format(_lined(_markdown), "log.md"),
    "pandas": Format(_lined(_pandas), "history.txt"),
    "headings": Format(_lined(_headings)),
    "PyTorch's example of MNIST": Format(_lined(_mnist)),
    "PyTorch's example of ImageNet": Format(_lined(_image_net), of=TRAIN),
    "sides": Format(_lined(_sides)),
    "tensors": Format(_lined(_tensors)),
    "PowerShell": Format(_lined(_named), encoding="utf-16"),
    "PowerShell, no mark": Format(_lined(_equals), encoding="utf-16-le"),
    "UTF-8 with a mark": Format(_columns(",", "epoch", "loss", "val_loss", "wer"), "log.csv", encoding="utf-8-sig"),
}
