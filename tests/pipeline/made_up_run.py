"""A made-up run: the declaration, curves, tones for voices, and whatever is to be left out of it."""

from __future__ import annotations

import json
import math
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from xtts_finetune.records.candidates.closing import write_closing, write_untrained_info
from xtts_finetune.records.clips import ClipRecord, DroppedClip, DropReason, write_clips, write_dropped
from xtts_finetune.records.job import Job
from xtts_finetune.records.metrics import EvalRecord, MetricsWriter, StepRecord
from xtts_finetune.records.run_folder import RunFolder
from xtts_finetune.records.stopping import Reason, Stop
from xtts_finetune.spec.decision import DecisionSpec
from xtts_finetune.spec.declaration import Declaration
from xtts_finetune.spec.phase import PhaseSpec
from xtts_finetune.spec.pipeline import PipelineSpec
from xtts_finetune.spec.utterances import UtterancesSpec
from xtts_finetune.training.closing import phase_facts

SENTENCES = {
    "question": "Melyik évben nyílt meg az első budapesti földalatti?",
    "answer": "A helyes válasz: ezernyolcszázkilencvenhat.",
    "cheer": "Gratulálok, Ön továbbjutott a következő fordulóba!",
}
STARTED, ENDED = "2026-11-20T20:00:00+01:00", "2026-11-21T04:12:00+01:00"


def declare(folder: Path, sentences: dict[str, str] = SENTENCES, **decision: Any) -> Declaration:
    """The declaration of the Hungarian quiz-show voice."""
    datasets = [
        {"name": "milliomos", "path": str(folder / "milliomos"), "format": "ljspeech"},
        {"name": "blikk", "path": str(folder / "blikk"), "format": "coqui"},
    ]
    pipeline = {"name": "combined", "base": "xtts_v2", "language": "hu", "datasets": datasets}
    rules = [
        {"rule": "text_ce_above", "limit": 0.04},
        {"rule": "no_improvement", "steps": 500},
        {"rule": "overfitting", "evals": 3},
    ]
    phase1 = {"goal": "Combine both data sets", "learning_rate": 1.5e-6, "steps": 1600, "stop_when": rules}
    resume = {"phase": "phase1", "checkpoint": "step 1500"}
    goal = "Reach excellent quality by gentle refinement"
    levels = {"minimum": {"mel_ce": 3.0, "text_ce": 0.03}, "target": {"mel_ce": 2.5, "text_ce": 0.03}}
    phase2 = {"goal": goal, "resume_from": resume, "learning_rate": 1e-6, "epochs": 30, "stop_when": rules}
    rows = [
        {
            "mel_ce": {"below": 2.5},
            "quality": {"at_least": 9},
            "ship": "phase2",
            "verdict": "excellent quality",
        },
        {"mel_ce": {"at_most": 3.0}, "quality": {"below": 9}, "ship": "phase2", "verdict": "improved"},
        {"mel_ce": {"above": 3.0}, "ship": "phase1", "verdict": "marginal gain"},
    ]
    said = [{"id": name, "text": text} for name, text in sentences.items()]
    return Declaration(
        file=folder / "pipeline.yaml",
        pipeline=PipelineSpec.model_validate({**pipeline, "phases": ["phase1", "phase2"]}),
        phases={
            "phase1": PhaseSpec.model_validate(phase1),
            "phase2": PhaseSpec.model_validate({**phase2, "success": levels}),
        },
        utterances=UtterancesSpec.model_validate({"sentences": said}),
        decision=DecisionSpec.model_validate({"rows": rows, **decision}),
        run_folder=folder / "run" / "combined",
    )


def add_data(folder: Path, run: RunFolder) -> None:
    """311 clips that need not exist, and three that were left out."""
    clips = [
        ClipRecord(
            id=f"clip_{number:03d}",
            dataset="milliomos" if number < 80 else "blikk",
            audio=folder / f"{number}.wav",
            text=f"Mondat {number}.",
            speaker="host",
            language="hu",
            seconds=5.0 + number % 5,
            sha256="0" * 64,
            split="eval" if number % 10 == 0 else "train",
            text_tokens=40,
        )
        for number in range(311)
    ]
    write_clips(run.clips, clips)
    reasons = [
        (DropReason.TOO_LONG, "14.2 s, limit 11.6"),
        (DropReason.EMPTY_TEXT, "the line has no text"),
    ]
    reasons.append((DropReason.UNKNOWN_CHARACTERS, "<script>alert('☃')</script>"))
    metadata = folder / "milliomos" / "metadata.csv"
    write_dropped(
        run.dropped,
        [
            DroppedClip(f"clip_x{line}", "milliomos", "x.wav", "", reason, detail, metadata, line)
            for line, (reason, detail) in enumerate(reasons, 7)
        ],
    )


