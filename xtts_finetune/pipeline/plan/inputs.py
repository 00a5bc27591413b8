"""What each stage reads, as plain keys and values: the same inputs need no second run.

Keys that start with 'files ' hold fingerprints; `stage_records.differences` names them without their values.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from xtts_finetune.errors import UserError
from xtts_finetune.evaluation.candidates import candidate_names
from xtts_finetune.evaluation.decision import gather_inputs
from xtts_finetune.pipeline.plan.stage_records import Inputs
from xtts_finetune.records.atomic import read_json
from xtts_finetune.records.candidates.tries import read_tries
from xtts_finetune.records.run_folder import RunFolder
from xtts_finetune.records.values import flat, hash_of
from xtts_finetune.spec.decision import MadeCandidate
from xtts_finetune.spec.declaration import Declaration
from xtts_finetune.spec.model import Spec
from xtts_finetune.spec.phase import PhaseSpec, Planned, planned_of_count
from xtts_finetune.spec.sources import Source, source_of
from xtts_finetune.spec.train import is_lora
from xtts_finetune.xtts.base import quick_hash


def planned_phase(declaration: Declaration, run: RunFolder, name: str) -> Planned | None:
    """Steps and epochs of a phase; None while the clips are not counted.

    Raises UserError if the records of the clips are damaged.
    """
    phase, datasets = declaration.phases[name], declaration.pipeline.datasets
    if phase.max_tokens is not None or any(spec.weight != 1 for spec in datasets):
        from xtts_finetune.data.batching.index import planned_of_run  # noqa: PLC0415  (NumPy: see planned.py)

        return planned_of_run(run, datasets, phase) if run.clips.is_file() else None
    info = data_info(run)
    try:
        clips = int(info["clips"]) - int(info["eval_clips"])
    except (KeyError, TypeError, ValueError):
        return None
    return planned_of_count(clips, phase) if clips > 0 else None


# Raise it when a change of the code makes what an older version wrote or trained unfit for use.
CODE_FORMAT = 1
# Likewise of decision.json: 2 since the verdict stands in it.
DECISION_FORMAT = 2

CLIPS = "files clips"

# Keys of a phase that judge it, or say what is kept of it: other values give the same weights.
NO_INPUTS = frozenset(
    {
        "goal",
        "success",
        "checkpoint_every",
        "keep",
        "utterances_every_evals",
        "on_out_of_memory",
        "optimization_level",
        "search",
        "devices",
        "optimizer_state",
        "restarts",
        "silent_seconds",
    }
)
# Keys that came later: at their defaults they are left out, so that runs from before them stay as they are.
LATER = ("kl_weight", "label_smoothing", "huber_tau", "adaptive_loss_weights", "optimizer_moments")
LATER_OF_SCHEDULE = (
    "minimum_learning_rate",
    "period",
    "period_multiplier",
    "milestones",
    "factor",
    "patience",
)


def weights_key(source: Source) -> str:
    """Name of the input that holds the fingerprint of the weights that a phase starts from."""
    return f"files {source.phase or 'starting checkpoint'}"


def base_inputs(base: str, clips: str) -> Inputs:
    """What the base's evaluation depends on: the fingerprints of the base and of the data's content."""
    return {"format": CODE_FORMAT, "files base": base, CLIPS: clips}


def candidate_inputs(made: MadeCandidate, base: str, clips: str | None, weights: Mapping[str, str]) -> Inputs:
    """What a candidate that is made of others depends on; `weights` are the fingerprints of what it is made of."""
    inputs: Inputs = {"format": CODE_FORMAT, "files base": base, CLIPS: clips}
    spoken = {"inference", "reference"}  # how it speaks is no part of what it is
    inputs |= flat(made.model_dump(mode="json", exclude={"name", *spoken, *({"model"} if made.model is None else ())}))
    return inputs | {f"files {name}": fingerprint for name, fingerprint in weights.items()}


def phase_inputs(declaration: Declaration, name: str, base: str, clips: str | None, weights: str | None) -> Inputs:
    """What a phase's training depends on.

    `clips` is the fingerprint of the data's content, `weights` that of the weights that the phase starts
    from; None for what is not known yet.
    """
    source = source_of(declaration, name)
    inputs: Inputs = {"format": CODE_FORMAT, "files base": base}
    inputs |= declared_inputs(declaration.phases[name])
    # A file's place is no input, its content is.
    inputs["resume_from.optimizer"] = source.optimizer
    inputs["starts from"] = "file" if source.file is not None else str(source)
    inputs[CLIPS] = clips
    # Only other weights than 1, so that runs from before there were weights stay as they are.
    datasets = declaration.pipeline.datasets
    inputs |= {f"datasets.{data.name}.weight": data.weight for data in datasets if data.weight != 1}
    if source.phase is not None or source.file is not None:
        inputs[weights_key(source)] = weights
    return inputs


def declared_inputs(phase: PhaseSpec) -> Inputs:
    """The keys of a phase's declaration that its training depends on."""
    declared = phase.model_dump(mode="json", exclude={"resume_from", "stop_when", "schedule", *NO_INPUTS})
    inputs = flat(_without_defaults(phase, declared, LATER))
    schedule = _without_defaults(phase.schedule, phase.schedule.model_dump(mode="json"), LATER_OF_SCHEDULE)
    inputs |= flat(schedule, "schedule.")
    if is_lora(phase.train):
        inputs["train"] = "lora"  # for people: 'train: all -> lora'
    for rule in phase.stop_when:
        described: dict[str, Any] = rule.model_dump(mode="json")
        name = f"stop_when.{described.pop('rule')}"
        while name in inputs:
            name += "'"
        inputs[name] = True
        inputs |= flat(described, f"{name}.")
    return inputs


