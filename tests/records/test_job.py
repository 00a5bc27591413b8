"""What a child is told: written by its command, read by the child, and refused where a key is missing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from xtts_finetune.errors import UserError
from xtts_finetune.records.job import Job, LaunchNews, LaunchPlan, RanWith

LAUNCH = LaunchPlan(devices=2, restarts=1, silent_seconds=30.0, machines=2, host="127.0.0.1", port=29400)
PLAIN = Job(Path("p.yaml"), ("phase1.steps=2",), Path("run"), Path("data"), "cpu", Path("events.jsonl"))
OF_A_PHASE = Job(
    Path("p.yaml"),
    (),
    Path("run"),
    Path("run"),
    "auto",
    Path("events.jsonl"),
    phase="phase1",
    commands={"again": "run_pipeline"},
    ran_with=RanWith(1, 3, 500, "out of memory"),
    continued_at=100,
    pause_at=200,
    launch=LAUNCH,
    launches={"phase1": LAUNCH},
    heard=("a", "b"),
    news=Path("told.json"),
)


@pytest.mark.parametrize("job", [PLAIN, OF_A_PHASE])
def test_a_child_reads_what_its_command_wrote(tmp_path: Path, job: Job) -> None:
    job.write(tmp_path / "job.json")
    assert Job.read(tmp_path / "job.json") == job


def test_the_other_machines_read_what_the_leading_one_tells(tmp_path: Path) -> None:
    news = LaunchNews("id", OF_A_PHASE, reason="killed")
    news.write(tmp_path / "told.json")
    assert LaunchNews.read(tmp_path / "told.json") == news


def test_unknown_keys_are_left_out(tmp_path: Path) -> None:
    PLAIN.write(tmp_path / "job.json")
    content = json.loads((tmp_path / "job.json").read_text(encoding="utf-8"))
    (tmp_path / "job.json").write_text(json.dumps({**content, "of a later version": 1}), encoding="utf-8")
    assert Job.read(tmp_path / "job.json") == PLAIN


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"events": None}, "events: input is not a valid path"),
        ({"pause_at": "soon"}, "pause_at: input should be a valid integer"),
        ({"ran_with": {"batch_size": 1}}, "ran_with.accumulate: field required"),
    ],
)
def test_what_is_missing_or_wrong_is_named_with_the_file(tmp_path: Path, changed: dict[str, object], said: str) -> None:
    file = tmp_path / "job.json"
    PLAIN.write(file)
    file.write_text(json.dumps({**json.loads(file.read_text(encoding="utf-8")), **changed}), encoding="utf-8")
    with pytest.raises(UserError) as caught:
        Job.read(file)
    assert str(caught.value).startswith(f"{file}: damaged (") and said in str(caught.value)
    file.write_text("{}", encoding="utf-8")
    with pytest.raises(UserError, match="declaration_file: field required; overrides: field required"):
        Job.read(file)
