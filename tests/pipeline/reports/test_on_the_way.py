"""What a model said in the middle of a phase can be heard in the report, step by step, with what is wrong with it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.pipeline.made_up_run import declare, whole_run
from xtts_finetune.pipeline.reports.players import collect_on_the_way
from xtts_finetune.pipeline.reports.report import write_report
from xtts_finetune.records.heard.sample_faults import SampleFault
from xtts_finetune.records.metrics import MetricsWriter, QualityRecord, read_metrics
from xtts_finetune.records.run_folder import RunFolder

SAID = {"hello": [], "long": ["unvoiced tail: 1.2 s, limit 0.6"], "third": [], "fourth": []}


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    _, run = whole_run(tmp_path)
    folder = run.candidate("phase1")
    with MetricsWriter(folder.metrics) as metrics:
        metrics.write(QualityRecord(100, 4, 2, {"unvoiced tail": 2}, 3.0))
        metrics.write(QualityRecord(200, 4, 3, {"unvoiced tail": 1}, 3.0))
    spoken = folder.utterances / "step_200"
    spoken.mkdir(parents=True)
    for name in SAID:
        soundfile.write(spoken / f"{name}.wav", np.zeros(2205, dtype=np.float32), 22050)
    (spoken / "faults.json").write_text(json.dumps(SAID), encoding="utf-8")
    return run


def test_steps_whose_sound_is_kept_have_players_and_the_others_their_counts(run: RunFolder) -> None:
    folder = run.candidate("phase1")
    way = collect_on_the_way(folder, read_metrics(folder.metrics))
    assert way is not None
    first, last = way.steps
    assert (first.step, first.passed, first.players) == (100, 2, ())
    assert [player.label for player in last.players] == ["hello", "long", "third"]
    assert last.players[1].faults == (SampleFault("noise after the last word", "measured 1.2 s, limit 0.6"),)
    assert all(player.source for player in last.players)


def test_a_phase_that_did_not_speak_has_nothing_to_hear(run: RunFolder) -> None:
    folder = run.candidate("phase2")
    assert collect_on_the_way(folder, read_metrics(folder.metrics)) is None


def test_the_page_shows_them(run: RunFolder) -> None:
    page = write_report(declare(run.root.parent.parent), run).read_text(encoding="utf-8")
    assert "phase1 while it trained" in page and "phase2 while it trained" not in page
    assert "3 of 4 samples are clean; noise after the last word (1)" in page
    assert "long, said by phase1 at step 200" in page
