"""A search's own page in the ledger: an Optuna study with a trial for each point, for its tools to look at as well.

The search could be replayed from its seed and the trials' folders alone. That the points are written down all the same
makes them independent of the version of Optuna, and lets `optuna-dashboard` show the search while it runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from xtts_finetune.trials.search.space import Point, Space, distributions
from xtts_finetune.trials.work.storage import open_storage, reaching

if TYPE_CHECKING:
    from optuna.study import Study


class Book:
    """The points of one search, by number; what each has come to."""

    def __init__(self, url: str, name: str) -> None:
        """Open the study of this name. Raises UserError when the database cannot be reached."""
        import optuna  # noqa: PLC0415  heavy

        self.url = url
        self._storage = open_storage(url)
        with reaching(url):
            self._study: Study = optuna.create_study(
                storage=self._storage, study_name=name, load_if_exists=True
            )

    def points(self) -> list[Point]:
        """The points that were written down, by number."""
        with reaching(self.url):
            return [dict(trial.params) for trial in self._study.get_trials(deepcopy=False)]

    def write(self, space: Space, point: Point) -> None:
        """Write the next point down, whole or not at all."""
        from optuna.trial import TrialState, create_trial  # noqa: PLC0415  heavy

        with reaching(self.url):
            trial = create_trial(state=TrialState.RUNNING, params=point, distributions=distributions(space))
            self._study.add_trial(trial)

    def judge(self, number: int, at_marks: Mapping[int, float], value: float | None) -> None:
        """Write down what a point has come to, once: its values at the marks, and at the end if it went so far."""
        from optuna.trial import TrialState  # noqa: PLC0415  heavy

        with reaching(self.url):
            trial = self._study.get_trials(deepcopy=False)[number]
            if trial.state.is_finished():
                return
            for mark, mel_ce in at_marks.items():
                self._storage.set_trial_intermediate_value(trial._trial_id, mark, mel_ce)
            if value is None:
                self._storage.set_trial_state_values(trial._trial_id, TrialState.PRUNED)
            else:
                self._storage.set_trial_state_values(trial._trial_id, TrialState.COMPLETE, [value])

    def forget(self) -> None:
        """Begin with an empty page."""
        import optuna  # noqa: PLC0415  heavy

        with reaching(self.url):
            name = self._study.study_name
            optuna.delete_study(study_name=name, storage=self._storage)
            self._study = optuna.create_study(storage=self._storage, study_name=name)

    def close(self) -> None:
        """Let the database go."""
        self._storage.remove_session()
        self._storage.engine.dispose()
