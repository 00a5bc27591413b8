"""Does the decision by numbers choose well? Candidates of a known order, trained from the demo's base.

    python -m benchmarks.known_order WORK --base samples/demo/base --other FOLDER --whisper FOLDER [--campplus FILE]
        --seeds 5          goes on where it was; about a quarter of an hour a seed on two cores

--other has the sentences of the demo in another voice (make_voice.py --voice makes them), --whisper names another
Whisper than the one that the decision reads with. What is trained: known_order_models.py; what each model is truly
worth: known_order_truth.py.

Of every pair whose worth differs by more than its noise the package decides by numbers alone, as if these two were all
that was trained. Then simulated listeners whose taste is the truth decide between the same two.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import combinations
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

import numpy as np
import torch

from benchmarks.decision_regret import decide as decide_by_ears
from benchmarks.ears import Words, campplus
from benchmarks.known_order_models import EVERY, LADDER, MOST, Project, make_models
from benchmarks.known_order_truth import Truth
from xtts_finetune.evaluation.decision import decide_from, gather_inputs
from xtts_finetune.records.metrics import Metrics, read_metrics
from xtts_finetune.spec.declaration import load_declaration
from xtts_finetune.spec.stop_rules import Overfitting, QualityFalling
from xtts_finetune.training.rules.overfitting import overfitting
from xtts_finetune.training.rules.quality_falling import quality_falling

CANDIDATES = (
    "base",
    "few",
    "right",
    "average",
    "long",
    "long_last",
    "hot",
    "hot_last",
    "shuffled_clips",
    "other_clips",
)
RUINED = ("hot_last", "shuffled_clips", "other_clips")
"""The best weights of `hot` may be the base's own: what it ruins is its last."""
NOISE, LEAST_GAP = 2.0, 0.03
"""Standard errors by which the worth of two differs, over the sentences of the truth; and a gap that matters."""
LISTENERS, HEARD_APART = 200, 5.0
"""Simulated tests a pair; a sentence whose worth differs by 0.1 sounds half a point better of ten."""

