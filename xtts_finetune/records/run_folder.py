"""Where everything lies in a run's folder: the only place that knows the file names."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

CHECKPOINT_NAME = re.compile(r"checkpoint_(\d+)\.pth")
CHECKPOINT_RECORD_NAME = re.compile(r"checkpoint_(\d+)\.json")
BEST_MODEL_NAME = re.compile(r"best_model_(\d+)\.pth")


@dataclass(frozen=True)
class CandidateFolder:
    """The folder of the base or of one phase. A phase's folder is a model folder for stock XTTS tools."""

    path: Path

    @property
    def name(self) -> str:
        """The candidate's name: 'base' or the phase's."""
        return self.path.name

    @property
    def phase_yaml(self) -> Path:
        """The declaration as it was run, with hashes of its inputs."""
        return self.path / "phase.yaml"

    @property
    def metrics(self) -> Path:
        """One record a line: every step's loss, every evaluation."""
        return self.path / "metrics.jsonl"

    @property
    def best_model(self) -> Path:
        """Weights of the best step, without optimizer state."""
        return self.path / "best_model.pth"

    @property
    def config(self) -> Path:
        """The model's configuration, as stock XTTS tools read it."""
        return self.path / "config.json"

    @property
    def vocab(self) -> Path:
        """The tokenizer's vocabulary, as stock XTTS tools read it."""
        return self.path / "vocab.json"

    @property
    def stopping_reason(self) -> Path:
        """For people: why the phase ended and what to do next."""
        return self.path / "STOPPING_REASON.txt"

    @property
    def training_history(self) -> Path:
        """The metrics as columns."""
        return self.path / "training_history.json"

    @property
    def model_info(self) -> Path:
        """The closing record; written last, so it says that the candidate is complete."""
        return self.path / "model_info.json"

    @property
    def left_out(self) -> Path:
        """Why a candidate that is made of others could not be made; the others are compared without it."""
        return self.path / "left_out.json"

    @property
    def record(self) -> Path:
        """For people: the filled-in record of the phase."""
        return self.path / "RECORD.md"

    @property
    def utterances(self) -> Path:
        """Folder of the generated speech."""
        return self.path / "utterances"

    @property
    def utterances_json(self) -> Path:
        """What was spoken, with which settings."""
        return self.utterances / "utterances.json"

    @property
    def spoken_lines(self) -> Path:
        """What was spoken so far, a record a line; utterances.json takes its place when all is."""
        return self.utterances / "spoken.jsonl"

    @property
    def scores_json(self) -> Path:
        """What the instruments read from the generated speech."""
        return self.utterances / "scores.json"

    def checkpoint(self, step: int) -> Path:
        """The checkpoint of a step."""
        return self.path / f"checkpoint_{step}.pth"

    def checkpoint_record(self, step: int) -> Path:
        """The record beside a checkpoint, which says that it is whole."""
        return self.path / f"checkpoint_{step}.json"

    def best_model_of(self, step: int) -> Path:
        """The best model under the name that tells its step."""
        return self.path / f"best_model_{step}.pth"

    def checkpoints(self) -> list[tuple[int, Path]]:
        """The whole checkpoints with their steps, the newest last: those that have a record beside them."""
        return [(step, self.checkpoint(step)) for step in self.recorded_steps()]

    def recorded_steps(self) -> list[int]:
        """The steps of which there is a checkpoint's record, the newest last."""
        return [step for step, _ in self._numbered(CHECKPOINT_RECORD_NAME)]

    def checkpoint_files(self) -> list[tuple[int, Path]]:
        """All files that are named as checkpoints, whole or not, with their steps, the newest last."""
        return self._numbered(CHECKPOINT_NAME)

    def best_models(self) -> list[tuple[int, Path]]:
        """All best models with their steps, the newest last."""
        return self._numbered(BEST_MODEL_NAME)

    def _numbered(self, pattern: re.Pattern[str]) -> list[tuple[int, Path]]:
        if not self.path.is_dir():
            return []
        matches = [(pattern.fullmatch(file.name), file) for file in self.path.iterdir()]
        return sorted((int(match[1]), file) for match, file in matches if match)


