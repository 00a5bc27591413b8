"""What would run, what is up to date and why not, read from declaration and run folder, without torch."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from difflib import get_close_matches

from xtts_finetune.data.fingerprint import changes_since, more_words
from xtts_finetune.data.readers import check_dataset, read_dataset
from xtts_finetune.errors import UserError
from xtts_finetune.evaluation.candidates import candidate_names
from xtts_finetune.evaluation.spoken_as import spoken_as
from xtts_finetune.evaluation.utterance_state import utterances_current
from xtts_finetune.look.commands import command, run_first
from xtts_finetune.numbers.fixed import BASE
from xtts_finetune.pipeline.plan import inputs
from xtts_finetune.pipeline.plan.disk import free_bytes, weights_bytes
from xtts_finetune.pipeline.plan.made_state import made_stages, weights_now
from xtts_finetune.pipeline.plan.phase_state import Surroundings, check_checkpoint, phase_stage
from xtts_finetune.pipeline.plan.stage_records import Inputs, read_stage
from xtts_finetune.pipeline.plan.stages import Kind, Plan, Stage, State, after, compare, compared
from xtts_finetune.records.candidates.closing import read_model_info
from xtts_finetune.records.candidates.tries import read_tries
from xtts_finetune.records.run_folder import RunFolder
from xtts_finetune.spec.declaration import Declaration
from xtts_finetune.spec.pipeline import DatasetSpec
from xtts_finetune.spec.sources import source_of
from xtts_finetune.xtts.base import find_base
from xtts_finetune.xtts.base_as_recorded import fingerprint_in


def make_plan(
    declaration: Declaration,
    wanted: Sequence[str] = (),
    fresh: bool = False,
    given_up: Collection[str] = (),
) -> Plan:
    """The plan for the wanted phases, all of them when none is named; nothing is written.

    `fresh` plans as if nothing was done of them yet: what is damaged there is then not read either. Candidates in
    `given_up` could not be made, and are left out.

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
    around = Surroundings(declaration, run, fingerprint_in(run, base), weights, clips, anew)
    phases = _phase_stages(around)
    _check_sources(around, names, phases)
    models = [_base_stage(around), *(phases[name] for name in names)]
    ready = {stage.name: stage for stage in phases.values() if not stage.due or stage in models}
    models += made_stages(around, {models[0].name: models[0], **ready}, given_up)
    candidates = candidate_names(declaration)
    stages = [data]
    for model in models:
        stages.append(model)
        if model.name in candidates and model.state is not State.LEFT_OUT:
            stages.append(_utterances_stage(around, model.name, model))
    stages.append(_closing_stage(run, "decision", lambda: inputs.decision_inputs(declaration, run), stages))
    stages.append(_closing_stage(run, "report", lambda: inputs.report_inputs(declaration, run), stages))
    return Plan(tuple(stages), free_bytes(run.root), tuple(read_tries(run)))


def check_names(declaration: Declaration, wanted: Sequence[str]) -> list[str]:
    """The wanted phases in the declared order, all if none is named. Raises UserError for an unknown one."""
    return _known(declaration, "phase", list(declaration.pipeline.phases), wanted)


def check_candidates(declaration: Declaration, wanted: Sequence[str]) -> list[str]:
    """The wanted candidates in their order, all if none is named. Raises UserError for an unknown one."""
    return _known(declaration, "candidate", list(candidate_names(declaration)), wanted)


def _known(declaration: Declaration, what: str, declared: list[str], wanted: Sequence[str]) -> list[str]:
    for name in wanted:
        if name not in declared:
            near = get_close_matches(name, declared, n=1)
            meant = f"; did you mean '{near[0]}'?" if near else ""
            known = f"{declaration.file.name} has {', '.join(declared)}"
            raise UserError(f"unknown {what} '{name}'{meant or ';'} {known}")
    return [name for name in declared if name in wanted or not wanted]


