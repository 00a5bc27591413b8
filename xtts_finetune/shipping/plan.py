"""What is to be shipped: which candidate, under which name, made of what. Without torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from xtts_finetune.errors import UserError
from xtts_finetune.evaluation.decision import Decision, decide
from xtts_finetune.evaluation.spoken_as import spoken_as
from xtts_finetune.evaluation.usable_references import check_references, reference_problems
from xtts_finetune.evaluation.utterance_state import UtterancePlan, WantedUtterance, plan_utterances
from xtts_finetune.evaluation.whose_voice import WhoseVoice, whose_voice
from xtts_finetune.look.commands import command, run_first
from xtts_finetune.records.candidates.shipped import Shipped, is_whole, read_shipped
from xtts_finetune.records.run_folder import RunFolder
from xtts_finetune.records.values import digest_of, hash_of
from xtts_finetune.spec.declaration import Declaration
from xtts_finetune.xtts.base import BaseFiles, quick_hash

# Raise it when the same candidate would be written otherwise.
SHIP_FORMAT = 3
# Sentences that candidate and shipped model both say: the shortest, the longest and some between.
CHECKED_SENTENCES = 3
# Longer texts are cut into pieces, which stock's inference does in its own way.
MOST_CHARACTERS = 160


@dataclass(frozen=True)
class ShipPlan:
    """A candidate on its way out.

    name         of the shipped folder and of the voice in it
    folder       that it will be
    spoken       what its utterances were made of: the model, the voice's recordings, the settings
    voice        whose voice it is, and who else is in the data
    moods        further voices by their names, with the recordings that each is taken from
    sentences    that are compared
    fingerprint  of all that the shipped folder depends on
    """

    declaration: Declaration
    run: RunFolder
    candidate: str
    name: str
    folder: Path
    spoken: UtterancePlan
    voice: WhoseVoice
    moods: Mapping[str, tuple[Path, ...]]
    decision: Decision
    sentences: tuple[WantedUtterance, ...]
    fingerprint: str


def make_ship_plan(declaration: Declaration, run: RunFolder, candidate: str) -> ShipPlan:
    """What shipping `candidate` means.

    Raises UserError if it has no model, or the voice no recording that it can be taken from.
    """
    decision = decide(declaration, run)
    declaration = spoken_as(declaration, run, candidate)
    spoken = plan_utterances(declaration, run, candidate)
    check_references(spoken.references, spoken.base)
    voice = whose_voice(declaration, run)
    name = shipped_name(declaration)
    language = declaration.pipeline.language
    depends_on = {
        "format": SHIP_FORMAT,
        "model": spoken.fingerprint,
        "candidate": candidate,
        "name": name,
        "language": language,
        "precision": declaration.pipeline.ship.precision,
        "decision": hash_of(decision.to_json()),
    }
    moods = further_voices(declaration, spoken.base)
    if moods:
        depends_on["moods"] = {mood: [quick_hash(file) for file in files] for mood, files in moods.items()}
    if voice.others:  # who they are is on the card; what was shipped of one speaker's data stays as it is
        depends_on["voice"] = [voice.speaker, *voice.others]
    return ShipPlan(
        declaration=declaration,
        run=run,
        candidate=candidate,
        name=name,
        folder=run.shipped / name,
        spoken=spoken,
        voice=voice,
        moods=moods,
        decision=decision,
        sentences=sentences_to_compare(spoken.utterances),
        fingerprint=digest_of(depends_on),
    )


def further_voices(declaration: Declaration, base: BaseFiles) -> Mapping[str, tuple[Path, ...]]:
    """The voices that are declared beside the model's own.

    Raises UserError for one with the model's own name, and for recordings that cannot be used.
    """
    moods, own = declaration.pipeline.ship.voices, shipped_name(declaration)
    if taken := next((mood for mood in moods if mood.casefold() == own.casefold()), None):
        raise UserError(f"ship: voices: '{taken}' is the name of the model's own voice; choose another one")
    found = {mood: reference_problems(files, base) for mood, files in moods.items()}
    problems = [f"ship: voices: {mood}: {problem}" for mood, wrong in found.items() for problem in wrong]
    if problems:
        raise UserError("\n".join(problems))
    return moods


def shipped_name(declaration: Declaration) -> str:
    """Of the shipped folder and the voice: as declared, or the pipeline's."""
    return declaration.pipeline.ship.name or declaration.pipeline.name


def shipped_folder(declaration: Declaration) -> Path:
    """Where the declaration's shipped model lies."""
    return RunFolder(declaration.run_folder).shipped / shipped_name(declaration)


def choose_candidate(decision: Decision, asked: str | None) -> str:
    """The candidate that was asked for, or else the one that was decided on, or that comes first while it is undecided.

    Raises UserError where there is no model to ship.
    """
    chosen = asked or decision.ship or decision.meanwhile
    if chosen is None:
        raise UserError(run_first(f"there is nothing to ship: {decision.verdict}", command("run")))
    return chosen


def sentences_to_compare(utterances: Sequence[WantedUtterance]) -> tuple[WantedUtterance, ...]:
    """Some of the declared sentences, from the shortest to the longest that stock says in one piece."""
    once = {utterance.id: utterance for utterance in utterances if utterance.clip is None}
    by_length = sorted(once.values(), key=lambda utterance: (len(utterance.text), utterance.id))
    fitting = [utterance for utterance in by_length if len(utterance.text) <= MOST_CHARACTERS] or by_length[:1]
    last = len(fitting) - 1
    places = {round(last * share / (CHECKED_SENTENCES - 1)) for share in range(CHECKED_SENTENCES)}
    return tuple(fitting[place] for place in sorted(places))


def already_shipped(plan: ShipPlan) -> Shipped | None:
    """The record of the shipped model, if it is whole and is what would be written now."""
    try:
        shipped = read_shipped(plan.folder)
    except UserError:
        return None
    return shipped if shipped.fingerprint == plan.fingerprint and is_whole(plan.folder, shipped) else None
