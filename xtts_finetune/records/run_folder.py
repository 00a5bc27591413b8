"""Where everything lies in a run's folder: the only place that knows the file names."""

from __future__ import annotations

import itertools
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

CHECKPOINT_NAME = re.compile(r"checkpoint_(\d+)\.pth")
CHECKPOINT_RECORD_NAME = re.compile(r"checkpoint_(\d+)\.json")
BEST_MODEL_NAME = re.compile(r"best_model_(\d+)\.pth")
STEP_FOLDER_NAME = re.compile(r"step_(\d+)")
METRICS = "metrics.jsonl"
# Room on the disk kept for a phase's closing records (records/atomic.py).
RESERVE = ".reserve"
# Who works in a run's folder: a command, its child, and whoever tracks it.
COMMAND_LOCK, CHILD_LOCK, TRACKING_LOCK = ".command.lock", ".child.lock", ".tracking.lock"
SHIPPED_RECORD, MODEL_CARD, CHECKS = "shipped.json", "MODEL_CARD.md", "checks.json"
# In the cache: what its arrays depend on, and what is known of each audio file that was read before,
# and what a recogniser heard in each clip.
RUNS = "run"  # the folder in a project that its runs lie in, a folder each
CACHE_KEYS, KNOWN_SOURCES, KNOWN_READINGS = "keys.json", "sources.jsonl", "readings.jsonl"
_JOB, _EVENTS = ".job.json", ".jsonl"


def lock_record(root: Path, lock: str) -> Path:
    """Who holds a lock: a file of its own, as Windows lets nobody read the one that is locked."""
    return root / lock.replace(".lock", ".json")


def sound_name(sentence: str, seed: int | None = None) -> str:
    """The file of a generated sound; without a seed one that was spoken in the middle of training."""
    return f"{sentence}.wav" if seed is None else f"{sentence}_s{seed}.wav"


def ledger_lock(database: Path) -> Path:
    """The lock beside a ledger that is a file."""
    return database.with_suffix(".lock")


class _Below:
    """A file or folder by its name below the `path`, or the `data_root`, of the folder that is asked for it."""

    def __init__(self, name: str, below: str = "path") -> None:
        self.name, self.below = name, below

    def __get__(self, folder: object, owner: type | None = None) -> Path:
        return Path(getattr(folder, self.below), self.name)


@dataclass(frozen=True)
class CandidateFolder:
    """The folder of the base or of one phase. A phase's folder is a model folder for stock XTTS tools."""

    path: Path

    @property
    def name(self) -> str:
        """The candidate's name."""
        return self.path.name

    phase_yaml = _Below("phase.yaml")  # the declaration as it was run, with hashes of its inputs
    cpu = _Below("cpu.json")  # precision and threads that a phase on the CPU was given at its start, and why
    metrics = _Below(METRICS)  # one record a line: every step's loss, every evaluation
    best_model = _Below("best_model.pth")  # weights of the best step, without optimizer state
    config = _Below("config.json")  # the model's configuration, as stock XTTS tools read it
    vocab = _Below("vocab.json")  # the tokenizer's vocabulary, as stock XTTS tools read it
    stopping_reason = _Below("STOPPING_REASON.txt")  # for people: why the phase ended and what to do next
    training_history = _Below("training_history.json")  # the metrics as columns
    # The closing record; written last, so it says that the candidate is complete.
    model_info = _Below("model_info.json")
    # Why a candidate that is made of others could not be made; the others are compared without it.
    left_out = _Below("left_out.json")
    record = _Below("RECORD.md")  # for people: the filled-in record of the phase
    utterances = _Below("utterances")  # folder of the generated speech
    utterances_json = _Below("utterances/utterances.json")  # what was spoken, with which settings
    # What was spoken so far, a record a line; utterances.json takes its place when all is.
    spoken_lines = _Below("utterances/spoken.jsonl")
    scores_json = _Below("utterances/scores.json")  # what the instruments read from the generated speech
    set_aside = _Below("try.json")  # when and why this try of a phase was set aside

    def spoken_at(self, step: int) -> Path:
        """Folder of the speech in the middle of training."""
        return self.utterances / f"step_{step}"

    def faults(self, step: int) -> Path:
        """What is wrong with each sentence that was spoken in the middle of training."""
        return self.spoken_at(step) / "faults.json"

    def spoken_steps(self) -> list[tuple[int, Path]]:
        """The steps that were spoken at with their folders, the newest last."""
        return _numbered(self.utterances, STEP_FOLDER_NAME)

    def checkpoint(self, step: int | str) -> Path:
        """The checkpoint of a step."""
        return self.path / f"checkpoint_{step}.pth"

    def named(self, checkpoint: str) -> Path:
        """The file that the declaration calls 'best', 'last' or 'step N', whether it is there or not."""
        if checkpoint == "best":
            return self.best_model
        if checkpoint == "last":
            there = self.checkpoints()
            return there[-1][1] if there else self.checkpoint("<step>")
        return self.checkpoint(int(checkpoint.removeprefix("step ")))

    def aside(self, step: int) -> Path:
        """A name that is free for a damaged checkpoint."""
        names = (self.checkpoint(step).with_suffix(f".damaged{number or ''}") for number in itertools.count())
        return next(name for name in names if not name.exists())

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
        return [step for step, _ in _numbered(self.path, CHECKPOINT_RECORD_NAME)]

    def checkpoint_files(self) -> list[tuple[int, Path]]:
        """All files that are named as checkpoints, whole or not, with their steps, the newest last."""
        return _numbered(self.path, CHECKPOINT_NAME)

    def best_models(self) -> list[tuple[int, Path]]:
        """All best models with their steps, the newest last."""
        return _numbered(self.path, BEST_MODEL_NAME)

    def models(self) -> list[Path]:
        """All files of weights, in no order."""
        return list(self.path.glob("*.pth"))


