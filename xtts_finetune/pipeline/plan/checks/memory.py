"""The memory that a phase takes, beside what there is: of the card, the computer, or the container it runs in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xtts_finetune.look.quantities import readable_size
from xtts_finetune.numbers.fixed import CODES_A_SECOND, CONDITIONING_TOKENS, FRAMES_A_SECOND
from xtts_finetune.pipeline.plan.checks.check import Check, error, ok, warning
from xtts_finetune.pipeline.plan.disk import HIFIGAN_BYTES, gpt_sizes, sizes_of
from xtts_finetune.records.clips import ClipRecord
from xtts_finetune.spec.phase import PhaseSpec
from xtts_finetune.spec.train import Train, TrainLora

# Of clips that are not prepared yet: the longest that are taken, and a text of usual length for them.
LONGEST_SECONDS, LONGEST_TEXT = 11.6, 150
CONDITIONED_SECONDS = 6.0
CONDITIONING_BLOCKS = 6
# Bytes that are kept in fp32, and in 16 bit, where norms and sums stay in fp32.
TOKEN = (76, 44)  # of a layer, for each token and channel
FRAME = (32, 20)  # of a block of the conditioning encoder, for each frame and channel
MATRICES = (9, 6)  # of attention that is written out, for each head and pair of tokens
# Python, torch and the libraries; on a GPU its context instead.
PROCESS_BYTES, CONTEXT_BYTES = 1_000_000_000, 450_000_000
# What torch's allocator keeps beside what is asked for.
SPARE, GPU_SPARE = 1.05, 1.03


@dataclass(frozen=True)
class Estimate:
    """Bytes: `weights` with gradients and Adam's two moments of what trains, and a copy of the starting model where one
    is kept; `total` with all the rest."""

    weights: int
    total: int
    batch_size: int


@dataclass(frozen=True)
class Longest:
    """The longest clip: tokens that the GPT sees of it, and frames of it that condition the GPT."""

    tokens: int
    frames: int

    @classmethod
    def of(cls, seconds: float, text_tokens: int) -> Longest:
        """The length of a clip with so many seconds and tokens of text, start and stop not counted."""
        tokens = CONDITIONING_TOKENS + text_tokens + 4 + round(CODES_A_SECOND * seconds)
        return cls(tokens, round(FRAMES_A_SECOND * min(seconds, CONDITIONED_SECONDS)))


def estimate(
    model_bytes: int, config: Mapping[str, Any], phase: PhaseSpec, longest: Longest, on_gpu: bool = False
) -> Estimate:
    """Memory of a phase with its longest clips all in one batch; `model_bytes` is a model file in fp32.

    Weights take 4 bytes a parameter, gradients and two moments 12 more of one that trains, 8 with moments in bf16. A
    layer keeps tensors of
    19 times the width for each token: its two inputs and their norms, q, k and v and q scaled, what was heard, and
    eight widths of the MLP. Attention that is written out, on the CPU, keeps two matrices of all tokens a head and a
    mask; a GPU's kernel keeps none. Checkpointed layers keep their input, and one at a time all of that. A block of the
    conditioning encoder keeps eight widths for each frame. What lies before the first weight that trains keeps
    nothing. A phase with `kl_weight` keeps a copy of the GPT that it started from; adapters need none. Saving adapters
    takes a second copy of the weights that they add to, when activations are free again.
    'auto' counts as fp32 on a CPU, which may have no units for less.

    On a GPU weights are cast to 16 bit, 2 bytes a parameter that stay until the backward pass has read them, unless
    layers are computed twice. Gradients come as activations go: the larger of both is there at once, but both where a
    step has several micro-batches.

    Measured on a CPU as the largest resident set, 12 layers of width 768, clips of 3 s, beside the estimate:

        all, fp32, batches of 12                 4.9 GB   5.2 GB
        adapters of rank 8, fp32, batches of 24  4.7 GB   4.8 GB
        all, bf16, batches of 24                 5.3 GB   5.6 GB

    Peaks of torch's allocator for XTTS v2 on a pretended GPU, without context and spare, beside the estimate without
    them: tests/pipeline/plan/checks/test_gpu_memory.py.
    """
    _, width, heads = gpt_sizes(config)
    half = phase.precision in ("bf16", "fp16") or (phase.precision == "auto" and on_gpu)
    sizes = sizes_of(model_bytes, config, phase)
    adapters = sizes.trained if isinstance(phase.train, TrainLora) else 0
    held_to = sizes.gpt if phase.kl_weight and not adapters else 0
    held = sizes.gpt + adapters + sizes.moments + held_to
    matrices = 0 if on_gpu else MATRICES[half] * heads * longest.tokens**2
    a_layer = TOKEN[half] * width * longest.tokens + matrices
    a_block = FRAME[half] * width * longest.frames
    layers, blocks = _kept(config, phase.train)
    kept = layers * a_layer
    if phase.gradient_checkpointing:
        kept = layers * 4 * width * longest.tokens + a_layer
    clips = phase.batch_size if phase.max_tokens is None else max(1, phase.max_tokens // longest.tokens)
    activations = clips * (kept + blocks * a_block)
    if on_gpu:
        casts = 0 if phase.gradient_checkpointing or not half else sizes.gpt // 2
        at_work = activations + casts
        busiest = at_work + sizes.trained if phase.accumulate > 1 else max(at_work, sizes.trained)
        total = GPU_SPARE * (held + busiest + HIFIGAN_BYTES) + CONTEXT_BYTES
        return Estimate(held + sizes.trained, int(total), clips)
    weights = held + sizes.trained
    total = SPARE * (weights + max(activations, sizes.extra) + HIFIGAN_BYTES + PROCESS_BYTES)
    return Estimate(weights, int(total), clips)


def _kept(config: Mapping[str, Any], train: Train) -> tuple[int, int]:
    """Layers of the transformer and blocks of the conditioning encoder whose activations are there at once."""
    layers, _, _ = gpt_sizes(config)
    if isinstance(train, TrainLora):
        return layers, 1
    if train != "all" and set(train) == {"heads"}:
        return 1, 1
    return layers, CONDITIONING_BLOCKS if train == "all" or "conditioning" in train else 1


def longest_clip(clips: Iterable[ClipRecord]) -> Longest:
    """The longest of the clips; where there are none yet, the longest that would be taken."""
    lengths = [Longest.of(clip.seconds, clip.text_tokens) for clip in clips]
    return max(lengths, key=lambda length: length.tokens, default=Longest.of(LONGEST_SECONDS, LONGEST_TEXT))


CGROUPS, OWN = Path("/sys/fs/cgroup"), Path("/proc/self/cgroup")


@dataclass(frozen=True)
class Limit:
    """The most that all processes of a group may take together, and what is left of it, in bytes."""

    total: int
    free: int


def memory_limit(cgroups: Path = CGROUPS, own: Path = OWN) -> Limit | None:
    """The tightest limit of Linux' control groups on this process; None where there is none, or no Linux.

    https://docs.kernel.org/admin-guide/cgroup-v2.html (memory.max, memory.current, memory.stat) and, for
    version 1, https://docs.kernel.org/admin-guide/cgroup-v1/memory.html. A limit of a group holds for all in it.
    """
    limits = [limit for folder in _groups(cgroups, own) if (limit := _limit(folder)) is not None]
    if not limits:
        return None
    return Limit(min(limit.total for limit in limits), min(limit.free for limit in limits))


def _groups(cgroups: Path, own: Path) -> Iterator[Path]:
    """The folders of the groups that this process is in, each before the one around it."""
    try:
        lines = own.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):
        return
    for line in lines:
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if controllers and "memory" not in controllers.split(","):
            continue
        root = cgroups / "memory" if controllers else cgroups
        folder = root / path.strip("/")
        # In a container the path may be one that only its host knows; the folders above it are seen all the same.
        yield from (each for each in (folder, *folder.parents) if each.is_relative_to(root))


def _limit(folder: Path) -> Limit | None:
    for most, now, cache in (
        ("memory.max", "memory.current", "inactive_file"),
        ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
    ):
        total, used = _number(folder / most), _number(folder / now)
        if total is not None and used is not None:
            return Limit(total, max(0, total - used + _stat(folder, cache)))
    return None


def _number(file: Path) -> int | None:
    """The number in a file; None for another word, such as 'max', and where there is no such file."""
    try:
        return int(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def _stat(folder: Path, name: str) -> int:
    """What of the memory in use holds copies of files and is given back at once, in bytes."""
    try:
        lines = (folder / "memory.stat").read_text(encoding="utf-8").splitlines()
        return next(int(line.split()[1]) for line in lines if line.split()[:1] == [name])
    except (OSError, ValueError, IndexError, StopIteration):
        return 0


CURE = (
    "use precision: bf16, gradient_checkpointing: true or optimizer_moments: bf16, with batches of 4 and more a lower "
    "batch_size and a higher accumulate, train adapters alone (train: {lora: {}}), or close other programs; "
    "on_out_of_memory: halve_batch tries some of it by itself"
)
FULL = 0.9


@dataclass(frozen=True)
class Memory:
    """Memory of the device that trains, in bytes; `of` says whose."""

    of: str
    total: int
    free: int


def computer_memory() -> Memory:
    """The computer's own memory, or what a container is given of it, for training on the CPU."""
    import psutil  # noqa: PLC0415  (25 ms that --help need not pay)

    memory = psutil.virtual_memory()
    return memory_within(int(memory.total), int(memory.available), memory_limit())


def memory_within(total: int, free: int, limit: Limit | None) -> Memory:
    """The computer's memory under the limit of a container, if there is one that matters."""
    if limit is None or limit.total >= total:
        return Memory("this computer", total, free)
    return Memory("this container", limit.total, min(free, limit.free))


def check_memory(phase: str, estimate: Estimate, memory: Memory) -> Check:
    """Check that a phase fits; an error only if its weights alone never will."""
    name = f"memory of {phase}"
    needed = f"about {readable_size(estimate.total)} for batches of {estimate.batch_size}"
    there = f"{readable_size(memory.free)} of {readable_size(memory.total)} free on {memory.of}"
    if estimate.weights > memory.total:
        found = f"{readable_size(estimate.weights)} for weights, gradients and optimizer alone; {there}"
        return error(name, found, "too much for this device: train: {lora: {}} needs less, or use one with more memory")
    if estimate.total > FULL * memory.free:
        return warning(name, f"{needed}; {there}", CURE)
    return ok(name, f"{needed}; {there}")
