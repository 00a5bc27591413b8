"""The whole declaration: every file read, checked together, paths made absolute."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from xtts_finetune.errors import DeclarationError, Problem
from xtts_finetune.spec.decision import DecisionSpec, MadeCandidate
from xtts_finetune.spec.files import absolute, check_files, check_resume, is_base_folder, is_file, is_folder
from xtts_finetune.spec.languages import language_problem
from xtts_finetune.spec.levels import Resolved, apply_levels, resolved_values
from xtts_finetune.spec.matrix import check_matrix
from xtts_finetune.spec.names import check_names, is_name
from xtts_finetune.spec.phase import PhaseSpec
from xtts_finetune.spec.pipeline import PipelineSpec
from xtts_finetune.spec.reading.document import Document, Keys, label
from xtts_finetune.spec.reading.overrides import apply_to_parts, apply_to_pipeline, parse_overrides
from xtts_finetune.spec.reading.problems import check
from xtts_finetune.spec.reading.words import did_you_mean
from xtts_finetune.spec.reading.yaml_file import read_document
from xtts_finetune.spec.search import check_search
from xtts_finetune.spec.utterances import UtterancesSpec


@dataclass(frozen=True)
class Declaration:
    """What the user declares, checked. Paths are absolute."""

    file: Path
    pipeline: PipelineSpec
    phases: dict[str, PhaseSpec]
    """By name, in the order of 'phases'."""
    utterances: UtterancesSpec
    decision: DecisionSpec
    run_folder: Path
    """Where the run writes: run/<name> next to the file unless said otherwise."""

    resolved: dict[str, tuple[Resolved, ...]] = field(default_factory=dict)
    """Of phases with an optimization level, the values that it or the command line is about, and who gave them."""

    @property
    def folder(self) -> Path:
        """The folder that the declaration stands in."""
        return self.file.parent


def load_declaration(file: Path, overrides: Sequence[str] = (), run_folder: Path | None = None) -> Declaration:
    """Read pipeline.yaml and every file that it names, put `overrides` (KEY=VALUE) over them, check all.

    Raises DeclarationError with all problems of all files at once. Nothing is written; torch is not imported.
    """
    file = file.absolute()
    settings, problems = parse_overrides(overrides)
    pipeline = read_document(file, file.name)
    if not is_file(file) and not is_folder(file):
        raise DeclarationError([Problem(file.name, "there is no such file; name one with -f, or try --demo")])
    if pipeline.data is None:
        raise DeclarationError([*pipeline.problems(), *problems])
    settings = apply_to_pipeline(settings, pipeline)
    names, phases = _read_phases(pipeline)
    named = {key: found for key in ("utterances", "decision") if (found := _read_named(pipeline, key))}
    utterances, decision = named.get("utterances"), named.get("decision")
    parts = {**phases, **named}
    # A missing phase file is one problem, whatever was to be set in it.
    missing = {name: Document(name, file) for name in names if name not in parts}
    levels = apply_levels(phases, settings)
    problems += apply_to_parts(settings, {**missing, **parts})

    pipeline_spec = check(PipelineSpec, pipeline)
    phase_specs = {name: check(PhaseSpec, document) for name, document in phases.items()}
    utterances_spec = check(UtterancesSpec, utterances) if utterances else None
    decision_spec = check(DecisionSpec, decision) if decision else None
    check_names(pipeline, utterances)
    check_resume(names, phases)
    check_search(PhaseSpec, phases)
    check_files(pipeline, utterances)
    _check_languages(pipeline, utterances)
    if decision and names:
        check_matrix(decision, names, phases)

    for document in (pipeline, *parts.values()):
        problems += document.problems()
    if problems or not (pipeline_spec and utterances and utterances_spec and decision and decision_spec):
        raise DeclarationError(_once(problems))
    return Declaration(
        file=file,
        pipeline=_with_paths(pipeline_spec, file.parent),
        phases={name: _from_absolute(phase, file.parent) for name, phase in phase_specs.items() if phase},
        utterances=_heard_from(utterances_spec, utterances.folder),
        decision=_made_from(decision_spec, decision.folder),
        resolved={name: resolved_values(phases[name], used) for name, used in levels.items() if used},
        run_folder=(run_folder or file.parent / "run" / pipeline_spec.name).absolute(),
    )


def _once(problems: Sequence[Problem]) -> list[Problem]:
    return list(dict.fromkeys(problems))


def _read_phases(pipeline: Document) -> tuple[list[str], dict[str, Document]]:
    """The declared names, and the file of each; a missing one is a problem of pipeline.yaml."""
    names: list[str] = []
    phases: dict[str, Document] = {}
    for index, name in pipeline.entries("phases"):
        if not is_name(name) or name in names:
            continue
        names.append(name)
        shown = f"phases/{name}.yaml"
        document = read_document(pipeline.folder / "phases" / f"{name}.yaml", shown)
        if document.data is None and not is_file(document.file):
            there = sorted(path.name for path in document.folder.glob("*.y*ml"))
            hint = did_you_mean(f"{name}.yaml", there) or "; write one, or remove it from 'phases'"
            message = f"phases: '{name}' is listed, but there is no {shown}{hint}"
            pipeline.complain(("phases", index), message)
        else:
            phases[name] = document
    return names, phases


def _read_named(pipeline: Document, key: str) -> Document | None:
    """The file that pipeline.yaml names under `key`, or None if its name or the file is missing."""
    written = pipeline.get(key) if key in (pipeline.data or {}) else str(PipelineSpec.model_fields[key].default)
    if not isinstance(written, str):
        return None  # reported with the pipeline's own values
    try:
        file = absolute(pipeline.folder, written)
    except ValueError as error:
        pipeline.complain((key,), f"{key}: {error}")
        return None
    home = pipeline.folder.resolve()
    shown = file.relative_to(home).as_posix() if file.is_relative_to(home) else str(file)
    document = read_document(file, re.sub(r"\s", " ", shown))
    if document.data is None and not document.found[0][0]:
        message = document.problems()[0].message
        pipeline.complain((key,), f"{key}: '{written[:100]}': {message}")
        return None
    return document


def _check_languages(pipeline: Document, utterances: Document | None) -> None:
    places: list[tuple[Document, Keys]] = [(pipeline, ("language",))]
    places += [(pipeline, ("datasets", index, "language")) for index, _ in pipeline.entries("datasets")]
    if utterances is not None:
        places += [(utterances, ("sentences", index, "language")) for index, _ in utterances.entries("sentences")]
    for document, keys in places:
        code = document.text(*keys)
        problem = language_problem(code) if code is not None else None
        if problem:
            document.complain(keys, f"{label(keys)}: {problem}")


def _with_paths(spec: PipelineSpec, folder: Path) -> PipelineSpec:
    base = str(absolute(folder, spec.base)) if is_base_folder(folder, spec.base) else spec.base
    datasets = tuple(data.model_copy(update={"path": absolute(folder, data.path)}) for data in spec.datasets)
    files = {"utterances": absolute(folder, spec.utterances), "decision": absolute(folder, spec.decision)}
    voices = {name: tuple(absolute(folder, each) for each in sounds) for name, sounds in spec.ship.voices.items()}
    ship = spec.ship.model_copy(update={"voices": voices})
    return spec.model_copy(update={"base": base, "datasets": datasets, "ship": ship, **files})


def _from_absolute(spec: PhaseSpec, folder: Path) -> PhaseSpec:
    """The phase with its checkpoint file's path, if it names one, relative to its own file in `folder`/phases."""
    resume = spec.resume_from
    if resume is None or resume.phase is not None:
        return spec
    path = str(absolute(folder / "phases", resume.checkpoint))
    return spec.model_copy(update={"resume_from": resume.model_copy(update={"checkpoint": path})})


def _made_from(spec: DecisionSpec, folder: Path) -> DecisionSpec:
    """The matrix with the paths of files that candidates are made of, or take their voice from, absolute."""

    def entry_from(entry: MadeCandidate) -> MadeCandidate:
        paths: dict[str, Any] = {"reference": tuple(absolute(folder, written) for written in entry.reference)}
        if entry.is_file:
            paths["checkpoint"] = str(absolute(folder, entry.file))
        return entry.model_copy(update=paths)

    entries = tuple(entry_from(entry) if isinstance(entry, MadeCandidate) else entry for entry in spec.candidates)
    return spec.model_copy(update={"candidates": entries})


def _heard_from(spec: UtterancesSpec, folder: Path) -> UtterancesSpec:
    files = tuple(absolute(folder, written) for written in spec.reference.files)
    return spec.model_copy(update={"reference": spec.reference.model_copy(update={"files": files})})
