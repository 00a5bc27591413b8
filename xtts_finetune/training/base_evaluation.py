"""The base's evaluation: what the whole pipeline is measured against."""

from __future__ import annotations

import time

from xtts_finetune.records.closing import write_base_info
from xtts_finetune.records.metrics import MetricsWriter
from xtts_finetune.records.run_folder import RunFolder
from xtts_finetune.records.times import now
from xtts_finetune.spec.declaration import Declaration
from xtts_finetune.training.device import pick_device
from xtts_finetune.training.evaluate import evaluate
from xtts_finetune.training.phase_data import EvalData
from xtts_finetune.xtts.base import find_base
from xtts_finetune.xtts.model import load_model


def evaluate_base(declaration: Declaration, run: RunFolder, device: str, fingerprint: str = "") -> None:
    """Write base/metrics.jsonl with one evaluation, at step 0, and base/model_info.json."""
    started, began = now(), time.perf_counter()
    folder = run.candidate("base")
    model = load_model(find_base(declaration.pipeline.base), device=pick_device(device))
    record = evaluate(model.gpt, EvalData(run).batches(), step=0)
    folder.metrics.unlink(missing_ok=True)
    with MetricsWriter(folder.metrics) as metrics:
        metrics.write(record)
    write_base_info(folder, started, now(), time.perf_counter() - began, fingerprint)
