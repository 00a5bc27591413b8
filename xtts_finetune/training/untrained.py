"""Candidates that no phase trains: the base, and models that are made of others. Each is evaluated once."""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from xtts_finetune.quantities import now
from xtts_finetune.records.closing import write_untrained_info
from xtts_finetune.records.metrics import MetricsWriter
from xtts_finetune.records.run_folder import CandidateFolder, RunFolder
from xtts_finetune.spec.declaration import Declaration
from xtts_finetune.training.device import pick_device
from xtts_finetune.training.phase_data import EvalData
from xtts_finetune.training.recorder import evaluate
from xtts_finetune.training.saving import save_model, training_state
from xtts_finetune.xtts.averaging import average_weights
from xtts_finetune.xtts.base import find_base
from xtts_finetune.xtts.model import load_model


def evaluate_base(declaration: Declaration, run: RunFolder, device: str, fingerprint: str = "") -> None:
    """Write base/metrics.jsonl with one evaluation, at step 0, and base/model_info.json."""
    started, began = now(), time.perf_counter()
    folder = run.candidate("base")
    model = load_model(find_base(declaration.pipeline.base), device=pick_device(device))
    _evaluate(model, run, folder)
    write_untrained_info(folder, started, now(), time.perf_counter() - began, fingerprint)


def make_candidate(
    declaration: Declaration,
    run: RunFolder,
    name: str,
    parts: Sequence[tuple[Path, float]],
    device: str,
    fingerprint: str = "",
) -> None:
    """Make a candidate from the files of others and how much each counts, and evaluate it like any other.

    Its folder is a model folder for stock XTTS tools, as a phase's is. The weights are averaged on the CPU
    (`xtts.averaging`); one part alone is taken as it is. The closing record is removed first and written last.

    Raises UserError if a part cannot be read or has another form than the base.
    """
    started, began = now(), time.perf_counter()
    base, folder = find_base(declaration.pipeline.base), run.candidate(name)
    folder.model_info.unlink(missing_ok=True)
    files, counts = [file for file, _ in parts], [count for _, count in parts]
    model = load_model(base, files[0])
    if len(files) > 1:
        model.load_state_dict(average_weights(files, counts), strict=False)
    folder.path.mkdir(parents=True, exist_ok=True)
    model.config.save_json(str(folder.config))
    shutil.copyfile(base.vocab, folder.vocab)
    weights = {f"xtts.{key}": value for key, value in model.state_dict().items()}
    save_model(folder, training_state(weights, model.config.to_dict(), step=0, epoch=0))
    _evaluate(model.to(pick_device(device)), run, folder)
    made_of = [{"file": str(file), "weight": count} for file, count in parts]
    write_untrained_info(folder, started, now(), time.perf_counter() - began, fingerprint, made_of)


def _evaluate(model: Any, run: RunFolder, folder: CandidateFolder) -> None:
    """Evaluate Coqui's `Xtts` on the frozen eval set and write that down as the candidate's only record."""
    record = evaluate(model.gpt, EvalData(run).batches(), step=0)
    folder.metrics.unlink(missing_ok=True)
    with MetricsWriter(folder.metrics) as metrics:
        metrics.write(record)
