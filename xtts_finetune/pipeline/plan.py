"""What would run, what is up to date and why not, read from declaration and run folder, without torch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from difflib import get_close_matches

from xtts_finetune.data.fingerprint import changed_inputs, data_inputs
from xtts_finetune.data.readers import check_dataset
from xtts_finetune.errors import UserError
from xtts_finetune.evaluation.utterance_state import utterances_current
from xtts_finetune.pipeline import inputs
from xtts_finetune.pipeline.disk import free_bytes, weights_bytes
from xtts_finetune.pipeline.fingerprints import Inputs, differences
from xtts_finetune.pipeline.phase_state import Surroundings, check_checkpoint, phase_stage, weights_of
from xtts_finetune.pipeline.stage_records import read_stage
from xtts_finetune.pipeline.stages import Kind, Plan, Stage, State, compared
from xtts_finetune.records.closing import read_model_info
from xtts_finetune.records.run_folder import RunFolder
from xtts_finetune.spec.declaration import Declaration
from xtts_finetune.spec.sources import source_of
from xtts_finetune.xtts.base import find_base


def make_plan(declaration: Declaration, wanted: Sequence[str] = (), fresh: bool = False) -> Plan:
    """The plan for the wanted phases, all of them when none is named; nothing is written.

    `fresh` plans as if nothing was done of them yet: what is damaged there is then not read either.

    Raises UserError when the base is not there, a phase is unknown, or a wanted phase starts from one that is
    neither complete nor wanted.
    """
    names = check_names(declaration, wanted)
    base = find_base(declaration.pipeline.base)
    weights = weights_bytes(base.model)
    run = RunFolder(declaration.run_folder)
    data = _data_stage(declaration, run)
    clips = None if data.due else inputs.data_content(run)
    anew = frozenset(names if fresh else ())
    around = Surroundings(declaration, run, base.fingerprint(), weights, clips, anew)
    phases = _phase_stages(around)
    _check_sources(around, names, phases)
    stages = [data, _base_stage(around)]
    stages.append(_utterances_stage(around, "base", stages[-1]))
    for name in names:
        stages += [phases[name], _utterances_stage(around, name, phases[name])]
    stages.append(_closing_stage(run, "decision", lambda: inputs.decision_inputs(declaration, run), stages))
    stages.append(_closing_stage(run, "report", lambda: inputs.report_inputs(declaration, run), stages))
    return Plan(tuple(stages), free_bytes(run.root))


def check_names(declaration: Declaration, wanted: Sequence[str]) -> list[str]:
    """The wanted phases in the declared order, all if none is named. Raises UserError for an unknown one."""
    declared = list(declaration.pipeline.phases)
    for name in wanted:
        if name not in declared:
            near = get_close_matches(name, declared, n=1)
            meant = f"; did you mean '{near[0]}'?" if near else ""
            known = f"{declaration.file.name} declares {', '.join(declared)}"
            raise UserError(f"unknown phase '{name}'{meant or ';'} {known}")
    return [name for name in declared if name in wanted or not wanted]


def _compare(before: Inputs | None, now: Inputs) -> tuple[State, str]:
    if before is None:
        return State.TO_RUN, ""
    changes = differences(before, now)
    return (State.STALE, compared(changes)) if changes else (State.UP_TO_DATE, "")


def _data_stage(declaration: Declaration, run: RunFolder) -> Stage:
    info = inputs.data_info(run)
    if inputs.data_content(run) is None:
        # What would make all of a data set's clips useless is said now, not after torch was loaded.
        for spec in declaration.pipeline.datasets:
            check_dataset(spec)
        return Stage("data", "data", State.TO_RUN)
    before = info.get("inputs")
    changes = changed_inputs(before if isinstance(before, dict) else {}, data_inputs(declaration))
    if changes:
        return Stage("data", "data", State.STALE, "changed: " + compared(changes))
    why = f"{info.get('clips')} clips, {info.get('eval_clips')} of them held out"
    return Stage("data", "data", State.UP_TO_DATE, why)


def _base_stage(around: Surroundings) -> Stage:
    if around.clips is None:
        return _after("base", "base", "base", around.run, "the data")
    now = inputs.base_inputs(around.base, around.clips)
    state, why = _compare(read_stage(around.run, "base"), now)
    if state is State.UP_TO_DATE and read_model_info(around.run.candidate("base")) is None:
        state, why = State.TO_RUN, "its files are gone"
    return Stage("base", "base", state, why, candidate="base", inputs=now)


def _utterances_stage(around: Surroundings, candidate: str, model: Stage) -> Stage:
    name = f"{candidate} utterances"
    if around.clips is None:
        before = "the data" if candidate == "base" else model.name
        return _after("utterances", name, candidate, around.run, before)
    if candidate != "base" and model.due:
        return _after("utterances", name, candidate, around.run, model.name, certain=model.certain)
    weights = weights_of(around.run, candidate) if candidate != "base" else around.base
    now = inputs.utterances_inputs(around.declaration, around.base, around.clips, weights)
    state, why = _compare(read_stage(around.run, name), now)
    if state is State.UP_TO_DATE and not utterances_current(around.declaration, around.run, candidate):
        state, why = State.TO_RUN, "its files are gone or changed"
    return Stage("utterances", name, state, why, candidate=candidate, inputs=now)


def _after(
    kind: Kind, name: str, candidate: str, run: RunFolder, before: str, certain: bool = False
) -> Stage:
    """A stage that reads what another one makes first; `certain` if that is sure to be something else."""
    if read_stage(run, name) is None:
        return Stage(kind, name, State.TO_RUN, f"after {before}", candidate=candidate)
    if certain:
        return Stage(kind, name, State.STALE, f"after {before}", candidate=candidate)
    why = f"after {before}, unless that changes nothing"
    return Stage(kind, name, State.STALE, why, certain=False, candidate=candidate)


def _phase_stages(around: Surroundings) -> dict[str, Stage]:
    """The stages of all declared phases: a wanted one may start from one that is not wanted."""
    stages: dict[str, Stage] = {}
    for name in around.declaration.pipeline.phases:
        source = source_of(around.declaration, name)
        stages[name] = phase_stage(around, name, stages.get(source.phase or ""))
    return stages


def _check_sources(around: Surroundings, wanted: Sequence[str], stages: dict[str, Stage]) -> None:
    """Raise UserError when a wanted phase starts from what neither is there nor will be."""
    for name in wanted:
        source = source_of(around.declaration, name)
        if source.phase is None:
            continue
        stage = stages[source.phase]
        if not stage.due and stages[name].due:
            check_checkpoint(around.run, source, name)
        if source.phase not in wanted and stage.due and stage.certain:
            state = f"is stale ({stage.why})" if stage.state is State.STALE else "is not complete"
            raise UserError(
                f"{name} starts from {source.phase}, which {state}: run_pipeline {source.phase} first"
            )


def _closing_stage(
    run: RunFolder, name: Kind, inputs_now: Callable[[], Inputs], before: Sequence[Stage]
) -> Stage:
    """The decision or the report, which read what all the others left."""
    file = run.decision if name == "decision" else run.report
    waits = [stage for stage in before if stage.due]
    if waits:
        # The data's own coming out as it was leaves the rest as it is.
        certain = any(stage.certain for stage in waits if stage.kind != "data")
        return _after(name, name, "", run, waits[-1 if certain else 0].name, certain)
    now = inputs_now()
    state, why = _compare(read_stage(run, name), now)
    if not file.is_file():
        state, why = State.TO_RUN, ""
    return Stage(name, name, state, why, inputs=now)