@dataclass(frozen=True)
class ListeningFolder:
    """The folder of one listening test."""

    path: Path

    @property
    def protocol(self) -> Path:
        """How the test was laid down: nothing in it tells which is which."""
        return self.path / "test.json"

    @property
    def page(self) -> Path:
        """For listeners: the test itself, one file."""
        return self.path / "LISTEN.html"

    @property
    def key(self) -> Path:
        """Which is which; not for listeners."""
        return self.path / "key.json"

    @property
    def ratings(self) -> Path:
        """Folder of the ratings that were taken in, one file a listener."""
        return self.path / "ratings"

    def rating_files(self) -> list[Path]:
        """The ratings that were taken in, in the order of their names."""
        return sorted(self.ratings.glob("*.json")) if self.ratings.is_dir() else []


@dataclass(frozen=True)
class RunFolder:
    """The folder run/<pipeline>; nothing is made by asking for a path.

    `data` is the folder of another run whose clips, eval set and cache this one uses; None: it has its own.
    """

    root: Path
    data: Path | None = None

    @property
    def data_root(self) -> Path:
        """The folder that clips, eval set and cache lie in."""
        return self.root if self.data is None else self.data

    @property
    def clips(self) -> Path:
        """The kept clips, one a line."""
        return self.data_root / "clips.jsonl"

    @property
    def dropped(self) -> Path:
        """The clips left out, each with its reason."""
        return self.data_root / "dropped.jsonl"

    @property
    def eval_set(self) -> Path:
        """The frozen eval set; written once."""
        return self.data_root / "eval_set.json"

    @property
    def data_info(self) -> Path:
        """Fingerprints and counts of the data."""
        return self.data_root / "data.json"

    @property
    def data_page(self) -> Path:
        """What the audit found, for people, one file."""
        return self.data_root / "DATA.html"

    @property
    def cache(self) -> Path:
        """Codes and mels, keyed by content."""
        return self.data_root / "cache"

    @property
    def logs(self) -> Path:
        """Folder of each job's log and progress."""
        return self.root / "logs"

    @property
    def voice_json(self) -> Path:
        """What the instruments read from the voice's own recordings: utterances are compared with it."""
        return self.root / "voice.json"

    @property
    def decision(self) -> Path:
        """Which candidate ships, and why."""
        return self.root / "decision.json"

    @property
    def report(self) -> Path:
        """The report for people, one file."""
        return self.root / "REPORT.html"

    @property
    def tracking(self) -> Path:
        """By which name tracking servers know this run."""
        return self.root / "tracking.json"

    @property
    def shipped(self) -> Path:
        """Folder of the shipped models, one folder a name."""
        return self.root / "shipped"

    @property
    def deleted(self) -> Path:
        """What was deleted after shipping and what that freed, one file a line."""
        return self.root / "deleted.jsonl"

    def candidate(self, name: str) -> CandidateFolder:
        """The folder of the base or of a phase."""
        return CandidateFolder(self.root / name)

    @property
    def earlier(self) -> Path:
        """Folder of what changed declarations set aside, one folder a phase, in it one a try."""
        return self.root / "earlier"

    @property
    def base_files(self) -> Path:
        """The base's files as the run has seen them: hashes of their bytes and of what they say."""
        return self.root / "base_files.json"

    @property
    def remedies(self) -> Path:
        """Folder of the remedies for phases that improve no more, one folder a phase."""
        return self.root / "remedies"

    @property
    def searches(self) -> Path:
        """Folder of the searches for a phase's values, one folder a phase."""
        return self.root / "search"

    @property
    def ledger(self) -> Path:
        """Who trains which trial, where no other database is named."""
        return self.root / "ledger.db"

    @property
    def ledger_id(self) -> Path:
        """What this run is called in a ledger that it may share with others."""
        return self.root / "ledger.json"

    @property
    def listening(self) -> Path:
        """Folder of the listening tests."""
        return self.root / "listening"

    def listening_test(self, name: str) -> ListeningFolder:
        """The folder of one listening test."""
        return ListeningFolder(self.listening / name)

    def listening_tests(self) -> list[ListeningFolder]:
        """The listening tests that were laid down whole, in the order of their names."""
        if not self.listening.is_dir():
            return []
        # The protocol is written last.
        found = [ListeningFolder(path) for path in self.listening.iterdir() if path.is_dir()]
        return sorted((test for test in found if test.protocol.is_file()), key=lambda test: test.path.name)

    def job_log(self, job: str) -> Path:
        """What a job printed."""
        return self.logs / f"{job}.log"

    def job_events(self, job: str) -> Path:
        """A job's progress, one record a line."""
        return self.logs / f"{job}.jsonl"
