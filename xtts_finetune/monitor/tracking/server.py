"""The tracking server, through MLflow's client: the only place that knows it.

Which server a declaration means (its paths are relative to its file, as everywhere), and what MLflow needs help with: a
plain folder in place of a server, which it cannot read after a kill at the wrong moment.
"""

from __future__ import annotations

import logging
import os
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

SQLITE = "sqlite:///"


@dataclass(frozen=True)
class LoggedNumber:
    """One number of one step; NaN stands for a loss that was none."""

    name: str
    value: float
    step: int


@dataclass(frozen=True)
class Where:
    """A tracking server as MLflow names it.

    artifacts  where files go; None: where the server puts them
    folder     of a file store; None for a server or a database
    """

    uri: str
    experiment: str
    artifacts: str | None = None
    folder: Path | None = None


def where(declared: str, experiment: str, folder: Path) -> Where:
    """The server that `declared` means in a declaration that stands in `folder`.

    A folder becomes a file store; of a SQLite file the files of runs go into a folder beside it, which MLflow
    would otherwise make in whatever folder the command was typed.
    """
    if declared.startswith(SQLITE):
        file = (folder / declared.removeprefix(SQLITE)).absolute()
        beside = file.with_name(f"{file.stem}-files")
        return Where(f"{SQLITE}{file.as_posix()}", experiment, beside.as_uri())
    if "://" in declared:
        return Where(declared, experiment)
    store = (folder / declared).absolute()
    return Where(store.as_uri(), experiment, folder=store)


# For another process that has made the file of a metric and is about to write the first value.
MOMENT_SECONDS = 1.0


def drop_empty_metrics(store: Path) -> None:
    """Remove metrics without a value: with one of them MLflow refuses to read the run, and all others beside it."""
    empty = [file for file in store.glob("*/*/metrics/**/*") if _is_empty(file)]
    if not empty:
        return
    time.sleep(MOMENT_SECONDS)
    for file in filter(_is_empty, empty):
        with suppress(FileNotFoundError):
            file.unlink()


def _is_empty(file: Path) -> bool:
    return file.is_file() and file.stat().st_size == 0


# Which run's folder a logged run belongs to, and which candidate of it since when; a file that was logged.
RUN_TAG, CANDIDATE_TAG, FILE_TAG = "xtts_finetune.run", "xtts_finetune.candidate", "xtts_finetune.file."
PARENT_TAG = "mlflow.parentRunId"  # MLflow shows such runs below the one that it names
# What MLflow takes in one request, and of one parameter.
MOST_POINTS, MOST_PARAMETERS, LONGEST_PARAMETER = 1000, 100, 500
SETTINGS = {
    "MLFLOW_DISABLE_TELEMETRY": "true",  # it would tell its makers what it is used for
    "MLFLOW_ALLOW_FILE_STORE": "true",  # a plain folder, which newer versions no longer take unasked
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",  # in the middle of the command's own lines
    # A server that does not answer is asked again later, by us.
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
}


@dataclass
class Logged:
    """A run on the server, and what it is known to hold: the last step of each metric, parameters, tags."""

    id: str
    status: str = "RUNNING"
    last_steps: dict[str, int] = field(default_factory=dict)
    parameters: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)


