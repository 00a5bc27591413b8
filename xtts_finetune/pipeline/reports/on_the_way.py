"""What a phase's model said in the middle of its training, for the report."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from xtts_finetune.pipeline.reports.model import OnTheWay, Player, SpokenStep
from xtts_finetune.pipeline.reports.players import player, read_json
from xtts_finetune.records.metrics import Metrics, QualityRecord
from xtts_finetune.records.run_folder import CandidateFolder

# The same sentences at each step let a change be heard; more of them would make the page heavy.
SENTENCES_A_STEP = 3


def collect_on_the_way(folder: CandidateFolder, metrics: Metrics) -> OnTheWay | None:
    """Every check of the phase's speech, with players for those whose sound is kept; None where there was none.

    Raises UserError for a record that cannot be read.
    """
    steps = tuple(_step(folder, record) for record in metrics.quality)
    return OnTheWay(folder.name, steps) if steps else None


def _step(folder: CandidateFolder, record: QualityRecord) -> SpokenStep:
    faults = ", ".join(f"{name} ({count})" for name, count in record.faults.items())
    return SpokenStep(record.step, record.passed, record.spoken, faults, tuple(_players(folder, record.step)))


def _players(folder: CandidateFolder, step: int) -> Iterator[Player]:
    """The first sentences of the step, in the declared order, each with what is wrong with it."""
    spoken = folder.utterances / f"step_{step}"
    for name, wrong in list(read_json(spoken / "faults.json").items())[:SENTENCES_A_STEP]:
        note = "; ".join(map(str, wrong)) if isinstance(wrong, list) else ""
        yield replace(player(str(name), spoken / f"{name}.wav"), note=note)
