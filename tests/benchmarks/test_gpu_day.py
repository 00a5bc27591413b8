"""The script for the day of a GPU works before that day comes: it says that there is none, and its sections run."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
import torch

from benchmarks import gpu_day
from benchmarks.gpu_day_bench import Day
from benchmarks.gpu_day_training import going_on, nothing_waits, scaled


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_without_a_gpu_one_line_says_so_and_what_the_cpu_tells_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["gpu_day", str(tmp_path), "--only", "machine", "fp16"])
    with pytest.raises(SystemExit) as ended:
        gpu_day.main()
    assert ended.value.code == 0
    assert capsys.readouterr().out.splitlines()[0].startswith(gpu_day.NO_GPU)
    found = json.loads((tmp_path / "gpu_day.json").read_text(encoding="utf-8"))
    assert list(found) == ["machine"], "what only a GPU can tell is left out"
    assert found["machine"]["found"]["cores"] > 0


def test_its_sections_run_on_a_small_model(tmp_path: Path) -> None:
    day = Day(tmp_path, "cpu", True, time.monotonic() + 600)
    assert nothing_waits(day) == "no step waits"
    assert scaled(day)["left out"] == []
    gone_on = going_on(day)
    assert gone_on["weights apart at most"] == 0.0 == gone_on["loss apart"], "on the CPU it goes on bit for bit"


def test_a_section_that_fails_is_said_and_the_time_is_kept(tmp_path: Path) -> None:
    def fails(day: Day) -> None:
        raise RuntimeError("no such kernel\nand more")

    day = Day(tmp_path, "cpu", True, time.monotonic() + 600)
    answer = gpu_day._answer(gpu_day.Section("odd", fails), day)
    assert answer["failed"] == "RuntimeError: no such kernel"
    late = Day(tmp_path, "cpu", True, time.monotonic())
    assert gpu_day._answer(gpu_day.Section("odd", fails), late) == {"left out": "the time was up"}
    steps = {"batch 3": {"ms": 210.0, "GB": 8.1}, "LoRA": {"ms": 130.0}}
    table = gpu_day.table({"steps and memory": {"found": steps}, "odd": answer})
    assert table.splitlines()[:3] == ["| | ms | GB |", "|---|---:|---:|", "| batch 3 | 210 | 8.1 |"]
    assert "no such kernel" in table
