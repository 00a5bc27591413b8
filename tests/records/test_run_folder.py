"""The run folder knows its files."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import xtts_finetune
from xtts_finetune.records import run_folder
from xtts_finetune.records.run_folder import RunFolder

PACKAGE = Path(xtts_finetune.__file__).parent
OURS = Path(run_folder.__file__)
FILE_NAME = re.compile(r"\S*\.(json|jsonl|yaml|html|txt|md|log|lock|db|pth)")
# The files of a model for stock XTTS tools are called as those of a base are.
STOCK = frozenset({"config.json", "vocab.json", "reference.wav"})
# Modules and rooms that name files which do not lie in a run's folder, and which ones.
ELSEWHERE = {
    "cli/": "declarations; the log of an unexpected error, among temporary files",
    "curves/readers/": "logs of other programs",
    "data/readers/": "formats of data sets",
    "data/hearing/": "a recogniser's folder",
    "monitor/remembered.py": "the two forms of records",
    "machine/packages.py": "a lock beside the machine code of librosa, and the repository",
    "pipeline/phase/launch.py": "a launch, among temporary files",
    "pipeline/phase/machines.py": "a launch, among temporary files",
    "pipeline/tries.py": "what weights of any name end with",
    "pipeline/reports/hear.py": "a page of the docs",
    "recordings/": "a data set made of recordings, and texts of a user",
    "records/stretches.py": "a data set made of recordings",
    "ranks/outcome.py": "a launch, among temporary files",
    "setup/": "declarations",
    "shipping/consumers.py": "a shipped model, as other programs name its files",
    "speaking/": "what a script is spoken into, and books",
    "spec/": "declarations and data sets",
    "trials/race/": "remedies and phases, which are declarations",
    "trials/trial.py": "a trial's declaration",
    "xtts/": "a base, and weights from anywhere",
}


def names_in(file: Path) -> Iterator[str]:
    """File names among the texts of a module, without docstrings: 'metrics.jsonl', or '.json' of f'{job}.json'."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    prose = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in prose:
            yield from (text.rpartition("/")[2] for text in [node.value] if FILE_NAME.fullmatch(text))


KNOWN = {name.replace("\\", "") for name in names_in(OURS) if not name.startswith((".", "*"))} - STOCK


def test_nobody_else_names_files_of_a_run() -> None:
    """A name that this room knows stands nowhere else, and another one only where ELSEWHERE says of what."""
    named = {file.relative_to(PACKAGE).as_posix(): set(names_in(file)) - STOCK for file in PACKAGE.rglob("*.py")}
    del named[OURS.relative_to(PACKAGE).as_posix()]
    known = {place: names & KNOWN for place, names in named.items() if names & KNOWN}
    assert known == {}, "ask records/run_folder.py for these"
    others = {place: names for place, names in named.items() if names and not place.startswith(tuple(ELSEWHERE))}
    assert others == {}, "let records/run_folder.py know these, or say in ELSEWHERE where they lie"
    unused = [each for each in ELSEWHERE if not any(names and place.startswith(each) for place, names in named.items())]
    assert unused == [], "ELSEWHERE can do without these"


def test_asking_for_paths_makes_nothing(tmp_path: Path) -> None:
    run = RunFolder(tmp_path / "run")
    assert run.candidate("phase1").checkpoints() == []
    assert run.job_log("prepare") == tmp_path / "run" / "logs" / "prepare.log"
    assert not run.root.exists()


def test_checkpoints_are_in_the_order_of_their_steps_and_of_nothing_else(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path).candidate("phase1")
    folder.path.mkdir()
    for name in (
        "checkpoint_1000.pth",
        "checkpoint_1000.json",
        "checkpoint_200.pth",
        "checkpoint_200.json",
        "checkpoint_300.pth",
        ".checkpoint_300.pth.12.tmp",
        "checkpoint_x.pth",
    ):
        (folder.path / name).touch()
    folder.best_model.touch()
    folder.best_model_of(1339).touch()
    assert folder.checkpoints() == [(200, folder.checkpoint(200)), (1000, folder.checkpoint(1000))]
    assert [step for step, _ in folder.checkpoint_files()] == [200, 300, 1000]  # 300 has no record
    assert folder.best_models() == [(1339, folder.path / "best_model_1339.pth")]
