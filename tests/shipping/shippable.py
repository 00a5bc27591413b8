"""A project whose candidates can be shipped for real: a tiny base with a HiFi-GAN, a voice, a phase's model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile
import torch

from testbed.random_base import BaseSize, make_random_base
from tests.pipeline.made_up_run import add_phase
from xtts_finetune.records.run_folder import RunFolder
from xtts_finetune.records.stopping import Reason, Stop
from xtts_finetune.shipping.plan import ShipPlan, make_ship_plan
from xtts_finetune.spec.declaration import Declaration, load_declaration

SIZE = BaseSize(max_audio_tokens=15, max_text_tokens=60, with_hifigan=True)
FILES = {
    "pipeline.yaml": "name: Anna\nbase: ./base\nlanguage: hu\nphases: [phase1]\n"
    "datasets: [{name: voice, path: voice, format: ljspeech}]\n",
    "phases/phase1.yaml": "goal: Learn *the* voice | <b>\nlearning_rate: 1e-6\nsteps: 1\n",
    "eval/utterances.yaml": "sentences:\n  - {id: word, text: Igen.}\n  - {id: long, text: Jó reggelt kívánok.}\n"
    "held_out: 0\nreference: {files: [../felvétel.wav, ../felvétel 2.wav]}\n",
    "eval/decision_matrix.yaml": "rows: [{ship: phase1, verdict: improved}]\n",
    "voice/metadata.csv": "",
}


def make_shippable(folder: Path) -> Path:
    """Everything but what a test ships; `folder` may have spaces and accents."""
    folder.mkdir(parents=True, exist_ok=True)
    base = make_random_base(folder / "base", SIZE)
    for name, text in FILES.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    for number, name in enumerate(("felvétel.wav", "felvétel 2.wav")):
        chance = np.random.default_rng(number)
        soundfile.write(str(folder / name), chance.standard_normal(2 * 22_050) * 0.1, 22_050)
    (base.folder / "LICENSE.txt").write_text("As you like it.\n", encoding="utf-8")
    trained = torch.load(base.model, weights_only=True)["model"]
    chance = torch.Generator().manual_seed(7)
    for name, weight in trained.items():
        if name.startswith("gpt.") and weight.dim() > 1:
            weight += 0.01 * torch.randn(weight.shape, generator=chance)
    add_phase(run_of(folder), "phase1", 5.0, 3.0, 200, Stop(Reason.ALL_STEPS_DONE, "all 200 steps are done"))
    save_phase(folder, trained)
    return folder


def save_phase(folder: Path, weights: dict[str, torch.Tensor]) -> None:
    """The model of phase1 as a phase writes it: Coqui's trainer's names, without the base's HiFi-GAN."""
    phase = run_of(folder).candidate("phase1")
    phase.path.mkdir(parents=True, exist_ok=True)
    gpt = {f"xtts.{name}": weight for name, weight in weights.items() if name.startswith("gpt.")}
    phase.best_model.unlink(missing_ok=True)  # it may be another name of a file that other tests read
    torch.save({"model": gpt, "step": 1}, phase.best_model)


def declared(folder: Path, *overrides: str) -> Declaration:
    return load_declaration(folder / "pipeline.yaml", overrides)


def run_of(folder: Path) -> RunFolder:
    return RunFolder(folder / "run" / "Anna")


def plan_of(folder: Path, *overrides: str, candidate: str = "phase1") -> ShipPlan:
    return make_ship_plan(declared(folder, *overrides), run_of(folder), candidate)