def _numbered(folder: Path, pattern: re.Pattern[str]) -> list[tuple[int, Path]]:
    if not folder.is_dir():
        return []
    matches = [(pattern.fullmatch(file.name), file) for file in folder.iterdir()]
    return sorted((int(match[1]), file) for match, file in matches if match)


@dataclass(frozen=True)
class ListeningFolder:
    """The folder of one listening test."""

    path: Path
    protocol = _Below("test.json")  # how the test was set up: nothing in it tells which is which
    page = _Below("LISTEN.html")  # for listeners: the test itself, one file
    key = _Below("key.json")  # which is which; not for listeners
    ratings = _Below("ratings")  # folder of the ratings that were taken in, one file a listener

    def rating(self, listener: str, session: str) -> Path:
        """Where the rating of a listener is kept; `listener` and `session` are fit for a file's name."""
        return self.ratings / f"{listener}-{session}.json"

    def rating_files(self) -> list[Path]:
        """The ratings that were taken in, in the order of their names."""
        return sorted(self.ratings.glob("*.json")) if self.ratings.is_dir() else []


@dataclass(frozen=True)
class TrialsFolder:
    """The folder of one phase's race of remedies or of its search for values."""

    path: Path
    kind: Literal["race", "search"]

    setup = _Below("setup.json")  # what the trials are run from; written last
    start = _Below("start.pth")  # the checkpoint that all trials start from; none where that is the base

    @property
    def record(self) -> Path:
        """What came out, for programs."""
        return self.path / f"{self.kind}.json"

    @property
    def page(self) -> Path:
        """What came out, with curves: one file."""
        return self.path / f"{self.kind.upper()}.html"

    selection = _Below("BEST_MODEL_SELECTION.txt")  # who won a race and why, as text

    def remedy(self, name: str) -> Path:
        """A remedy's file."""
        return self.path / f"{name}.yaml"

    def trial(self, name: str) -> Path:
        """The run folder that a trial is trained in."""
        return self.path / name