def _without_defaults(spec: Spec, values: dict[str, Any], keys: Sequence[str]) -> dict[str, Any]:
    """The values without those of `keys` that are at their defaults."""
    fields = type(spec).model_fields
    return {key: value for key, value in values.items() if key not in keys or getattr(spec, key) != fields[key].default}


def utterances_inputs(declaration: Declaration, base: str, clips: str, weights: str) -> Inputs:
    """What a candidate's utterances depend on; `weights` is the fingerprint of the candidate's best model.

    Raises UserError when a reference recording cannot be read.
    """
    spec = declaration.utterances
    inputs: Inputs = {"format": CODE_FORMAT, "files base": base, "files model": weights}
    inputs |= flat(spec.model_dump(mode="json", exclude={"reference"}), "utterances.")
    inputs |= {"vocoder": declaration.pipeline.vocoder, "language": declaration.pipeline.language}
    # Only where it is declared, so that runs from before there was the key stay as they are.
    if spec.reference.speaker is not None:
        inputs["reference.speaker"] = spec.reference.speaker
    if not spec.reference.files:
        return inputs | {"reference.clips": spec.reference.clips, CLIPS: clips}
    try:
        inputs["files reference recordings"] = hash_of([quick_hash(file) for file in spec.reference.files])
    except OSError as error:
        raise UserError(f"{declaration.pipeline.utterances}: a reference cannot be read: {error}") from None
    return inputs


def decision_inputs(declaration: Declaration, run: RunFolder) -> Inputs:
    """What the decision depends on: the matrix, every candidate's measures and scores, and the listeners' votes."""
    gathered = gather_inputs(declaration, run)
    inputs: Inputs = {"format": DECISION_FORMAT}
    for name, what in {"votes": "ratings", "scores": "scores", "training": "training"}.items():
        inputs[f"files {what}"] = hash_of(gathered.pop(name))
    for candidate in gathered.pop("candidates"):
        inputs[f"files {candidate['name']}"] = hash_of(candidate)
    return inputs | {"files decision matrix": hash_of(gathered)}


def report_inputs(declaration: Declaration, run: RunFolder) -> Inputs:
    """What the report shows: the whole declaration and every record of the run."""
    inputs: Inputs = {"format": CODE_FORMAT, "files decision": text_hash(run.decision)}
    inputs["files clips"] = text_hash(run.data_info)
    inputs["files declaration"] = hash_of(
        {name: phase.model_dump(mode="json") for name, phase in declaration.phases.items()}
        | {"pipeline": declaration.pipeline.model_dump(mode="json", exclude={"ship"})}
    )
    for name in (*declaration.pipeline.phases, *candidate_names(declaration)):
        folder = run.candidate(name)
        files = (folder.model_info, folder.metrics, folder.utterances_json, folder.scores_json)
        inputs[f"files {name}"] = hash_of([text_hash(file) for file in files])
    if tries := read_tries(run):  # only then, so that reports of before there were any stay up to date
        inputs["files earlier tries"] = hash_of([each.name for each in tries])
    return inputs | {"files ratings of listeners": hash_of([text_hash(file) for file in run.all_ratings()])}


def text_hash(file: Path) -> str | None:
    """Fingerprint of a small file's content, None when there is none."""
    return hash_of(file.read_text(encoding="utf-8", errors="replace")) if file.is_file() else None


def data_content(run: RunFolder) -> str | None:
    """Fingerprint of the kept clips, or None when the data was not prepared."""
    value = data_info(run).get("content")
    return value if isinstance(value, str) and run.clips.is_file() and run.eval_set.is_file() else None


def data_info(run: RunFolder) -> dict[str, Any]:
    """data.json, empty when there is none. Raises UserError when it is no JSON object."""
    if not run.data_info.is_file():
        return {}
    return read_json(run.data_info, dict, "damaged", "remove the file to prepare the data again")
