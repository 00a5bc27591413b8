"""What is being done right now, and what the jobs said aloud, from the logs."""

from __future__ import annotations

from collections import deque
from pathlib import Path

from xtts_finetune.records.events import Progress
from xtts_finetune.records.json_lines import Follower
from xtts_finetune.records.run_folder import RunFolder

MOST_NOTES = 50


class Jobs:
    """Follows the events of all jobs of a run."""

    def __init__(self, run: RunFolder) -> None:
        self._run = run
        self._followers: dict[str, Follower] = {}
        self._progress: dict[str, Progress] = {}
        self.notes: deque[str] = deque(maxlen=MOST_NOTES)
        self.newest: str = ""
        self.newest_time: float | None = None

    def look(self) -> None:
        """Read what is new."""
        self.newest, self.newest_time = "", None
        for path in sorted(self._run.logs.glob("*.jsonl")) if self._run.logs.is_dir() else []:
            self._follow(path)
        for path in self._run.logs.glob("*.job.json") if self._run.logs.is_dir() else []:
            self._remember_newest(path.name.removesuffix(".job.json"), path)

    def progress(self, job: str) -> Progress | None:
        """How far a job is."""
        return self._progress.get(job)

    def _follow(self, path: Path) -> None:
        job = path.name.removesuffix(".jsonl")
        follower = self._followers.setdefault(job, Follower(path))
        for batch in follower.new():
            for record in batch.parse()[0]:
                kind = record.get("kind")
                if kind == "progress":
                    self._take(job, record)
                elif kind in ("note", "failed"):
                    self.notes.append(f"{job}: {record.get('message', '')}")

    def _take(self, job: str, record: dict[str, object]) -> None:
        done, total = record.get("done"), record.get("total")
        if isinstance(done, int) and isinstance(total, int):
            self._progress[job] = Progress(done, total, str(record.get("what", "")))

    def _remember_newest(self, job: str, path: Path) -> None:
        try:
            changed = path.stat().st_mtime
        except OSError:
            return
        if self.newest_time is None or changed >= self.newest_time:
            self.newest, self.newest_time = job, changed
