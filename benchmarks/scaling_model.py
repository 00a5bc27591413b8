"""What several GPUs would give, on paper: from the bytes exchanged a step, the bandwidth and the time of computing.

    python -m benchmarks.scaling_model [--step-seconds CLIPS=SECONDS ...]

Gradients are exchanged once an optimizer step, in buckets, while the backward pass is still at work on the rest. Prints
the tables of docs/performance.md. The time to compute a step is that of an assumed GPU; --step-seconds puts measured
ones in its place.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

BYTES = 4  # of a gradient: weights and gradients stay in float32 whatever matrices are multiplied in
TRAINED = {
    "all of XTTS v2": 441.0e6,
    "LoRA of rank 8": 3.93e6,
}  # parameters; gradients of these are exchanged
BUCKET = 25 * 2**20  # bytes of DistributedDataParallel's buckets
BACKWARD = 2 / 3  # of a step's computing: two products of matrices for each of the forward pass
USABLE = 0.8  # of a link's nominal rate
CLIP_FLOP = 6 * 441e6 * 250  # forward and backward of a clip of 6.5 s: about 250 positions
# Assumed, not measured: a fifth of an H100's peak in bf16; and for every step the pass of AdamW over weights and
# moments (12 GB: 4 ms), the casting of weights, and the launching of some 3000 kernels.
GPU_FLOP, FIXED = 200e12, 0.02
BATCHES, RANKS = (3, 8, 32), (8, 64)


@dataclass(frozen=True)
class Link:
    """The slowest link on the way: bytes a second in one direction, and seconds for the first byte to arrive."""

    name: str
    rate: float
    latency: float


LINKS = (
    Link("NVLink", 450e9 * USABLE, 5e-6),
    Link("100 Gbit", 12.5e9 * USABLE, 20e-6),
    Link("10 Gbit", 1.25e9 * USABLE, 50e-6),
)


@dataclass(frozen=True)
class Prediction:
    """Of one optimizer step. `exchange` is the whole of it, `exposed` what computing does not hide; seconds."""

    clips: int
    compute: float
    exchange: float
    exposed: float

    @property
    def clips_a_second(self) -> float:
        return self.clips / (self.compute + self.exposed)

    @property
    def efficiency(self) -> float:
        """Of the rate that as many devices would have if nothing had to be exchanged."""
        return self.compute / (self.compute + self.exposed)


def exchanged_bytes(parameters: float, ranks: int) -> float:
    """What each rank sends, and receives, when its gradients go round a ring."""
    return 2 * (ranks - 1) / ranks * BYTES * parameters


def exchange_seconds(parameters: float, ranks: int, link: Link) -> float:
    """For all buckets, one after the other; the first byte goes up a tree and down again, as NCCL sends it."""
    buckets, hops = max(1.0, BYTES * parameters / BUCKET), 2 * math.ceil(math.log2(ranks))
    return exchanged_bytes(parameters, ranks) / link.rate + buckets * hops * link.latency


def exposed_seconds(exchange: float, backward: float, parameters: float) -> float:
    """What the backward pass cannot hide: the last bucket, and whatever takes longer than the pass itself."""
    last = min(1.0, BUCKET / (BYTES * parameters))
    return max(exchange * last, exchange - backward * (1 - last))


def predict(parameters: float, ranks: int, batch: int, compute: float, link: Link, accumulate: int = 1) -> Prediction:
    """A step of `batch` clips on each of `ranks` devices, which takes one of them alone `compute` seconds.

    Of a step in `accumulate` micro-batches, only the backward pass of the last one hides the exchange.
    """
    exchange = exchange_seconds(parameters, ranks, link) if ranks > 1 else 0.0
    exposed = exposed_seconds(exchange, compute * BACKWARD / accumulate, parameters)
    return Prediction(ranks * batch, compute, exchange, exposed)


def computing(clips: int) -> float:
    """Seconds of a step of so many clips on the assumed GPU, nothing exchanged."""
    return FIXED + clips * CLIP_FLOP / GPU_FLOP


def table(parameters: float, compute: Mapping[int, float]) -> Iterator[str]:
    """Markdown: clips a second, with the efficiency, by number of GPUs and clips on each."""
    yield "| GPUs | clips on each | computing, ms |" + "".join(f" {link.name} |" for link in LINKS)
    yield "|" + "---:|" * (3 + len(LINKS))
    for ranks in RANKS:
        times = (_ms(exchange_seconds(parameters, ranks, link)) for link in LINKS)
        yield f"| {ranks} | exchange alone, ms | |" + "".join(f" {each} |" for each in times)
        for batch, seconds in compute.items():
            found = [predict(parameters, ranks, batch, seconds, link) for link in LINKS]
            cells = (f" {each.clips_a_second:.0f} ({100 * each.efficiency:.0f} %) |" for each in found)
            yield f"| {ranks} | {batch} | {_ms(seconds)} |" + "".join(cells)


def _ms(seconds: float) -> str:
    return f"{1000 * seconds:.1f}" if seconds < 0.01 else f"{1000 * seconds:.0f}"


def main() -> None:
    options = _options()
    compute = dict(options.step_seconds) or {clips: computing(clips) for clips in BATCHES}
    for name, parameters in TRAINED.items():
        sent = exchanged_bytes(parameters, RANKS[0]) / 1e9
        print(f"\n{name}: {parameters / 1e6:.1f} M parameters, {sent:.2f} GB sent a step by each of {RANKS[0]} GPUs\n")
        print("\n".join(table(parameters, compute)))


def _step(text: str) -> tuple[int, float]:
    clips, seconds = text.split("=")
    return int(clips), float(seconds)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--step-seconds", type=_step, nargs="+", default=[], metavar="CLIPS=SECONDS", help="measured steps"
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
