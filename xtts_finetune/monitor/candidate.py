"""One candidate of a run, watched: what it shows, how long it is and still takes, from its records alone."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from xtts_finetune.monitor.history import History
from xtts_finetune.monitor.remembered import RememberedFile
from xtts_finetune.monitor.sounds import Sounds
from xtts_finetune.monitor.view import Candidate, Curves, Evaluation
from xtts_finetune.records.json_lines import Follower
from xtts_finetune.records.metrics import EvalRecord
from xtts_finetune.records.pace import Length, pace_of
from xtts_finetune.records.run_folder import CandidateFolder


def planned_steps(declaration: Mapping[str, Any], data: Mapping[str, Any], history: History) -> int | None:
    """The optimizer steps of a phase; None while they cannot be told.

    A phase that is declared in epochs has as many steps as its own records say an epoch has; before it has any,
    as many as its clips make in batches of their full size.
    """
    steps, epochs = declaration.get("steps"), declaration.get("epochs")
    if isinstance(steps, int):
        return steps
    if not isinstance(epochs, int | float):
        return None
    if history.steps and history.epoch > 0:
        an_epoch = round(history.steps[-1].step / history.epoch)
        return max(1, math.ceil(epochs * max(1, an_epoch) - 1e-6))
    try:
        clips = int(data["clips"]) - int(data["eval_clips"])
        a_step = int(declaration["batch_size"]) * int(declaration["accumulate"])
    except (KeyError, TypeError, ValueError):
        return None
    return math.ceil(epochs * math.ceil(clips / a_step)) if clips > 0 and a_step > 0 else None


def seconds_left(planned: int | None, declaration: Mapping[str, Any], history: History) -> float | None:
    """About how long the phase still trains, unless a stop rule stops it: steps, evaluations, samples."""
    keys = ("eval_every_steps", "utterances_every_evals")
    every = (value if isinstance(value := declaration.get(key), int) and value > 0 else None for key in keys)
    pace = pace_of(history)
    return None if pace is None else pace.seconds_left(Length(planned, *every), history.last_step)


TABLE_EVALS = 200


class CandidateWatch:
    """Follows the base or a phase; `look` reads only what is new."""

    def __init__(self, folder: CandidateFolder) -> None:
        self.folder = folder
        self.history = History()
        self._follower = Follower(folder.metrics)
        self._phase = RememberedFile(folder.phase_yaml)
        self._info = RememberedFile(folder.model_info)
        self._config = RememberedFile(folder.config)
        self._sounds = Sounds(folder)
        self._anew = 0

    @property
    def name(self) -> str:
        """The candidate's name."""
        return self.folder.name

    @property
    def declaration(self) -> Mapping[str, Any]:
        """The phase as it was run; empty for the base."""
        declared = self._phase.read().get("declaration")
        return declared if isinstance(declared, Mapping) else {}

    @property
    def started(self) -> str:
        """When the phase was first started, for the order of phases; '' for the base."""
        return str(self._phase.read().get("started", ""))

    @property
    def info(self) -> Mapping[str, Any]:
        """The closing record; empty while there is none."""
        return self._info.read()

    @property
    def model(self) -> Mapping[str, Any]:
        """The model's configuration, as far as the phase's folder has it."""
        arguments = self._config.read().get("model_args")
        return arguments if isinstance(arguments, Mapping) else {}

    @property
    def trained(self) -> bool:
        """Whether it is a phase; the base and what is made of others are evaluated alone."""
        return bool(self._phase.read()) or self.history.last_step > 0

    @property
    def open(self) -> bool:
        """Whether it began and has no closing record yet."""
        return bool(self._phase.read() or self.history.version) and not self.info

    def look(self) -> None:
        """Read what is new in the metrics."""
        for batch in self._follower.new():
            if batch.anew:
                version = self.history.version
                self.history = History()
                self.history.version = version + 1
            if batch.text:
                self.history.add_lines(batch.text)

    def planned(self, data: Mapping[str, Any]) -> int | None:
        """Its optimizer steps; None while they cannot be told."""
        closed = self.info.get("steps_planned")
        return closed if isinstance(closed, int) else planned_steps(self.declaration, data, self.history)

    def view(self, data: Mapping[str, Any]) -> Candidate:
        """As it is shown."""
        history, info = self.history, self.info
        reason = info.get("reason")
        clip = self.declaration.get("gradient_clip")
        return Candidate(
            name=self.name,
            goal=str(self.declaration.get("goal") or ""),
            trained=self.trained,
            status=str(info.get("status") or ("open" if self.open else "")),
            message=str(reason.get("message", "")) if isinstance(reason, Mapping) else "",
            step=history.last_step,
            planned=self.planned(data),
            epoch=round(history.epoch, 3),
            clip=float(clip) if isinstance(clip, int | float) else None,
            eval_count=history.eval_count,
            initial=_shown(history.initial),
            best=_shown(history.best),
            last=_shown(history.evals[-1] if history.evals else None),
            evals=tuple(one for one in map(_shown, list(history.evals)[-TABLE_EVALS:]) if one is not None),
            sounds=self._sounds.now(),
            version=history.version,
        )

    def curves(self) -> Curves:
        """All curves by their names."""
        return {name: buckets.points() for name, buckets in self.history.curves.items()}


def _shown(record: EvalRecord | None) -> Evaluation | None:
    if record is None:
        return None
    values = (record.mel_ce, record.text_ce, record.stop_ce, record.train_mel_ce)
    return Evaluation(record.step, *(None if v is None or not math.isfinite(v) else v for v in values))
