"""The same base, the same clips, as many clips trained: Coqui's recipe, and this pipeline as the demo has it.

    python -m benchmarks.equal_budget WORK --base samples/demo/base [--whisper FOLDER] --seeds 5    goes on where it was

Coqui's side is its own GPTTrainer with the recipe's settings, but for the learning rate, which is that of the demo's
first phase (the recipe's 5e-6 would not move so small a model): its best_model.pth, chosen as Trainer chooses it,
after each epoch. This side is what the demo's phases come to, and the candidate that the decision ships by numbers
alone. Both are measured on one eval set and speak the same sentences.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

import torch

from benchmarks.demo_speech import said_by
from benchmarks.ears import LikeTheVoice, Said, Words, ge2e
from benchmarks.known_order_models import DEMO, Project, read_yaml, write_yaml
from xtts_finetune.evaluation.decision import decide_from

FIGURES = ("mel_ce", "word_errors", "likeness")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", type=Path)
    parser.add_argument("--base", type=Path, default=DEMO / "base")
    parser.add_argument("--whisper", help="a model's name or folder; left out: the best that is installed")
    parser.add_argument("--seeds", type=int, default=5)
    given = parser.parse_args()
    torch.set_num_threads(1)
    words, found = Words(given.whisper), []
    for seed in range(1, given.seeds + 1):
        project = prepared(given.work / f"seed{seed}", given.base, seed)
        if not best_of_stock(project).is_file():
            command = [sys.executable, "-m", "benchmarks.equal_budget_stock", str(project.folder), str(seed)]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        project.go()
        found.append(figures_of(project, words))
        print(f"seed {seed}: {found[-1]}", flush=True)
    (given.work / "equal_budget.json").write_text(json.dumps(found, indent=1), encoding="utf-8")
    print(in_words(found))


def prepared(folder: Path, base: Path, seed: int) -> Project:
    """The demo with this seed in everything, and the stock recipe's model as a candidate."""
    project = Project(folder)
    if project.run.clips.is_file():
        return project
    for name in ("data", "phases", "eval"):
        shutil.copytree(DEMO / name, folder / name, dirs_exist_ok=True)
    pipeline = read_yaml(DEMO / "pipeline.yaml")
    pipeline |= {"name": "known", "base": str(base.resolve()), "eval_set": {**pipeline["eval_set"], "seed": seed}}
    write_yaml(folder / "pipeline.yaml", pipeline)
    for name in pipeline["phases"]:
        write_yaml(folder / "phases" / f"{name}.yaml", {**read_yaml(DEMO / "phases" / f"{name}.yaml"), "seed": seed})
    matrix = read_yaml(DEMO / "eval" / "decision_matrix.yaml")
    stock = {"name": "stock", "checkpoint": str(best_of_stock(project).resolve())}
    write_yaml(folder / "eval" / "decision_matrix.yaml", matrix | {"candidates": [*matrix["candidates"], stock]})
    command = [sys.executable, "-m", "xtts_finetune.cli.main", "prepare", "-f", str(project.file)]
    subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)
    return project


def best_of_stock(project: Project) -> Path:
    return project.folder / "stock" / "best_model.pth"


def figures_of(project: Project, words: Words) -> dict[str, Any]:
    """The figures of stock's model, and of the best that this pipeline made itself, by its own choice."""
    clips = [json.loads(line) for line in project.run.clips.read_text(encoding="utf-8").splitlines()]
    voice = LikeTheVoice(ge2e(), [Said.of_file(each["text"], project.run.root / each["audio"]) for each in clips])
    decision = json.loads(project.run.decision.read_text(encoding="utf-8"))
    mel_ces = {each["name"]: each["mel_ce"] for each in decision["candidates"]}
    result: dict[str, Any] = {"ships": decision["ship"]}
    for side, name in (("base", "base"), ("stock", "stock"), ("ours", shipped_of_ours(decision))):
        said = said_by(project.run.candidate(name).utterances_json)
        ordinary = [each for each in said if each.ordinary]
        result[side] = dict(zip(FIGURES, (mel_ces[name], words.error_rate(ordinary), voice.mean(said)), strict=True))
    return result


def shipped_of_ours(decision: Mapping[str, Any]) -> str:
    """Whom the decision ships where stock's model is none of the candidates."""
    inputs = dict(decision["inputs"])
    inputs["candidates"] = [each for each in inputs["candidates"] if each["name"] != "stock"]
    inputs["scores"] = {name: each for name, each in inputs["scores"].items() if name != "stock"}
    return str(decide_from(inputs).ship)


def in_words(found: Sequence[Mapping[str, Any]]) -> str:
    lines = [f"{'':10}" + "".join(f"{name:>20}" for name in FIGURES)]
    for side in ("base", "stock", "ours"):
        cells = []
        for name in FIGURES:
            values = [each[side][name] for each in found]
            spread = f" ±{stdev(values):.3f}" if len(values) > 1 else ""
            cells.append(f"{fmean(values):.3f}{spread}")
        lines.append(f"{side:10}" + "".join(f"{cell:>20}" for cell in cells))
    return "\n".join(lines)


if __name__ == "__main__":
    main()