Worths = Mapping[str, Sequence[float]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", type=Path)
    parser.add_argument("--base", type=Path, default=Path("samples/demo/base"))
    parser.add_argument("--other", type=Path, required=True)
    parser.add_argument("--whisper", required=True)
    parser.add_argument("--campplus", type=Path)
    parser.add_argument("--seeds", type=int, default=5)
    given = parser.parse_args()
    torch.set_num_threads(1)
    words, encoder = Words(given.whisper), campplus(given.campplus)
    found = []
    for seed in range(1, given.seeds + 1):
        project = make_models(given.work, seed, given.base, given.other)
        truth = Truth(project, words, encoder)
        ladder = [f"long{step}" for step in LADDER]
        worths = {name: truth.of(name) for name in (*CANDIDATES, *ladder)}
        found.append(judged(project, worths))
        print(f"seed {seed}: " + ", ".join(f"{name} {fmean(worth):.2f}" for name, worth in worths.items()), flush=True)
    (given.work / "known_order.json").write_text(json.dumps(found, indent=1), encoding="utf-8")
    print(in_words(found))


def judged(project: Project, worths: Worths) -> dict[str, Any]:
    """All that is known of one seed."""
    inputs = gather_inputs(load_declaration(project.file), project.run)
    whole = decide_from(of(inputs, CANDIDATES))
    metrics = read_metrics(project.run.candidate("long").metrics)
    return {
        "worth": {name: fmean(worth) for name, worth in worths.items()},
        "ships": whole.ship,
        "excluded": sorted(whole.excluded),
        "pairs": [pair for one, two in combinations(CANDIDATES, 2) for pair in apart(inputs, worths, one, two)],
        "ways": ways(metrics, worths) | {"the decision": fmean(worths[str(whole.ship)])},
    }


def apart(inputs: Mapping[str, Any], worths: Worths, one: str, two: str) -> Iterable[dict[str, Any]]:
    """What is decided between two whose worth differs by more than noise; nothing of others."""
    gaps = [a - b for a, b in zip(worths[one], worths[two], strict=True)]
    if abs(fmean(gaps)) < max(NOISE * stdev(gaps) / len(gaps) ** 0.5, LEAST_GAP):
        return
    better, worse = (one, two) if fmean(gaps) > 0 else (two, one)
    ships = decide_from(of(inputs, ["base", one, two])).ship
    by_mel_ce = min((one, two), key=lambda name: mel_ce_of(inputs, name))
    yield {
        "better": better,
        "worse": worse,
        "gap": abs(fmean(gaps)),
        "ships": ships,
        "lowest mel_ce": by_mel_ce,
        "listeners": listened(worths[worse], worths[better]),
    }


def of(inputs: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """The inputs of a run in which these were all candidates, without a matrix."""
    kept = dict.fromkeys(names)
    return {
        **inputs,
        "rows": [],
        "read": None,
        "phases": [name for name in inputs["phases"] if name in kept],
        "candidates": [each for each in inputs["candidates"] if each["name"] in kept],
        "scores": {name: each for name, each in inputs["scores"].items() if name in kept},
        "training": None,
    }


def mel_ce_of(inputs: Mapping[str, Any], name: str) -> float:
    return float(next(each["mel_ce"] for each in inputs["candidates"] if each["name"] == name) or np.inf)


def listened(worse: Sequence[float], better: Sequence[float]) -> dict[str, int]:
    """Right, wrong and no calls of two listeners in many tests; sentences drawn from those of the truth."""
    rng, gaps = np.random.default_rng(1), np.array(better) - np.array(worse)
    counts: Counter[str] = Counter()
    for _ in range(LISTENERS):
        heard = HEARD_APART * rng.choice(gaps, 40)[None, :, None] + rng.normal(0, 0.5, (2, 40, 1))
        answer, _ = decide_by_ears(np.clip(np.round(heard / 0.5), -2, 2), ("worse", "better"))
        counts[str(answer.ship) if answer.status == "decided" else "undecided"] += 1
    return dict(counts)


def ways(metrics: Metrics, worths: Worths) -> dict[str, float]:
    """Worth of what each way chooses of the checkpoints of `long`."""
    rungs = {step: fmean(worths[f"long{step}"]) for step in LADDER} | {MOST: fmean(worths["long_last"])}

    def stopped(rule: Callable[[Metrics], object]) -> float:
        for record in metrics.evals:
            if rule(until(metrics, record.step)) is not None:
                return rungs[min(max(EVERY, record.step // EVERY * EVERY), MOST)]
        return rungs[MOST]

    return {
        "the best checkpoint there is": max(rungs.values()),
        "lowest mel_ce": fmean(worths["long"]),
        "the last": rungs[MOST],
        "where overfitting stops": stopped(lambda history: overfitting(history, Overfitting(rule="overfitting"))),
        "where quality_falling stops": stopped(
            lambda history: quality_falling(history, QualityFalling(rule="quality_falling"))
        ),
        "average of few and right": fmean(worths["average"]),
    }


def until(metrics: Metrics, step: int) -> Metrics:
    """What was known at a step."""
    kept = ([one for one in records if one.step <= step] for records in (metrics.steps, metrics.evals, metrics.quality))
    return Metrics(*kept)


def in_words(found: Sequence[Mapping[str, Any]]) -> str:
    pairs = [pair for seed in found for pair in seed["pairs"]]
    wrong = [pair for pair in pairs if pair["ships"] == pair["worse"]]
    by_mel_ce = sum(pair["lowest mel_ce"] == pair["worse"] for pair in pairs)
    heard: Counter[str] = Counter()
    for pair in pairs:
        heard.update(pair["listeners"])
    tests = max(sum(heard.values()), 1)
    lines = ["", f"{'worth':32}" + "".join(f"{name:>15}" for name in CANDIDATES)]
    for seed in found:
        lines.append(f"{'':32}" + "".join(f"{seed['worth'][name]:15.3f}" for name in CANDIDATES))
    lines += [
        "",
        f"{len(pairs)} pairs: ships the worse one in {len(wrong)}; the lowest mel_ce is the worse one in {by_mel_ce}",
        *(f"  wrong: {pair['ships']} in place of {pair['better']}, {pair['gap']:.2f} better" for pair in wrong),
        f"ruined candidates held back: {sum(name in seed['excluded'] for seed in found for name in RUINED)} "
        f"of {len(found) * len(RUINED)}",
        f"simulated listeners, {tests} tests: right {heard['better'] / tests:.1%}, wrong {heard['worse'] / tests:.1%}, "
        f"undecided {heard['undecided'] / tests:.1%}",
        "",
        *(f"{way:32}{fmean(seed['ways'][way] for seed in found):.3f}" for way in found[0]["ways"]),
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
