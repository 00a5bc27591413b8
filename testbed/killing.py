"""Kill a command at any moment: the project for it, one short phase that saves all the time, and how and when."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import psutil
from rich.console import Console

from xtts_finetune.pipeline.children.running import Work
from xtts_finetune.pipeline.run import run_plan
from xtts_finetune.records.metrics import read_metrics
from xtts_finetune.records.run_folder import CandidateFolder, RunFolder
from xtts_finetune.spec.declaration import load_declaration

DEMO = Path(__file__).resolve().parents[1] / "samples" / "demo"
PHASE = "phase1"

PIPELINE = f"""
name: soak
base: {DEMO.as_posix()}/base
language: en
vocoder: preview
datasets:
  - {{name: set_a, path: {DEMO.as_posix()}/data/set_a, format: ljspeech}}
  - {{name: set_b, path: {DEMO.as_posix()}/data/set_b, format: coqui}}
eval_set: {{fraction: 0.1, at_least: 4}}
check_texts: off
phases: [{PHASE}]
"""
DECLARED_PHASE = """
learning_rate: 3.0e-4
schedule: {kind: cosine, warmup_steps: 4}
batch_size: 2
steps: 30
eval_every_steps: 5
checkpoint_every: {steps: 6, minutes: 0.05}
keep: {best: 2, checkpoints: 2}
"""
# A model that was hardly trained talks on and on; fast speech is soon made and listened to.
FILES = {
    "eval/utterances.yaml": "sentences: [{id: hello, text: Hello.}]\nheld_out: 0\ninference: {speed: 4.9}\n",
    "eval/decision_matrix.yaml": f"rows: [{{ship: {PHASE}, verdict: trained}}]\n",
}


def make_project(folder: Path, pipeline: str = PIPELINE, phase: str = DECLARED_PHASE) -> Path:
    """Write the declaration, prepare the clips and evaluate the base; the phase is left to do."""
    for name, text in {"pipeline.yaml": pipeline, f"phases/{PHASE}.yaml": phase, **FILES}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    declaration = load_declaration(folder / "pipeline.yaml")
    run_plan(Work(declaration, (), "cpu", Console(), "again"), kinds=("data", "base"))
    return folder


# SIGKILL leaves no chance; the others ask. Both do when a terminal or a whole machine goes.
KINDS = (
    "SIGKILL child",
    "SIGKILL parent",
    "SIGKILL both",
    "SIGINT parent",
    "SIGTERM parent",
    "SIGTERM child",
)
KINDS_IN_A_SAVE = ("SIGKILL child", "SIGKILL both", "SIGKILL child", "SIGKILL both", "SIGTERM child")
ENDS_WITHIN = 180.0
DONE, FAILED, INTERRUPTED = 0, 1, 130


@dataclass(frozen=True)
class Moment:
    """When to kill: `start` seconds after the start, at a share of the steps that are left, or in a save.

    `value` is in seconds for 'start', and a share for 'step'. For 'save' its whole part is how many saves are
    let go by first, the rest is how far into the save, of about 50 ms.
    """

    kind: str
    value: float


@dataclass(frozen=True)
class Kill:
    """What was done, and what became of it; `in_save` if a file was being written at that moment."""

    kind: str
    moment: str
    step: int
    in_save: bool
    exit_code: int
    seconds: float

    @property
    def asked(self) -> bool:
        """Whether the command was asked to end rather than killed."""
        return not self.kind.startswith("SIGKILL")

    def __str__(self) -> str:
        ended = f"exit {self.exit_code:4}  {self.seconds:5.1f} s"
        return f"{self.kind:15} {self.moment:6} step {self.step:3}  {ended}  {'in a save' if self.in_save else ''}"


def command(project: Path) -> list[str]:
    """The command that trains the phase, and goes on with it."""
    file = str(project / "pipeline.yaml")
    return [sys.executable, "-m", "xtts_finetune.cli.run_pipeline", PHASE, "-f", file, "--device", "cpu"]


def run_to_the_end(project: Path) -> None:
    """Run the command; raise RuntimeError with what it printed when it does not end well."""
    ended = subprocess.run(command(project), capture_output=True, text=True, check=False)
    if ended.returncode != DONE:
        raise RuntimeError(f"{project}: exit code {ended.returncode}\n{ended.stdout}\n{ended.stderr}")


def kill_once(project: Path, moment: Moment, chance: random.Random) -> Kill | None:
    """Start the command and kill it at the moment; None when it ended before.

    Raises RuntimeError when it ends otherwise than such a command must.
    """
    folder = phase_folder(project)
    with (project / "printed.txt").open("ab") as printed:
        process = subprocess.Popen(command(project), stdout=printed, stderr=printed, start_new_session=True)
    if not _wait_for(moment, process, folder, chance):
        process.wait()
        return None
    kind = chance.choice(KINDS_IN_A_SAVE if moment.kind == "save" else KINDS)
    in_save = _is_saving(folder)
    began = time.monotonic()
    killed = _send(kind, process)
    code = process.wait(ENDS_WITHIN)
    seconds = time.monotonic() - began
    steps = read_metrics(folder.metrics).steps
    if kind.startswith("SIGKILL") and in_save:
        in_save = killed and _left_half_written(folder)
    if not _ended_as_it_must(kind, code, killed):
        raise RuntimeError(f"{project}: {kind} at {moment}: exit code {code}")
    return Kill(kind, moment.kind, steps[-1].step if steps else 0, in_save, code, seconds)


def phase_folder(project: Path) -> CandidateFolder:
    """Where the phase writes."""
    return RunFolder(project / "run" / _name(project)).candidate(PHASE)


def _name(project: Path) -> str:
    return next(path.name for path in (project / "run").iterdir() if path.is_dir())


def _wait_for(moment: Moment, process: subprocess.Popen[bytes], folder: CandidateFolder, chance: random.Random) -> bool:
    """Wait for the moment; whether it came before the command ended."""
    began, first = time.monotonic(), _steps(folder)
    to_pass, was_saving = int(moment.value), False
    left = max(1, (load_declaration(folder.path.parents[2] / "pipeline.yaml").phases[PHASE].steps or 1) - first)
    while process.poll() is None:
        if moment.kind == "start" and time.monotonic() - began >= moment.value:
            return True
        if moment.kind == "step" and _steps(folder) > first + moment.value * left:
            time.sleep(chance.uniform(0.0, 0.2))
            return process.poll() is None
        if moment.kind == "save":
            saving = _steps(folder) != first and _is_saving(folder)
            if saving and to_pass == 0:
                time.sleep(moment.value % 1 * 0.05)
                return process.poll() is None
            to_pass -= was_saving and not saving
            was_saving = saving
        time.sleep(0.001 if moment.kind == "save" else 0.01)
    return False


def _steps(folder: CandidateFolder) -> int:
    """How many steps are recorded, cheaply: the lines of the file."""
    with contextlib.suppress(OSError):
        return folder.metrics.read_bytes().count(b'"kind": "step"')
    return 0


def _is_saving(folder: CandidateFolder) -> bool:
    return any(folder.path.glob(".checkpoint_*.tmp")) or any(folder.path.glob(".best_model_*.tmp"))


def _left_half_written(folder: CandidateFolder) -> bool:
    recorded = set(folder.recorded_steps())
    return _is_saving(folder) or any(step not in recorded for step, _ in folder.checkpoint_files())


def _send(kind: str, process: subprocess.Popen[bytes]) -> bool:
    """Send the signal to whom it is for; whether the child was there to get it."""
    name, _, whom = kind.partition(" ")
    number = getattr(signal, name)
    children = []
    with contextlib.suppress(psutil.NoSuchProcess):
        children = psutil.Process(process.pid).children()
    with contextlib.suppress(ProcessLookupError):
        if whom in ("parent", "both"):
            os.kill(process.pid, number)
    for child in children if whom in ("child", "both") else ():
        with contextlib.suppress(psutil.NoSuchProcess):
            child.send_signal(number)
    if whom == "child" and not children:
        process.send_signal(number)  # it had not been started yet
    return bool(children)


def _ended_as_it_must(kind: str, code: int, child_was_there: bool) -> bool:
    if kind in ("SIGKILL parent", "SIGKILL both") or (kind == "SIGKILL child" and not child_was_there):
        return code == -signal.SIGKILL
    if kind == "SIGKILL child":
        # 130 where it was waiting for the child of a killed parent, which ended as interrupted.
        return code in (DONE, FAILED, INTERRUPTED)
    # Before Python has begun to listen the signal itself ends it.
    return code in (DONE, INTERRUPTED, -signal.SIGINT, -signal.SIGTERM)
