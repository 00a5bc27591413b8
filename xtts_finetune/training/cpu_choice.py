"""In which precision a CPU takes a phase's steps, and with how many threads: what is faster here, measured once.

What a CPU says of itself tells neither how slow its bf16 is without units for it nor whether another program keeps a
core busy. What is expected stays unless something else is clearly faster, so that the same command chooses the same
on the same quiet machine; the choice is kept with the phase, and a phase that continues does not choose again.
"""

from __future__ import annotations

import contextlib
import math
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TypeVar

import torch
from transformers import GPT2Config
from transformers.models.gpt2.modeling_gpt2 import GPT2Block

from xtts_finetune.numbers.fixed import V2_SIZES
from xtts_finetune.records.atomic import json_or_none, write_json_atomic
from xtts_finetune.records.run_folder import CandidateFolder
from xtts_finetune.spec.phase import PhaseSpec, Precision
from xtts_finetune.training.device import HALF, pick_precision
from xtts_finetune.xtts.base import BaseFiles, read_config
from xtts_finetune.xtts.forward import run_block

# A precision other than the expected one has to be so many times as fast, and one thread fewer as well.
PRECISION_GAIN, THREADS_GAIN = 1.25, 1.1
# Below this width a step is made of so many small products that there is nothing to gain.
LEAST_WIDTH = 128
# What is measured: a layer forward and backward, with fewer positions the wider it is: bf16 without units takes up
# to 70 times as long as fp32.
MOST_CLIPS, LEAST_POSITIONS, POSITIONS_X_WIDTH = 3, 32, 128 * 256
SECONDS, LEAST_ROUNDS, MOST_ROUNDS, SLOW = 1.0, 2, 7, 3.0
# Who says one of these has chosen the threads.
SAID = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")

Way = TypeVar("Way")


@dataclass(frozen=True)
class CpuChoice:
    """What was chosen, and why in words."""

    precision: Precision
    threads: int
    why: str


def kept(folder: CandidateFolder) -> CpuChoice | None:
    """What was chosen when the phase started; None where nothing was."""
    return json_or_none(folder.cpu, _of_json)


def choose(phase: PhaseSpec, base: BaseFiles, folder: CandidateFolder) -> CpuChoice | None:
    """The choice for a phase on the CPU, kept in its folder from its start on; None where there was none to make.

    Explicit values are not chosen: 'precision' of the phase, and OMP_NUM_THREADS. A phase that was started before there
    was a choice continues as it was.
    """
    before = kept(folder)
    if before is not None:
        return before if phase.precision in ("auto", before.precision) else None
    threads = torch.get_num_threads()
    counts = [threads] if threads < 2 or any(os.environ.get(name) for name in SAID) else [threads, threads - 1]
    arguments = read_config(base)["model_args"]
    width, heads = (int(arguments.get(name) or V2_SIZES[name]) for name in ("gpt_n_model_channels", "gpt_n_heads"))
    nothing_to_choose = phase.precision != "auto" and len(counts) == 1
    if nothing_to_choose or width < LEAST_WIDTH or folder.recorded_steps():
        return None
    choice = measured(phase.precision, counts, Layer(width, heads, min(phase.batch_size, MOST_CLIPS)).seconds)
    folder.path.mkdir(parents=True, exist_ok=True)
    write_json_atomic(folder.cpu, asdict(choice))
    return choice


def measured(wanted: Precision, counts: Sequence[int], seconds: Callable[[Precision, int], float]) -> CpuChoice:
    """The best of `counts` threads in the precision expected for `wanted`, and then the precision with these.

    `seconds` measures one layer once. What comes first is taken unless another is clearly faster.
    """
    expected = pick_precision(wanted, "cpu")
    other: Precision = "fp32" if expected == "bf16" else "bf16"
    precisions = [expected, other] if wanted == "auto" else [expected]
    of_counts = _least(counts, lambda count: seconds(expected, count))
    threads = _clearly_least(of_counts, THREADS_GAIN) if of_counts else counts[0]
    of_precisions = _least(precisions, lambda precision: seconds(precision, threads))
    precision = _clearly_least(of_precisions, PRECISION_GAIN) if of_precisions else expected
    said = [f"{_ms(least)} with {_threads(count)}" for count, least in of_counts.items()]
    said += [f"{_ms(least)} in {each}" for each, least in of_precisions.items()]
    return CpuChoice(precision, threads, f"a layer took {', '.join(said)}")


def in_words(choice: CpuChoice | None) -> str:
    """For people: threads, and why."""
    return _threads(torch.get_num_threads()) + (f" ({choice.why})" if choice else "")


@contextlib.contextmanager
def threads_of(choice: CpuChoice | None) -> Iterator[None]:
    """Inside, torch computes with as many threads as were chosen, unless the user says how many."""
    before = torch.get_num_threads()
    if choice is not None and not any(os.environ.get(name) for name in SAID):
        torch.set_num_threads(choice.threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)


class Layer:
    """A layer of a GPT of this width, with random weights, and a batch for it."""

    def __init__(self, width: int, heads: int, clips: int) -> None:
        with torch.random.fork_rng(devices=[]):
            self._block = GPT2Block(GPT2Config(n_embd=width, n_head=heads), layer_idx=0).train()
            self._hidden = torch.randn(clips, max(LEAST_POSITIONS, POSITIONS_X_WIDTH // width), width)

    def seconds(self, precision: Precision, threads: int) -> float:
        """Of one time forward and backward."""
        before = torch.get_num_threads()
        torch.set_num_threads(threads)
        try:
            began = time.perf_counter()
            with torch.random.fork_rng(devices=[]), torch.autocast("cpu", HALF.get(precision), precision in HALF):
                hidden = run_block(self._block, self._hidden)
            hidden.float().sum().backward()  # type: ignore[no-untyped-call]
            self._block.zero_grad()
            return time.perf_counter() - began
        finally:
            torch.set_num_threads(before)


def _least(ways: Sequence[Way], seconds: Callable[[Way], float]) -> dict[Way, float]:
    """The least seconds of each way; all are measured in turn, so that what the machine does meets all alike.

    Of one way alone nothing is measured. The first round makes kernels and does not count, except for a way that is
    out of the race by then.
    """
    if len(ways) == 1:
        return {}
    first = {way: seconds(way) for way in ways}
    slow = {way: took for way, took in first.items() if took > max(SECONDS, SLOW * min(first.values()))}
    found: dict[Way, float] = {}
    ends = time.perf_counter() + SECONDS * len(ways)
    for number in range(MOST_ROUNDS):
        if number >= LEAST_ROUNDS and time.perf_counter() > ends:
            break
        found |= {way: min(found.get(way, math.inf), seconds(way)) for way in ways if way not in slow}
    return {way: (slow | found)[way] for way in ways}


def _clearly_least(of_ways: Mapping[Way, float], gain: float) -> Way:
    first, *others = of_ways
    best = min(others, key=of_ways.__getitem__, default=first)
    return best if of_ways[first] > gain * of_ways[best] else first


def _of_json(found: Mapping[str, object]) -> CpuChoice:
    precision, threads, why = found["precision"], found["threads"], found["why"]
    if precision not in ("fp32", "bf16") or not isinstance(threads, int) or threads < 1 or not isinstance(why, str):
        raise ValueError("no choice")
    return CpuChoice(precision, threads, why)


def _ms(seconds: float) -> str:
    return f"{1000 * seconds:.3g} ms"


def _threads(count: int) -> str:
    return "1 thread" if count == 1 else f"{count} threads"
