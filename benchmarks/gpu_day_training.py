"""Sections of gpu_day.py about training: time and memory of a step, what fits, going on, fp16, two at once, compile."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import torch

from benchmarks.gpu_day_bench import Bench, Day, let_go
from xtts_finetune.records.faults import stop_of_error
from xtts_finetune.records.stopping import Reason

USUAL_S, LONGEST_S = 6.5, 11.6
"""Seconds of a clip: what is usual, and the longest that is taken."""
LORA: dict[str, Any] = {"train": {"lora": {}}}
SETTINGS: dict[str, dict[str, Any]] = {
    "batch 3": {},
    "batch 8": {"batch_size": 8},
    "1 x 3": {"batch_size": 1, "accumulate": 3},
    "moments in bf16": {"optimizer_moments": "bf16"},
    "checkpointing": {"gradient_checkpointing": True},
    "fp32": {"precision": "fp32"},
    "fp16": {"precision": "fp16"},
    "LoRA": LORA,
    "LoRA, checkpointing": {**LORA, "gradient_checkpointing": True},
}
STEPS = 10
CARD_OF_8_GB = 8.45e9
"""Bytes that a card sold as 8 GB has, less what its context takes."""
FP16_STEPS, SKIPPED_AT_MOST = 12, 5


def nothing_waits(day: Day) -> str:
    """Three steps while torch raises an error at whatever waits for the card."""
    bench = Bench(day, {})
    batch = bench.batch(USUAL_S)
    bench.step(batch)
    bench.wait()
    if day.device == "cuda":
        torch.cuda.set_sync_debug_mode("error")
    try:
        for number in range(3):
            bench.step(batch, number)
    finally:
        if day.device == "cuda":
            torch.cuda.set_sync_debug_mode("default")
    return "no step waits"


def steps_and_memory(day: Day) -> dict[str, Any]:
    """Each setting with clips of usual length, and its memory with the longest ones beside the estimate."""
    found: dict[str, Any] = {}
    for name, declared in SETTINGS.items():
        let_go()
        bench = Bench(day, declared)
        longest = bench.timed(bench.batch(LONGEST_S), 3, 2)
        kept = {f"{key}, longest": value for key, value in longest.items() if key.startswith("GB")}
        found[name] = bench.timed(bench.batch(USUAL_S), STEPS) | kept | {"GB estimated": bench.estimated(LONGEST_S)}
        del bench
    return found


def largest_batch(day: Day) -> dict[str, Any]:
    """The most clips of the longest kind that one step takes, by doubling and halving the gap."""
    fits, too_many = 3, None
    while too_many is None and fits < 96:
        if _fits(day, 2 * fits):
            fits *= 2
        else:
            too_many = 2 * fits
    while too_many is not None and too_many - fits > max(1, fits // 8):
        middle = (fits + too_many) // 2
        if _fits(day, middle):
            fits = middle
        else:
            too_many = middle
    let_go()
    bench = Bench(day, {"batch_size": fits})
    return {"clips": fits, "at least": too_many is None, **bench.timed(bench.batch(LONGEST_S), 3, 2)}


def _fits(day: Day, clips: int) -> bool:
    let_go()
    return _out_of_memory(lambda: _two_steps(day, {"batch_size": clips})) is None


def _two_steps(day: Day, declared: dict[str, Any]) -> None:
    """The second one has the moments that the first one makes."""
    bench = Bench(day, declared)
    batch = bench.batch(LONGEST_S)
    for number in range(2):
        bench.step(batch, number)
    bench.wait()


def _out_of_memory(work: Callable[[], None]) -> str | None:
    """The words that it ends with, if it ends for want of memory; other errors are raised."""
    try:
        work()
    except RuntimeError as error:
        stop = stop_of_error(error)
        if stop.reason is not Reason.OUT_OF_MEMORY:
            raise
        return stop.message
    return None


def card_of_8_gb(day: Day) -> dict[str, Any]:
    """What fits a card of 8 GB, held to its size, and how one that does not fit ends."""
    if day.device == "cuda":
        total = torch.cuda.get_device_properties(0).total_memory
        torch.cuda.set_per_process_memory_fraction(min(1.0, CARD_OF_8_GB / total))
    found = {}
    try:
        for name in ("moments in bf16", "batch 3", "checkpointing", "1 x 3", "LoRA", "batch 8"):
            let_go()
            ended = _out_of_memory(lambda name=name: _two_steps(day, SETTINGS[name]))  # type: ignore[misc]
            found[name] = "fits" if ended is None else ended
    finally:
        if day.device == "cuda":
            torch.cuda.set_per_process_memory_fraction(1.0)
    return found


def going_on(day: Day) -> dict[str, float]:
    """Six steps at once, and three, a copy of everything to the host and back, and three more: how far apart?"""
    bench = Bench(day, {"learning_rate": 1e-5})
    batches = [bench.batch(USUAL_S, number) for number in range(6)]
    kept: dict[str, Any] = {}
    for number, batch in enumerate(batches):
        if number == 3:
            kept = {"model": copy.deepcopy(bench.model.state_dict()), "optimizer": bench.optimizer.state_dict()}
            kept = copy.deepcopy(kept)
        loss = bench.step(batch, number).get().loss
    first = {name: weight.detach().cpu().clone() for name, weight in bench.model.named_parameters()}
    bench.model.load_state_dict(kept["model"])
    bench.optimizer.load_state_dict(kept["optimizer"])
    for number in range(3, 6):
        again = bench.step(batches[number], number).get().loss
    apart = [
        float((weight.detach().cpu() - first[name]).abs().max()) for name, weight in bench.model.named_parameters()
    ]
    return {"weights apart at most": max(apart), "loss": loss, "loss apart": abs(loss - again)}


def scaled(day: Day) -> dict[str, Any]:
    """fp16: which steps the scaler leaves out, and whether the loss stays a number."""
    bench = Bench(day, {"precision": "fp16"})
    batch, losses, left_out = bench.batch(USUAL_S), [], []
    for number in range(FP16_STEPS):
        before = bench.scaler.get_scale() if bench.scaler else 0.0
        losses.append(bench.step(batch, number).get().loss)
        if bench.scaler and bench.scaler.get_scale() < before:
            left_out.append(number)
    assert all(loss == loss for loss in losses), losses
    assert len(left_out) <= SKIPPED_AT_MOST, left_out
    return {"left out": left_out, "loss": losses[-1]}


def two_on_one_card(day: Day) -> dict[str, float]:
    """Steps a second of one process alone, and of two side by side, as two trials of a race would be."""
    return {"alone": sum(_side_by_side(day, 1)), "two together": sum(_side_by_side(day, 2))}


def _side_by_side(day: Day, count: int) -> list[float]:
    job = json.dumps({"work": str(day.work), "device": day.device, "small": day.small})
    command = [sys.executable, "-m", "benchmarks.gpu_day_training", job]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True, encoding="utf-8") for _ in range(count)]
    said = [each.communicate(timeout=300)[0] for each in running]
    if any(each.returncode for each in running):
        raise ChildProcessError(f"{count} side by side: one of them failed")
    return [float(each.splitlines()[-1]) for each in said]


def steps_a_second(job: dict[str, Any]) -> float:
    """One of `_side_by_side`: LoRA at batch 3, which fits twice on most cards."""
    day = Day(**{**job, "ends": 0.0})
    bench = Bench(day, LORA)
    batch = bench.batch(USUAL_S)
    bench.timed(batch, 1)
    began, steps = time.perf_counter(), 0
    while time.perf_counter() - began < 5.0:
        bench.step(batch, steps)
        steps += 1
        bench.wait()
    return steps / (time.perf_counter() - began)


def compiled(day: Day) -> dict[str, Any]:
    """torch.compile: how long until the first step, and a step afterwards, beside one without."""
    found = {}
    for name, declared in (("all", {}), ("LoRA", LORA)):
        let_go()
        bench = Bench(day, {**declared, "compile": True})
        batch = bench.batch(USUAL_S)
        began = time.perf_counter()
        bench.step(batch)
        bench.wait()
        found[name] = {"start-up s": time.perf_counter() - began, **bench.timed(batch, STEPS)}
    return found


if __name__ == "__main__":
    from pathlib import Path

    given = json.loads(sys.argv[1])
    print(steps_a_second({**given, "work": Path(given["work"])}))
