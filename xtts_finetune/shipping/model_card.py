"""MODEL_CARD.md of a shipped model: what it was made of, how it was judged, how to use it, under which licence."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from xtts_finetune.evaluation.decision.words import preference_in_words
from xtts_finetune.evaluation.instruments import INSTRUMENTS
from xtts_finetune.evaluation.whose_voice import speakers_in_words
from xtts_finetune.look.quantities import duration, metric
from xtts_finetune.look.templating import Markdown, markdown_template
from xtts_finetune.numbers.fixed import BASE
from xtts_finetune.pipeline.plan.inputs import data_info
from xtts_finetune.records.candidates.closing import read_model_info
from xtts_finetune.records.candidates.shipped import Shipped
from xtts_finetune.records.heard.scores import Scores, read_scores
from xtts_finetune.records.verdict import Samples
from xtts_finetune.shipping.fault_rate import fault_words
from xtts_finetune.shipping.plan import ShipPlan
from xtts_finetune.spec.decision import MadeCandidate
from xtts_finetune.spec.languages import LANGUAGES
from xtts_finetune.spec.sources import source_of
from xtts_finetune.spec.train import train_words
from xtts_finetune.xtts.base import KNOWN_BASES

METRICS = ("mel_ce", "text_ce", "stop_ce")
# Of known bases: how the hub names base and licence, and the licence in words.
LICENCES = {
    "xtts_v2": (
        "coqui/XTTS-v2",
        "coqui-public-model-license",
        "The base is XTTS v2 under the Coqui Public Model License (CPML): non-commercial use only, of the base and of "
        "everything fine-tuned from it, this model among them. Its text: https://coqui.ai/cpml",
    )
}


def card_text(plan: ShipPlan, record: Shipped) -> str:
    """The card's text. Texts of users never become markup, and no path of this machine comes into it."""
    pipeline, says = plan.declaration.pipeline, plan.decision.says
    known = LICENCES.get(pipeline.base)
    scores = read_scores(plan.run.candidate(plan.candidate).scores_json)
    return markdown_template("MODEL_CARD.md.j2").render(
        shipped=record,
        languages=LANGUAGES,
        code=Markdown(record.name),  # names are letters, digits, - and _
        base=pipeline.base if pipeline.base in KNOWN_BASES else Path(pipeline.base).name,
        hub=known[:2] if known else None,
        licence=known[2] if known else _licence_words(plan),
        data=data_info(plan.run),
        datasets=[{"name": each.name, "language": each.language or pipeline.language} for each in pipeline.datasets],
        voice=_voice(plan),
        made_of=_made_of(plan),
        phases=_phases(plan),
        metrics=_metrics(plan),
        says=says,
        asked=plan.candidate != (says.ship or says.meanwhile),
        heard=list(map(preference_in_words, plan.decision.preferences)),
        marks=plan.decision.quality,
        versions=", ".join(f"{package} {number}" for package, number in record.versions.items() if number),
        clean=Samples(scores.spoken - scores.gate_failures, scores.spoken).words if scores and scores.spoken else "",
        faults=Markdown(fault_words(record.faults)),
        readings=[] if scores is None else list(_readings(scores)),
    )  # fmt: skip


def _readings(scores: Scores) -> Iterator[Markdown]:
    """What instruments say on the card: their means, each in words."""
    for one in INSTRUMENTS:
        if one.card and (mean := scores.mean(one.name)) is not None:
            yield Markdown(one.card.format(mean))


def _voice(plan: ShipPlan) -> str:
    """'from 3 recordings of anna; the data has other voices too: ben (12 min)'."""
    voice, count = plan.voice, len(plan.spoken.references)
    recordings = f"from {count} recording{'' if count == 1 else 's'}"
    of = f" of {voice.speaker}" if voice.speaker else ""
    others = f"; the data has other voices too: {speakers_in_words(voice.others)}" if voice.others else ""
    return recordings + of + others


def copy_licences(base: Path, folder: Path) -> None:
    """The base's licence texts go where its weights go."""
    for file in licence_files(base):
        shutil.copyfile(file, folder / file.name)


def licence_files(base: Path) -> list[Path]:
    """Files of a base that are named as licences are."""
    return sorted(
        file
        for file in base.iterdir()
        if file.is_file() and file.stem.casefold() in ("license", "licence", "copying", "notice")
    )


def _licence_words(plan: ShipPlan) -> str:
    files = [file.name for file in licence_files(plan.spoken.base.folder)]
    if files:
        return f"The base's licence is this model's too: see {', '.join(files)} in this folder."
    return (
        "The base's licence is this model's too. The base's folder had no licence text: look where the base is from "
        "before you pass this model on."
    )


def _made_of(plan: ShipPlan) -> Sequence[str]:
    """The candidates that it is the mean of; none for one that was trained."""
    info = read_model_info(plan.run.candidate(plan.candidate)) or {}
    return [Path(part["file"]).parent.name for part in info.get("made_of", [])]


def _ancestors(plan: ShipPlan) -> set[str]:
    """The phases whose training is in the candidate's weights."""
    made = (each for each in plan.declaration.decision.candidates if isinstance(each, MadeCandidate))
    own = [each for each in made if each.name == plan.candidate]
    waiting = [plan.candidate, *_made_of(plan), *(each.phase or each.model for each in own if each.phase or each.model)]
    found: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name in plan.declaration.phases and name not in found:
            found.add(name)
            waiting += filter(None, [source_of(plan.declaration, name).phase])
    return found


def _phases(plan: ShipPlan) -> list[dict[str, Any]]:
    """The phases that the candidate comes from, in their order."""
    found = []
    known = _ancestors(plan)
    for name, spec in plan.declaration.phases.items():
        if name not in known:
            continue
        info = read_model_info(plan.run.candidate(name))
        if info is None or info.get("best") is None:
            continue
        found.append(
            {
                "name": name,
                "goal": spec.goal,
                "trained": train_words(info["hyperparameters"].get("train", "all")),
                "rate": f"{info['learning_rate']:g}",
                "steps": info["steps"],
                "clips": info["batch_size"],
                "best": metric(info["best"], "mel_ce"),
                "step": info["best"]["step"],
                "ended": info["reason"]["words"],
                "took": duration(info["seconds"]),
            }
        )
    return found


def _metrics(plan: ShipPlan) -> list[dict[str, str]]:
    """The base's measures beside the shipped model's."""
    known = {each.name: vars(each) for each in plan.decision.candidates}
    base, own = known.get(BASE, {}), known.get(plan.candidate, {})
    return [{"name": name, "base": metric(base, name), "own": metric(own, name)} for name in METRICS]
