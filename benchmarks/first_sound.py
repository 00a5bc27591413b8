"""How long until the first sound, with the model loaded: ours streamed, stock's `inference_stream`, and ours whole.

    python -m benchmarks.first_sound [--size full] [--codes 120] [--repeats 3] [--threads 2] [--out FILE]

ours    `Speaker.stream`, in windows of latents that overlap by what the HiFi-GAN sees
stock   Coqui's `Xtts.inference_stream` as it comes, 20 codes a chunk, faded into each other
whole   `Speaker.speak`, which gives its sound at the end

A base with random weights, of XTTS v2's size unless `--size small`, says one text of exactly `--codes` codes (it never
ends by itself); the sides take turns, and the median counts. `played` is how long the sound so far lasts when the next
part comes, at the worst: below 0 a listener hears a gap. `apart` is how far the streamed samples are from the whole at
most, beside its loudest one. Nothing else should run meanwhile; some minutes on two idle cores, 4 GB of memory.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch

from testbed.random_base import XTTS_V2, BaseSize, make_random_base
from xtts_finetune.spec.utterances import InferenceSpec
from xtts_finetune.xtts.model import load_model
from xtts_finetune.xtts.speech.speech import Speaker
from xtts_finetune.xtts.speech.voice import voice_of

SETTINGS = InferenceSpec(repetition_penalty=1.0)
TEXT = "A text of a few words, and of a few words more."
SIZES = {"full": XTTS_V2, "small": BaseSize(with_hifigan=True)}
Parts = Callable[[], Iterator[np.ndarray]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", choices=SIZES, default="full")
    parser.add_argument("--codes", type=int, default=120)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    with tempfile.TemporaryDirectory() as folder:
        speaker, model, voice = _loaded(Path(folder), given.size, given.codes)
    sides: dict[str, Parts] = {
        "ours": lambda: speaker.stream(TEXT, "en", SETTINGS, 1),
        "stock": lambda: (part.cpu().numpy() for part in _stock(model, voice)),
        "whole": lambda: iter([speaker.speak(TEXT, "en", SETTINGS, 1).wave]),
    }
    times: dict[str, list[tuple[float, float, float, int]]] = {side: [] for side in sides}
    for turn in range(given.repeats + 1):  # what libraries set up once does not count
        for side, parts in sides.items():
            if turn:
                times[side].append(_timed(parts, speaker.sample_rate))
            else:
                next(parts())
    apart = _apart(sides)
    report = {"machine": {"cores": os.cpu_count(), "threads": given.threads, "torch": torch.__version__},
              "codes": given.codes, "apart": apart, "sides": {}}  # fmt: skip
    print(f"{'':8}{'first s':>9}{'all s':>9}{'played s':>10}{'parts':>7}")
    for side, found in times.items():
        first, whole, played, parts = (median(column) for column in zip(*found, strict=True))
        report["sides"][side] = {"first_s": first, "all_s": whole, "played_s": played, "parts": parts}
        print(f"{side:8}{first:9.3f}{whole:9.3f}{played:10.2f}{parts:7.0f}")
    print(f"streamed, apart from the whole: {apart:.1e} of its loudest sample")
    if given.out:
        given.out.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


def _loaded(folder: Path, size: str, codes: int) -> tuple[Speaker, Any, Any]:
    base = make_random_base(folder, SIZES[size])
    model: Any = load_model(base)
    with torch.no_grad():
        model.gpt.mel_head.bias[model.gpt.stop_audio_token] = -1e4
        model.hifigan_decoder.waveform_decoder.conv_post.weight *= 30
    reference = np.random.default_rng(1).normal(0, 0.1, 6 * 22_050).astype(np.float32)
    speaker = Speaker.with_references(base, model, "hifigan", [reference])
    model.gpt.max_gen_mel_tokens = codes
    return speaker, model, voice_of(model, [reference])


def _stock(model: Any, voice: Any) -> Iterator[torch.Tensor]:
    yield from model.inference_stream(
        TEXT, "en", voice.latents, voice.embedding, temperature=SETTINGS.temperature, top_k=SETTINGS.top_k,
        top_p=SETTINGS.top_p, repetition_penalty=SETTINGS.repetition_penalty, speed=SETTINGS.speed,
    )  # fmt: skip


def _timed(parts: Parts, rate: int) -> tuple[float, float, float, int]:
    """Seconds until the first part and until the last, the least sound in hand when a part came, and how many came."""
    begun = time.perf_counter()
    first = last = 0.0
    heard, least, count = 0.0, float("inf"), 0
    for part in parts():
        last = time.perf_counter() - begun
        first = first or last
        if count:
            least = min(least, heard - (last - first))
        heard += len(part) / rate
        count += 1
    return first, last, least if count > 1 else 0.0, count


def _apart(sides: dict[str, Parts]) -> float:
    ours, whole = (np.concatenate(list(sides[side]())) for side in ("ours", "whole"))
    return float(np.abs(ours - whole).max() / np.abs(whole).max())


if __name__ == "__main__":
    main()