@dataclass(frozen=True)
class RunFolder:
    """The folder run/<pipeline>; nothing is made by asking for a path.

    `data` is the folder of another run whose clips, eval set and cache this one uses; None: it has its own.
    """

    root: Path
    data: Path | None = None

    @property
    def path(self) -> Path:
        """The folder itself, as other folders call it."""
        return self.root

    @property
    def data_root(self) -> Path:
        """The folder that clips, eval set and cache lie in."""
        return self.root if self.data is None else self.data

    clips = _Below("clips.jsonl", "data_root")  # the kept clips, one a line
    dropped = _Below("dropped.jsonl", "data_root")  # the clips left out, each with its reason
    eval_set = _Below("eval_set.json", "data_root")  # the frozen eval set; written once
    data_info = _Below("data.json", "data_root")  # fingerprints and counts of the data
    data_page = _Below("DATA.html", "data_root")  # what the audit found, for people, one file
    cache = _Below("cache", "data_root")  # codes and mels, keyed by content
    logs = _Below("logs")  # folder of each job's log and progress
    # What the instruments read from the voice's own recordings: utterances are compared with it.
    voice_json = _Below("voice.json")
    decision = _Below("decision.json")  # which candidate ships, and why
    report = _Below("REPORT.html")  # the report for people, one file
    tracking = _Below("tracking.json")  # by which name tracking servers know this run
    shipped = _Below("shipped")  # folder of the shipped models, one folder a name
    deleted = _Below("deleted.jsonl")  # what was deleted after shipping and what that freed, one file a line
    # Folder of what changed declarations set aside, one folder a phase, in it one a try.
    earlier = _Below("earlier")
    stages = _Below("stages.json")  # what the stages that have no folder of their own were last done from
    # The base's files as the run has seen them: hashes of their bytes and of what they say.
    base_files = _Below("base_files.json")
    tuning = _Below("tuning")  # what `tune-speech` found, by candidate, and its last take
    ledger = _Below("ledger.db")  # who trains which trial, where no other database is named
    ledger_id = _Below("ledger.json")  # what this run is called in a ledger that it may share with others
    listening = _Below("listening")  # folder of the listening tests

    def candidate(self, name: str) -> CandidateFolder:
        """The folder of the base or of a phase."""
        return CandidateFolder(self.root / name)

    def race(self, phase: str) -> TrialsFolder:
        """The race of remedies for a phase that has stopped improving."""
        return TrialsFolder(self.root / "remedies" / phase, "race")

    def search(self, phase: str) -> TrialsFolder:
        """The search for a phase's values."""
        return TrialsFolder(self.root / "search" / phase, "search")

    def listening_test(self, name: str) -> ListeningFolder:
        """The folder of one listening test."""
        return ListeningFolder(self.listening / name)

    def listening_tests(self) -> list[ListeningFolder]:
        """The listening tests that were set up whole, in the order of their names."""
        if not self.listening.is_dir():
            return []
        # The protocol is written last.
        found = [ListeningFolder(path) for path in self.listening.iterdir() if path.is_dir()]
        return sorted((test for test in found if test.protocol.is_file()), key=lambda test: test.path.name)

    def job_file(self, job: str) -> Path:
        """What a job was told."""
        return self.logs / f"{job}{_JOB}"

    def job_log(self, job: str) -> Path:
        """What a job printed."""
        return self.logs / f"{job}.log"

    def job_events(self, job: str) -> Path:
        """A job's progress, one record a line."""
        return self.logs / f"{job}{_EVENTS}"

    def events_of_jobs(self) -> dict[str, Path]:
        """Each job's progress, in the order of their names."""
        return {path.name.removesuffix(_EVENTS): path for path in sorted(self.logs.glob(f"*{_EVENTS}"))}

    def job_files(self) -> dict[str, Path]:
        """What each job was told."""
        return {path.name.removesuffix(_JOB): path for path in self.logs.glob(f"*{_JOB}")}

    def tried_candidates(self) -> list[CandidateFolder]:
        """The folders of all candidates that anything was written of, in no order."""
        found = map(CandidateFolder, self.root.iterdir() if self.root.is_dir() else ())
        return [each for each in found if any(map(Path.is_file, (each.metrics, each.phase_yaml, each.model_info)))]

    def all_ratings(self) -> list[Path]:
        """The ratings of all listening tests, whole or not, in the order of their names."""
        return sorted(self.listening.glob("*/ratings/*.json"))

    def being_read(self) -> Path:
        """A place for the clips of this process before it is known which of them are held out."""
        return self.root / f".{self.clips.name}.read.{os.getpid()}.tmp"
