"""The project that benchmarks/soak.py kills: the demo's voice and base, one short phase that saves all the time."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from xtts_finetune.pipeline.children.running import Work
from xtts_finetune.pipeline.run import run_plan
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