class Server:
    """One experiment of a tracking server. Every method raises whatever MLflow raises when it is away."""

    def __init__(self, where: Where) -> None:
        """Open the experiment; it is made where there is none. Takes seconds, most of them importing MLflow."""
        for name, value in SETTINGS.items():
            os.environ.setdefault(name, value)
        warnings.filterwarnings("ignore", module="mlflow")
        from mlflow.tracking import MlflowClient  # noqa: PLC0415  heavy

        for name in ("mlflow", "alembic"):  # after the import, which sets them
            logging.getLogger(name).setLevel(logging.ERROR)
        if where.folder is not None:
            drop_empty_metrics(where.folder)
        self._client = MlflowClient(tracking_uri=where.uri)
        found = self._client.get_experiment_by_name(where.experiment)
        self._experiment: str = (
            self._client.create_experiment(where.experiment, artifact_location=where.artifacts)
            if found is None
            else found.experiment_id
        )

    def runs(self, run: str) -> list[Logged]:
        """All runs that were logged of the run's folder that is named so."""
        wanted = f"tags.`{RUN_TAG}` = '{run}'"
        found, token = [], None
        while True:
            page = self._client.search_runs([self._experiment], wanted, page_token=token)
            found += [_logged(one) for one in page]
            token = page.token
            if not token:
                return found

    def create(self, name: str, started_ms: int | None, tags: Mapping[str, str]) -> Logged:
        """Begin a run with its tags."""
        made = self._client.create_run(self._experiment, start_time=started_ms, tags=dict(tags), run_name=name)
        return Logged(made.info.run_id, made.info.status, tags=dict(tags))

    def log_points(self, run: Logged, points: Sequence[LoggedNumber], at_ms: int) -> None:
        """Log the points whose steps are newer than the last one of their metric: none is there twice."""
        from mlflow.entities import Metric  # noqa: PLC0415  heavy

        newest: dict[str, int] = dict(run.last_steps)
        new = []
        for point in points:
            if point.step > newest.get(point.name, -1):
                newest[point.name] = point.step
                new.append(Metric(point.name, point.value, at_ms, point.step))
        for batch in _batches(new, MOST_POINTS):
            self._client.log_batch(run.id, metrics=batch)
            run.last_steps.update({metric.key: metric.step for metric in batch})

    def log_parameters(self, run: Logged, parameters: Mapping[str, str]) -> None:
        """Log parameters; MLflow never changes one, so that another value becomes the tag 'now.<parameter>'."""
        from mlflow.entities import Param  # noqa: PLC0415  heavy

        wanted = {name: value[:LONGEST_PARAMETER] for name, value in parameters.items()}
        new = {name: value for name, value in wanted.items() if name not in run.parameters}
        for batch in _batches(list(new.items()), MOST_PARAMETERS):
            self._client.log_batch(run.id, params=[Param(name, value) for name, value in batch])
            run.parameters.update(batch)
        changed = {name for name, value in wanted.items() if run.parameters[name] != value}
        once = {name for name in wanted if f"now.{name}" in run.tags}
        self.log_tags(run, {f"now.{name}": wanted[name] for name in sorted(changed | once)})

    def log_tags(self, run: Logged, tags: Mapping[str, str]) -> None:
        """Set the tags that are not as given yet."""
        for name, value in tags.items():
            if run.tags.get(name) != value:
                self._client.set_tag(run.id, name, value)
                run.tags[name] = value

    def log_file(self, run: Logged, file: Path, digest: str) -> None:
        """Log a file unless it is there with this content."""
        if run.tags.get(FILE_TAG + file.name) != digest:
            self._client.log_artifact(run.id, str(file))
            self.log_tags(run, {FILE_TAG + file.name: digest})

    def set_status(self, run: Logged, status: str) -> None:
        """RUNNING, or how it ended just now: FINISHED, FAILED, KILLED; nothing where that is known already."""
        if status == run.status:
            return
        if status == "RUNNING":
            self._client.update_run(run.id, status=status)
        else:
            self._client.set_terminated(run.id, status=status)
        run.status = status


def _logged(run: Any) -> Logged:
    # Only this form of a run has the steps of its latest metrics beside their values.
    latest = {metric.key: int(metric.step) for metric in run.data.to_proto().metrics}
    return Logged(run.info.run_id, run.info.status, latest, dict(run.data.params), dict(run.data.tags))


def _batches(all_of_them: Sequence[Any], size: int) -> Iterator[list[Any]]:
    remaining = iter(all_of_them)
    while batch := list(islice(remaining, size)):
        yield batch
