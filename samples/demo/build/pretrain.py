"""Pretraining of the demo's GPT, with Coqui's own class and loss, on a few CPU cores.

One process of one thread for each core, which average their gradients: at these sizes the threads of one process
spend their time waiting for each other (20 times slower on two cores that other programs use too).
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

import torch
import torch.distributed as distributed
from base_files import small_gpt
from hearing import Loudness
from made_voices import SPEEDS
from torch.nn.utils import clip_grad_norm_, parameters_to_vector
from training_data import Batch, Batches, Pretraining
from TTS.tts.layers.xtts.gpt import GPT

TEXT_WEIGHT = 0.1
"""Coqui fine-tunes with 0.01; from scratch the text head should learn too."""

HELD_OUT = 0.05
"""Share of the clips that pretraining leaves out, to see whether it still learns to speak or only memorises."""

CLIPS, GROUPS, LONGEST_FRAMES = 20, 5, 259


@dataclass(frozen=True)
class Schedule:
    """Warm-up, a constant rate, and a linear fall over the last `decay` of the steps.

    The constant stretch is why a run may be made longer or shorter while it goes.
    """

    steps: int
    peak: float = 1.0e-3
    warm_up: int = 200
    decay: float = 0.3

    def rate(self, step: int) -> float:
        left = (self.steps - step) / (self.decay * self.steps)
        return self.peak * min(1.0, (step + 1) / self.warm_up, max(left, 0.01))

    def longest_s(self, step: int) -> float:
        """Short clips first, since a model learns on them which sound belongs to which token."""
        return 1.2 + 3.8 * min(step / (0.2 * self.steps), 1.0)


def loss_of(gpt: GPT, batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
    """Text and mel cross-entropy of a batch in nats, by GPT.forward, with conditioning shared within groups."""
    latents = gpt.get_style_emb(batch.conditioning).transpose(1, 2)
    latents = latents.repeat_interleave(len(batch.text) // len(latents), dim=0)
    text_ce, mel_ce, _ = gpt(
        batch.text,
        batch.text_lengths,
        batch.codes.clone(),
        batch.samples,
        cond_mels=latents.new_zeros(len(batch.text), 1, 80, 1),  # only its first size is read when latents are given
        cond_latents=latents,
    )
    return text_ce, mel_ce


@torch.no_grad()
def held_out_mel_ce(gpt: GPT, held_out: Pretraining) -> tuple[float, float]:
    """Mean over fixed batches of clips that training never sees, in nats; and what is lost with references exchanged.

    The second is how much the reference matters: what the model loses when each voice is given another one's.
    """
    gpt.eval()
    batches = Batches(held_out, CLIPS, GROUPS, padded_frames=LONGEST_FRAMES, seed=7)
    own, others = [], []
    for step in range(8):
        batch = batches.at(step, 9.0)
        own.append(loss_of(gpt, batch)[1].item())
        others.append(loss_of(gpt, batch.with_conditioning(batch.conditioning.roll(1, dims=0)))[1].item())
    gpt.train()
    return fmean(own), fmean(others) - fmean(own)


def pretrain(folder: Path, vocabulary: Path, schedule: Schedule, every: int, workers: int) -> None:
    """Train on `folder`/data.pt, into `folder`/pretraining.pt; goes on from there if it exists."""
    rendezvous = folder.resolve() / "rendezvous"
    rendezvous.unlink(missing_ok=True)
    arguments = (workers, rendezvous, folder, vocabulary, schedule, every)
    torch.multiprocessing.spawn(_work, arguments, nprocs=workers)


def _work(
    rank: int, workers: int, rendezvous: Path, folder: Path, vocabulary: Path, schedule: Schedule, every: int
) -> None:
    torch.set_num_threads(1)
    distributed.init_process_group("gloo", init_method=rendezvous.as_uri(), rank=rank, world_size=workers)
    torch.manual_seed(1)
    gpt = small_gpt(vocabulary).train()  # with GPT-2's dropout: without it the corpus is memorised
    for block in gpt.gpt.h:
        # GPT-2's own activation, in one operation instead of eight.
        block.mlp.act = torch.nn.GELU(approximate="tanh")
    loudness = Loudness(gpt)
    parameters = list(gpt.parameters())
    optimizer = torch.optim.AdamW(parameters, lr=schedule.peak, betas=(0.9, 0.96), weight_decay=0.05, fused=True)
    saved = folder / "pretraining.pt"
    first = _restore(saved, gpt, optimizer) if saved.exists() else 0
    data = torch.load(folder / "data.pt", weights_only=False)  # our own file, made a moment ago
    data, held_out = data.split(round(HELD_OUT * len(data.examples) / (1 + len(SPEEDS))))
    batches = Batches(data, CLIPS, GROUPS, padded_frames=LONGEST_FRAMES, seed=rank)
    sums, begun = torch.zeros(4), time.monotonic()
    for step in range(first, schedule.steps):
        for group in optimizer.param_groups:
            group["lr"] = schedule.rate(step)
        with torch.autocast("cpu", torch.bfloat16):
            text_ce, mel_ce = loss_of(gpt, batches.at(step, schedule.longest_s(step)))
        strayed = loudness.strayed()
        optimizer.zero_grad()
        (TEXT_WEIGHT * text_ce + mel_ce + strayed).backward()
        _average_gradients(parameters, workers)
        clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        sums += torch.tensor([text_ce.item(), mel_ce.item(), strayed.item(), 1.0])
        if rank == 0 and (step + 1) % 25 == 0:
            _log(folder, step + 1, sums, schedule, time.monotonic() - begun)
            sums.zero_()
        if rank == 0 and (step + 1) % (2 * every) == 0:
            own, matters = held_out_mel_ce(gpt, held_out)
            loudness.clear()
            print(f"step {step + 1}: held-out mel_ce {own:.4f}, {matters:+.4f} by another's reference", flush=True)
        if rank == 0 and ((step + 1) % every == 0 or step + 1 == schedule.steps):
            _save(saved, gpt, optimizer, step + 1)
    distributed.destroy_process_group()


def _average_gradients(parameters: list[torch.nn.Parameter], workers: int) -> None:
    gradients = [p.grad for p in parameters if p.grad is not None]
    flat = parameters_to_vector(gradients)
    distributed.all_reduce(flat)
    torch.nn.utils.vector_to_parameters(flat / workers, gradients)


def _restore(path: Path, gpt: GPT, optimizer: torch.optim.Optimizer) -> int:
    state = torch.load(path, weights_only=True)
    gpt.load_state_dict(state["gpt"])
    optimizer.load_state_dict(state["optimizer"])
    return int(state["step"])


def _log(folder: Path, step: int, sums: torch.Tensor, schedule: Schedule, seconds: float) -> None:
    text_ce, mel_ce, strayed = (sums[:3] / sums[3]).tolist()
    record = {
        "step": step,
        "text_ce_nats": round(text_ce, 4),
        "mel_ce": round(mel_ce, 4),
        "strayed": round(strayed, 5),
        "longest_s": round(schedule.longest_s(step), 2),
        "seconds": round(seconds, 1),
    }
    print(record, flush=True)
    with (folder / "pretraining.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps(record) + "\n")


def _save(path: Path, gpt: GPT, optimizer: torch.optim.Optimizer, step: int) -> None:
    partial = path.with_suffix(".partial")
    torch.save({"gpt": gpt.state_dict(), "optimizer": optimizer.state_dict(), "step": step}, partial)
    partial.replace(path)