def add_base(run: RunFolder) -> None:
    """The base's one evaluation."""
    folder = run.candidate("base")
    with MetricsWriter(folder.metrics) as writer:
        writer.write(_evaluation(0, 5.046, 0.0403))
    write_untrained_info(folder, STARTED, STARTED, 60.0, "abc")


def add_phase(run: RunFolder, name: str, start: float, end: float, steps: int, stop: Stop) -> None:
    """A phase whose mel CE falls from `start` towards `end` and rises a little at last."""
    chance = random.Random(name)
    folder = run.candidate(name)

    def level(step: int) -> float:
        return end + (start - end) * math.exp(-4.5 * step / steps) + 0.25 * max(0.0, step / steps - 0.8) ** 2

    with MetricsWriter(folder.metrics) as writer:
        writer.write(_evaluation(0, level(0), 0.0281 if name == "phase2" else 0.0403))
        for step in range(1, steps + 1):
            mel_ce = level(step) - 0.1 * step / steps + chance.gauss(0, 0.12)
            text = 2.8 + chance.gauss(0, 0.06)
            writer.write(StepRecord(step, step / 100, 1e-6, mel_ce, mel_ce, text, 0.7, 3, 0.5, 0.01))
            if step % 100 == 0:
                text_ce = 0.0279 + 0.0124 * math.exp(-6 * step / steps) * (name == "phase1")
                writer.write(_evaluation(step, level(step), text_ce, level(step) - 0.1))
    declaration = declare(run.root.parents[1])
    job = Job(declaration.file, (), run.root, run.root, "cpu", run.job_events(name), "abc", phase=name)
    facts = phase_facts(job, declaration.phases[name], declaration.pipeline.datasets, stop)
    planned = {"steps_planned": 3000 if name == "phase2" else 1600, "epochs_planned": 30}
    facts = replace(facts, **planned, started=STARTED, ended=ENDED, seconds=29520)
    folder.best_model.touch()
    write_closing(folder, facts, stop)


def add_utterances(run: RunFolder, name: str, pitch: float, sentences: dict[str, str] = SENTENCES) -> None:
    """A tone for every sentence, and a reference recording."""
    folder = run.candidate(name)
    folder.utterances.mkdir(parents=True, exist_ok=True)
    reference = run.root.parent / "host_reference.wav"
    _tone(reference, 180.0, 3.0)
    spoken = []
    for number, (sentence, text) in enumerate(sentences.items()):
        file = f"{sentence}_s1.wav"
        _tone(folder.utterances / file, pitch + 40 * number, 1.0 + 0.4 * number)
        entry = {"id": sentence, "file": file, "text": text, "language": "hu", "seed": 1, "seconds": 1.0}
        spoken.append({**entry, "pieces": [text], "cut": False})
    record = {"candidate": name, "vocoder": "hifigan", "reference": [str(reference)], "utterances": spoken}
    folder.utterances_json.write_text(json.dumps(record), encoding="utf-8")


def whole_run(folder: Path, **decision: Any) -> tuple[Declaration, RunFolder]:
    """Everything done: data, base, two phases, utterances of all three."""
    declaration = declare(folder, **decision)
    run = RunFolder(declaration.run_folder)
    add_data(folder, run)
    add_base(run)
    add_phase(run, "phase1", 5.046, 3.45, 1600, Stop(Reason.ALL_STEPS_DONE, "all 1600 steps are done"))
    message = "mel_ce has not improved on 2.431 (step 1600) for 540 steps"
    add_phase(run, "phase2", 3.51, 2.4, 2140, Stop(Reason.NO_IMPROVEMENT, message))
    for name, pitch in (("base", 150.0), ("phase1", 220.0), ("phase2", 330.0)):
        add_utterances(run, name, pitch)
    return declaration, run


def _evaluation(step: int, mel_ce: float, text_ce: float, train_mel_ce: float | None = None) -> EvalRecord:
    return EvalRecord(step, mel_ce, text_ce, text_ce * 100, 0.12, 9000, 1200, 4.0, train_mel_ce)


def _tone(file: Path, pitch: float, seconds: float) -> None:
    time = np.arange(int(24000 * seconds)) / 24000
    soundfile.write(file, (0.2 * np.sin(2 * np.pi * pitch * time)).astype(np.float32), 24000, subtype="PCM_16")
