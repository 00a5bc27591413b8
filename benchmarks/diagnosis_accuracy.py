"""How often is the diagnosis right? Made curves with known truth, thousands of them, and a table.

python -m benchmarks.diagnosis_accuracy [--seeds 50] [--out FILE]
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from pathlib import Path

from benchmarks.diagnosis_curves import DEMO_NOISE, Case, all_cases
from xtts_finetune.plateau.diagnosis.verdict import judge

VERDICTS = ("falling", "plateau", "oscillating", "exploding", "overfitting", "too short")


def verdicts_of(case: Case, seeds: int) -> Counter[str]:
    """How often each verdict was given on a case."""
    return Counter(judge(case.curves(seed)).verdict for seed in range(seeds))


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
            others = ", ".join(
                f"{name} {count}" for name, count in counts.most_common() if name != case.truth
            )
            print(f"{case.truth:12} {case.name:42} right {right:6.1%}   {others}")
    print(
        f"\n{len(cases)} cases x {given.seeds} seeds\n{'truth':12}"
        + "".join(f"{name:>13}" for name in VERDICTS)
    )
    table: dict[str, Counter[str]] = {name: Counter() for name in VERDICTS}
    for case, counts in found:
        table[case.truth] += counts
    for truth, counts in table.items():
        row = "".join(f"{counts[name] / max(counts.total(), 1):>13.2%}" for name in VERDICTS)
        print(f"{truth:12}{row}")
    right = sum(table[name][name] for name in VERDICTS) / (len(cases) * given.seeds)
    demo = [
        counts["plateau"] for case, counts in found if case.truth == "falling" and case.noise <= DEMO_NOISE
    ]
    print(
        f"right: {right:.2%}; falling at the demo's noise called a plateau: {sum(demo)} of {len(demo) * given.seeds}"
    )
    if given.out:
        rows = [{"case": case.name, "truth": case.truth, **counts} for case, counts in found]
        given.out.write_text(
            json.dumps({"seeds": given.seeds, "right": right, "cases": rows}, indent=1), encoding="utf-8"
        )


if __name__ == "__main__":
    main()
