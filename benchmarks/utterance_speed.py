"""How many utterances a minute: in a batch, against one at a time, on the demo's base.

    python -m benchmarks.utterance_speed [--repeats 3] [--seeds 1 2] [--threads 2] [--out FILE]

coqui   Coqui's own `GPT.generate` for one sentence after the other, with this package's vocoder
one     this package, one sentence after the other
batch   this package, all sentences at once

Each side says the demo's sentences with each seed, by the demo's settings, once as codes alone and once as sound; the
sides take turns, and the median of their times counts; CPU time is that of all threads. Then it is said for greedy
decoding and for the demo's settings whether all three gave the same codes, and the two of this package the same sound,
bit for bit. Nothing else should run meanwhile; about a minute on two idle cores.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import soundfile
import torch

from xtts_finetune.spec.declaration import Declaration, load_declaration
from xtts_finetune.xtts.base import find_base
from xtts_finetune.xtts.model import load_model
from xtts_finetune.xtts.speech.mel_inversion import Wave
from xtts_finetune.xtts.speech.speech import Line, Speaker
from xtts_finetune.xtts.speech.vocoder import Generated

DEMO = Path(__file__).parents[1] / "samples" / "demo"
REFERENCES = 3
SIDES = ("coqui", "one", "batch")
Voices = dict[str, list[Wave]]


class CodesAsSound:
    """A vocoder that takes no time: its 'samples' are the codes themselves."""

    sample_rate = 22_050
    threads = 0

    def wave(self, generated: Generated, speed: float = 1.0) -> Wave:
        return generated.codes.cpu().numpy().astype(np.float32)


def main() -> None:
    options = _options()
    torch.set_num_threads(options.threads)
    declaration = load_declaration(DEMO / "pipeline.yaml")
    lines = [Line(sentence.text, "en", seed) for sentence in declaration.utterances.sentences for seed in options.seeds]
    report: dict[str, Any] = {
        "machine": {"cores": os.cpu_count(), "threads": options.threads, "torch": torch.__version__},
        "utterances": len(lines),
        "speed": {},
        "equal": {},
    }
    for what, vocoder in (("codes", CodesAsSound()), ("sound", "preview")):
        speaker = _speaker(declaration, vocoder)
        report["speed"][what] = _speeds(speaker, declaration, lines, options.repeats)
    for how, sampling in (("greedy", False), ("sampled", True)):
        report["equal"][how] = _equal(declaration, lines, sampling)
    _print(report)
    if options.out:
        options.out.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


def _speaker(declaration: Declaration, vocoder: Any, sampling: bool = True) -> Speaker:
    """The demo's base with the voice of its first clips."""
    files = sorted((DEMO / "data/set_a/wavs").glob("*.flac"))[:REFERENCES]
    waves = [soundfile.read(file, dtype="float32")[0] for file in files]
    base = find_base(declaration.pipeline.base)
    return Speaker.with_references(base, load_model(base), vocoder, waves, sampling)


def _speeds(speaker: Speaker, declaration: Declaration, lines: list[Line], repeats: int) -> dict[str, dict[str, float]]:
    """Utterances a minute, CPU milliseconds for each of them, and the seconds of each turn, by side."""
    seconds: dict[str, list[float]] = {side: [] for side in SIDES}
    busy: dict[str, list[float]] = {side: [] for side in SIDES}
    _say("batch", speaker, declaration, lines[:2])  # what libraries set up once does not count
    for _ in range(repeats):
        for side in SIDES:
            began, worked = time.perf_counter(), time.process_time()
            _say(side, speaker, declaration, lines)
            seconds[side].append(time.perf_counter() - began)
            busy[side].append(time.process_time() - worked)
    return {
        side: {
            "a_minute": 60 * len(lines) / median(took),
            "cpu_ms_each": 1000 * median(busy[side]) / len(lines),
            "least_s": min(took),
            "most_s": max(took),
        }
        for side, took in seconds.items()
    }


def _equal(declaration: Declaration, lines: list[Line], sampling: bool) -> dict[str, int]:
    """In how many utterances the sides gave the same."""
    codes = _speaker(declaration, CodesAsSound(), sampling)
    sound = _speaker(declaration, "preview", sampling)
    said = {side: _say(side, codes, declaration, lines, sampling) for side in SIDES}
    heard = {side: _say(side, sound, declaration, lines, sampling) for side in ("one", "batch")}
    return {
        "codes_of_coqui": _same(said["batch"], said["coqui"]),
        "codes_of_one": _same(said["batch"], said["one"]),
        "sound_of_one": _same(heard["batch"], heard["one"]),
        "of": len(lines),
    }


def _same(some: list[Wave], others: list[Wave]) -> int:
    return sum(np.array_equal(one, other) for one, other in zip(some, others, strict=True))


def _say(side: str, speaker: Speaker, declaration: Declaration, lines: list[Line], sampling: bool = True) -> list[Wave]:
    """The waves of all lines, in their order."""
    settings = declaration.utterances.inference
    if side == "batch":
        spoken = dict(speaker.speak_many(lines, settings))
        return [spoken[place].wave for place in range(len(lines))]
    if side == "one":
        return [speaker.speak(line.text, line.language, settings, line.seed).wave for line in lines]
    say = _coqui(speaker, settings.model_dump(), sampling)
    return [say(line) for line in lines]


def _coqui(speaker: Speaker, settings: dict[str, Any], sampling: bool) -> Callable[[Line], Wave]:
    """`GPT.generate` as `Xtts.inference` calls it, then the speaker's vocoder."""
    model, vocoder = speaker._model, speaker._vocoder
    speed = settings.pop("speed")
    if not sampling:
        settings = {"repetition_penalty": settings["repetition_penalty"]}

    @torch.inference_mode()
    def say(line: Line) -> Wave:
        (piece,) = speaker._pieces(line, [line.text])
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(piece.seed)
            codes = model.gpt.generate(
                cond_latents=speaker._conditioning,
                text_inputs=piece.tokens[None],
                do_sample=sampling,
                num_beams=1,
                num_return_sequences=1,
                output_attentions=False,
                **settings,
            )[0]
        codes = codes[codes != model.gpt.stop_audio_token]
        return vocoder.wave(Generated(codes, latents=torch.Tensor), speed)

    return say


def _print(report: dict[str, Any]) -> None:
    print(f"{'utterances a minute':24}" + "".join(f"{side:>9}" for side in SIDES) + "   batch / one")
    for what, sides in report["speed"].items():
        rates = [sides[side]["a_minute"] for side in SIDES]
        print(f"{what:24}" + "".join(f"{rate:9.1f}" for rate in rates) + f"{rates[2] / rates[1]:11.2f} x")
        print(f"{'  CPU ms each':24}" + "".join(f"{sides[side]['cpu_ms_each']:9.0f}" for side in SIDES))
    for how, equal in report["equal"].items():
        print(
            f"{how}: of {equal['of']} utterances the batch gave Coqui's codes in {equal['codes_of_coqui']}, "
            f"its own of one at a time in {equal['codes_of_one']}, and the same sound in {equal['sound_of_one']}"
        )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=3, help="turns of each side (default 3)")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1], help="utterances of each sentence")
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="of torch (default: all cores)")
    parser.add_argument("--out", type=Path, help="write the figures here as JSON")
    return parser.parse_args()


if __name__ == "__main__":
    main()
