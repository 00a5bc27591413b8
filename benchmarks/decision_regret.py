"""How often the decision ships the truly best voice: made-up voices with a known quality, made-up listeners.

    python -m benchmarks.decision_regret [--trials 10000] [--listeners 2] [--noise 0.5] [--seed 1] [--out FILE]

Every trial is a listening test as the protocol has it: 8 sentences, and while those do not decide, 20 and 40. Who ships
is asked of the package's own decision (`evaluation/decision/by_ears.py`), which is told only what listeners preferred:
no matrix, no checks, no similarity, so that ties go to the earlier candidate. Beside it stand choosing by mel CE alone
and taking the last checkpoint. benchmarks/regret_voices.py says how voices and listeners are made up.

The first table is of two voices of which the better one is truly better in a stated share of the sentences; the second
of 2 to 5 voices whose qualities are drawn. 10 000 trials take a few minutes on one core.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, replace
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.regret_voices import (
    NAMES,
    Listeners,
    Qualities,
    draw_qualities,
    last_of,
    lowest_mel_ce,
    rate,
    two_voices,
)
from xtts_finetune.evaluation.decision.by_ears import answer_by_ears
from xtts_finetune.evaluation.decision.evidence import Evidence, excluded_by_ears
from xtts_finetune.evaluation.decision.heard import Heard
from xtts_finetune.evaluation.decision.model import Answer, Candidate
from xtts_finetune.evaluation.listening.forms import LOOKS
from xtts_finetune.evaluation.listening.page import ANSWER_SECONDS, PRACTICE_SECONDS
from xtts_finetune.evaluation.listening.plan import PAIRS_A_CHECK, PRACTICE_DAMAGES
from xtts_finetune.evaluation.statistics.bradley_terry import strengths
from xtts_finetune.evaluation.statistics.preferences import compare, count

# Of a sample: the mean over the demo's models is 2.5 s; recordings that XTTS learns from are longer.
SAMPLE_SECONDS = 4.0
SHARES = (0.5, 0.6, 0.7, 0.8, 0.9)
NOISES = (0.0, 0.5, 1.0, 1.5)
TASTES = (0.0, 0.1, 0.2)
CORRELATIONS = (0.3, 0.5, 0.8)
NEAR = 0.1  # quality points
CHUNK = 500

Row = dict[str, Any]


def decide(preferences: NDArray[np.float64], names: Sequence[str]) -> tuple[Answer, int]:
    """The package's answer to one trial, at the first look that does not leave it open; and which look that was.

    preferences  (listeners, sentences, pairs): -2 to 2, above 0 where the pair's second is preferred
    """
    means = preferences.mean(0)
    for look, sentences in enumerate(LOOKS, 1):
        answer = _ask(means[:sentences], names, look)
        if answer.status == "decided":
            break
    return answer, look


def minutes(looks: int, pairs: int = 1) -> float:
    """What so many looks take a listener: practice and checks too, each trial as long as the page says."""
    seconds = 0.0
    for before, sentences in zip((0, *LOOKS), LOOKS[:looks], strict=False):
        compared = (sentences - before) * pairs
        trials = compared + max(1, round(compared / PAIRS_A_CHECK))
        seconds += trials * (4 * SAMPLE_SECONDS + ANSWER_SECONDS["short"])
        seconds += len(PRACTICE_DAMAGES) * PRACTICE_SECONDS["short"]
    return seconds / 60


def _ask(means: NDArray[np.float64], names: Sequence[str], look: int) -> Answer:
    counts = {pair: count(means[:, column].tolist()) for column, pair in enumerate(combinations(names, 2))}
    preferences = compare(counts)
    heard = Heard(
        names=tuple(names),
        preferences=preferences,
        strengths={},
        marks={},
        listeners=1,
        rated=len(means),
        planned=len(means),
        can_extend=look < len(LOOKS),
    )
    excluded = excluded_by_ears(preferences)
    evidence = Evidence(
        rows=(),
        read=None,
        phases=tuple(names[1:]),
        candidates=tuple(Candidate(name, "done", True, mel_ce=1.0) for name in names),
        scores={},
        heard=heard,
        excluded=excluded,
        passed_over=excluded,
        by_gate={},
        warnings=(),
    )
    return answer_by_ears(evidence, heard, {"listeners": [], "candidates": []})


def most_preferred(ratings: NDArray[np.float64]) -> NDArray[np.int64]:
    """The strongest voice after all sentences, whether or not that is more than chance.

    ratings  (trials, listeners, sentences, pairs)
    """
    means = ratings.mean(1)
    count_of_voices = next(n for n in range(2, 6) if n * (n - 1) // 2 == means.shape[-1])
    won = ((np.sign(means) + 1) / 2).sum(1)
    wins = np.zeros((len(means), count_of_voices, count_of_voices))
    for column, (first, second) in enumerate(combinations(range(count_of_voices), 2)):
        wins[:, second, first] = won[:, column]
        wins[:, first, second] = means.shape[1] - won[:, column]
    return np.asarray(strengths(wins).argmax(1))


def chunks(trials: int) -> Iterator[int]:
    """Sizes that add up to `trials`."""
    while trials > 0:
        yield min(CHUNK, trials)
        trials -= CHUNK


def calls(share: float, listeners: Listeners, trials: int, seed: int) -> Row:
    """Two voices, the better one truly better in `share` of the sentences: right, wrong and no calls.

    Of equal voices (a share of 0.5) any call is wrong.
    """
    generator = np.random.default_rng([seed, round(100 * share), round(100 * listeners.noise)])
    names = NAMES[:2]
    called: dict[str, list[int]] = {way: [0, 0] for way in ("ears", *_by_mel_ce(), "last")}
    ended = dict.fromkeys(range(1, len(LOOKS) + 1), 0)
    for size in chunks(trials):
        voices = two_voices(generator, size, share)
        ratings = rate(generator, voices, listeners, max(LOOKS))
        best = voices.quality.argmax(1)
        for trial in range(size):
            answer, look = decide(ratings[trial], names)
            ended[look] += 1
            if answer.status == "decided" and answer.ship is not None:
                right = share > 0.5 and names.index(answer.ship) == best[trial]
                called["ears"][0 if right else 1] += 1
        for way, choose in {**_by_mel_ce(), "last": last_of}.items():
            right_ones = int((choose(generator, voices) == best).sum()) if share > 0.5 else 0
            called[way][0] += right_ones
            called[way][1] += size - right_ones
    return {
        "share": share,
        "listeners": listeners.count,
        "noise": listeners.noise,
        "taste": listeners.taste,
        **{f"{way} right": right / trials for way, (right, _) in called.items()},
        **{f"{way} wrong": wrong / trials for way, (_, wrong) in called.items()},
        "ears undecided": 1 - sum(called["ears"]) / trials,
        **{f"heard {LOOKS[look - 1]}": many / trials for look, many in ended.items()},
        "minutes": sum(many * minutes(look) for look, many in ended.items()) / trials,
    }


def regret(count_of_voices: int, listeners: Listeners, trials: int, seed: int) -> list[Row]:
    """What ships by each way of choosing, of voices whose qualities are drawn: one row a way."""
    generator = np.random.default_rng([seed, count_of_voices])
    names = NAMES[:count_of_voices]
    ways: dict[str, list[NDArray[np.float64]]] = {}
    decided = 0
    for size in chunks(trials):
        voices = draw_qualities(generator, size, count_of_voices)
        ratings = rate(generator, voices, listeners, max(LOOKS))
        answers = [decide(ratings[trial], names)[0] for trial in range(size)]
        shipped = np.array([names.index(str(answer.ship)) for answer in answers])
        sure = np.array([answer.status == "decided" for answer in answers])
        decided += int(sure.sum())
        chosen = {"ears": shipped, **{way: choose(generator, voices) for way, choose in _by_mel_ce().items()}}
        chosen["last"] = last_of(generator, voices)
        chosen["most preferred, sure or not"] = most_preferred(ratings)
        lost = voices.quality.max(1)[:, None] - voices.quality
        for way, index in chosen.items():
            ways.setdefault(way, []).append(lost[np.arange(size), index])
        ways.setdefault("ears, where decided", []).append(lost[np.arange(size), shipped][sure])
    return [
        {
            "voices": count_of_voices,
            "way": way,
            "decided": decided / trials,
            **_of_losses(np.concatenate(lost)),
        }
        for way, lost in ways.items()
    ]


def _of_losses(lost: NDArray[np.float64]) -> Row:
    if not len(lost):
        return {"best": None, "near": None, "regret": None}
    return {
        "best": float((lost == 0).mean()),
        "near": float((lost <= NEAR).mean()),
        "regret": float(lost.mean()),
    }


def _by_mel_ce() -> dict[str, Callable[[np.random.Generator, Qualities], NDArray[np.int64]]]:
    def by(correlation: float) -> Callable[[np.random.Generator, Qualities], NDArray[np.int64]]:
        return lambda generator, voices: lowest_mel_ce(generator, voices, correlation)

    return {f"mel CE ({correlation})": by(correlation) for correlation in CORRELATIONS}


def calls_table(rows: Sequence[Row]) -> str:
    """Of two voices, in percent."""
    ways = ("ears", *_by_mel_ce(), "last")
    by_way = " | ".join(f"{way}: right, wrong" for way in ways)
    lines = [f"| truly better in | noise | taste | {by_way} | undecided | heard 8, 20, 40 | minutes |"]
    lines.append("|---" * (len(ways) + 6) + "|")
    for row in rows:
        cells = [f"{row[f'{way} right']:.1%}, {row[f'{way} wrong']:.1%}" for way in ways]
        ended = ", ".join(f"{row[f'heard {look}']:.0%}" for look in LOOKS)
        cells += [f"{row['ears undecided']:.1%}", ended, f"{row['minutes']:.1f}"]
        lines.append(f"| {row['share']:.0%} | {row['noise']:g} | {row['taste']:g} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def regret_table(rows: Sequence[Row]) -> str:
    """Of several voices."""
    lines = [
        "| voices | chosen by | the best ships | within 0.1 of it | lost, points | decided |",
        "|---" * 6 + "|",
    ]
    for row in rows:
        decided = f"{row['decided']:.1%}" if row["way"].startswith("ears") else "-"
        figures = f"{row['best']:.1%} | {row['near']:.1%} | {row['regret']:.3f} | {decided}"
        lines.append(f"| {row['voices']} | {row['way']} | {figures} |")
    return "\n".join(lines)


def main() -> None:
    """Run both tables and print them."""
    parser = argparse.ArgumentParser(description="How often the decision ships the truly best voice.")
    parser.add_argument("--trials", type=int, default=10_000)
    parser.add_argument("--listeners", type=int, default=2)
    parser.add_argument("--noise", type=float, default=0.5, help="of one rating, in quality points")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, help="write all figures as JSON")
    given = parser.parse_args()
    listeners = Listeners(given.listeners, given.noise)
    began = time.monotonic()
    two = [calls(share, listeners, given.trials, given.seed) for share in SHARES]
    others = [replace(listeners, noise=noise) for noise in NOISES if noise != listeners.noise]
    others += [replace(listeners, taste=taste) for taste in TASTES if taste != listeners.taste]
    two += [calls(share, each, given.trials, given.seed) for each in others for share in (0.5, 0.8)]
    print(calls_table(two), flush=True)
    several = [row for n in range(2, 6) for row in regret(n, listeners, given.trials, given.seed)]
    print(f"\n{regret_table(several)}")
    seconds = time.monotonic() - began
    print(f"\n{given.trials} trials a row, {given.listeners} listeners, {seconds:.0f} s")
    if given.out:
        asked = {"trials": given.trials, "seed": given.seed, **asdict(listeners), "seconds": seconds}
        result = {"asked": asked, "two": two, "several": several}
        given.out.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