def _data_stage(declaration: Declaration, run: RunFolder) -> Stage:
    info = inputs.data_info(run)
    if inputs.data_content(run) is None:
        # What would make all of a data set's clips useless is said now, not after torch was loaded.
        for spec in declaration.pipeline.datasets:
            check_dataset(spec)
        return Stage("data", "data", State.TO_RUN, "not read yet")
    before = info.get("inputs")
    changes = changes_since(declaration, before if isinstance(before, dict) else {})
    if changes:
        more = more_words(info, sum(1 for spec in declaration.pipeline.datasets for _ in _lines(declaration, spec)))
        why = f"changed: {compared(changes)}" + (f"; {more}" if more else "")
        return Stage("data", "data", State.STALE, why)
    why = f"{info.get('clips')} clips, {info.get('eval_clips')} of them held out"
    return Stage("data", "data", State.UP_TO_DATE, why)


def _lines(declaration: Declaration, spec: DatasetSpec) -> Iterable[object]:
    return read_dataset(spec, declaration.pipeline.language)


def _base_stage(around: Surroundings) -> Stage:
    if around.clips is None:
        return after("base", BASE, BASE, around.run, "the data")
    now = inputs.base_inputs(around.base, around.clips)
    state, why = compare(read_stage(around.run, BASE), now)
    if state is State.UP_TO_DATE and read_model_info(around.run.candidate(BASE)) is None:
        state, why = State.TO_RUN, "its files are gone"
    return Stage("base", BASE, state, why, candidate=BASE, inputs=now)


def _utterances_stage(around: Surroundings, candidate: str, model: Stage) -> Stage:
    name = f"{candidate} utterances"
    if around.clips is None:
        before = "the data" if candidate == BASE else model.name
        return after("utterances", name, candidate, around.run, before)
    if candidate != BASE and model.due:
        return after("utterances", name, candidate, around.run, model.name, certain=model.certain)
    weights = weights_now(around, candidate)
    spoken = spoken_as(around.declaration, around.run, candidate)
    now = inputs.utterances_inputs(spoken, around.base, around.clips, weights)
    state, why = compare(read_stage(around.run, name), now)
    if state is State.UP_TO_DATE and not utterances_current(around.declaration, around.run, candidate):
        state, why = State.TO_RUN, "its files are gone or changed"
    if state is State.UP_TO_DATE and not _scored(around, candidate):
        state, why = State.TO_RUN, "its scores are gone, or of other instruments"
    return Stage("utterances", name, state, why, candidate=candidate, inputs=now)


def _scored(around: Surroundings, candidate: str) -> bool:
    from xtts_finetune.evaluation.scores import scores_current  # noqa: PLC0415  (NumPy, for what has spoken alone)

    return scores_current(around.declaration, around.run, candidate)


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
        if source.phase not in wanted and stage.due and (stage.certain or stage.brings_back):
            state = f"is out of date ({stage.why})" if stage.state is State.STALE else "is not complete"
            if stage.brings_back is not None:
                state = "was trained otherwise since, and is to be brought back"
            first = command(source.phase, "run_pipeline")
            raise UserError(run_first(f"{name} starts from {source.phase}, which {state}", first))


def _closing_stage(run: RunFolder, name: Kind, inputs_now: Callable[[], Inputs], before: Sequence[Stage]) -> Stage:
    """The decision or the report, which read what all the others left."""
    file = run.decision if name == "decision" else run.report
    waits = [stage for stage in before if stage.due]
    if waits:
        # The data's own coming out as it was leaves the rest as it is.
        certain = any(stage.certain for stage in waits if stage.kind != "data")
        return after(name, name, "", run, waits[-1 if certain else 0].title, certain)
    now = inputs_now()
    state, why = compare(read_stage(run, name), now)
    if not file.is_file():
        state, why = State.TO_RUN, "not written yet"
    return Stage(name, name, state, why, inputs=now)
