"""How often is the diagnosis right? Made curves with known truth, thousands of them, and a table.

python -m benchmarks.diagnosis_accuracy [--seeds 50] [--out FILE]
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from pathlib import Path

from testbed.known_curves import DEMO_NOISE, Case, all_cases, line
from xtts_finetune.curves.verdict import judge

VERDICTS = ("falling", "plateau", "oscillating", "exploding", "overfitting", "too short")


def verdicts_of(case: Case, seeds: int) -> Counter[str]:
    """How often each verdict was given on a case."""
    return Counter(judge(case.curves(seed)).verdict for seed in range(seeds))


def at_the_margin(seeds: int) -> dict[str, dict[str, float]]:
    """How often a straight line is called what, by how much it falls over the next ten values.

    At the margin itself (2 %) the test of equivalence promises 'plateau' at most once in twenty.
    """
    shares = (0.0, 0.005, 0.01, 0.015, 0.02, 0.025, 0.03, 0.04)
    found = {}
    print(f"\n20 values, fall over the next ten, noise {DEMO_NOISE} and 0.01:")
    for noise in (DEMO_NOISE, 0.01):
        for share in shares:
            level, lost = 3.0, 3.0 * share / 10 * 19
            case = Case(f"margin {share} {noise}", "", 20, noise, line(level + lost, level))
            counts = verdicts_of(case, 10 * seeds)
            found[f"fall {share:.1%}, noise {noise}"] = {name: counts[name] / (10 * seeds) for name in VERDICTS}
            row = "".join(
                f"{name} {counts[name] / (10 * seeds):7.1%}   " for name in ("plateau", "falling", "too short")
            )
            print(f"  noise {noise:5}  fall {share:5.1%}   {row}")
    return found


def main() -> None:
    """Print the tables: each case that is ever wrong, then truth against verdict."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=50)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    cases = all_cases()
    found = [(case, verdicts_of(case, given.seeds)) for case in cases]
    for case, counts in found:
        right = counts[case.truth] / given.seeds
        if right < 1:
            others = ", ".join(f"{name} {count}" for name, count in counts.most_common() if name != case.truth)
            print(f"{case.truth:12} {case.name:42} right {right:6.1%}   {others}")
    print(f"\n{len(cases)} cases x {given.seeds} seeds\n{'truth':12}" + "".join(f"{name:>13}" for name in VERDICTS))
    table: dict[str, Counter[str]] = {name: Counter() for name in VERDICTS}
    for case, counts in found:
        table[case.truth] += counts
    for truth, counts in table.items():
        row = "".join(f"{counts[name] / max(counts.total(), 1):>13.2%}" for name in VERDICTS)
        print(f"{truth:12}{row}")
    right = sum(table[name][name] for name in VERDICTS) / (len(cases) * given.seeds)
    demo = [counts["plateau"] for case, counts in found if case.truth == "falling" and case.noise <= DEMO_NOISE]
    print(f"right: {right:.2%}; falling at the demo's noise called a plateau: {sum(demo)} of {len(demo) * given.seeds}")
    margin = at_the_margin(given.seeds)
    if given.out:
        rows = [{"case": case.name, "truth": case.truth, **counts} for case, counts in found]
        result = {"seeds": given.seeds, "right": right, "cases": rows, "margin": margin}
        given.out.write_text(json.dumps(result, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
