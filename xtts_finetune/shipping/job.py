"""The child's side of shipping: write the folder beside its place, verify it with stock code, put it in its place."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xtts_finetune.data.hearing.ears import Ears
from xtts_finetune.errors import WorkFailed
from xtts_finetune.evaluation.decision.words import listed
from xtts_finetune.evaluation.instruments.frames import paces_of
from xtts_finetune.evaluation.utterances import package_versions, read_references
from xtts_finetune.evaluation.voice import read_voice, voice_fingerprint, write_checks
from xtts_finetune.evaluation.whose_voice import voice_clips
from xtts_finetune.look.quantities import now
from xtts_finetune.records.atomic import replace_with_retry, write_text_atomic
from xtts_finetune.records.candidates.shipped import Shipped, files_in, reference_of, write_shipped
from xtts_finetune.records.run_folder import CHECKS, MODEL_CARD
from xtts_finetune.shipping.fault_rate import fault_rate
from xtts_finetune.shipping.model_card import card_text, copy_licences
from xtts_finetune.shipping.plan import ShipPlan
from xtts_finetune.xtts.weights.vocabulary_file import write_vocabulary_for_all

if TYPE_CHECKING:
    from xtts_finetune.xtts.speech.mel_inversion import Wave
    from xtts_finetune.xtts.speech.packing import Weights
    from xtts_finetune.xtts.speech.verification import Compared, Original
    from xtts_finetune.xtts.speech.voice import Voice
    from xtts_finetune.xtts.state import StateDict

Progress = Callable[[int, int, str], None]

STEPS = 4


def ship(plan: ShipPlan, device: str, progress: Progress) -> Shipped:
    """Write, verify and put in place; the record of what was shipped.

    Until the new folder is verified an older one of its name stays as it is, and nothing else is touched at all.
    Raises WorkFailed where stock code does not load it or does not say what the candidate says.
    """
    from xtts_finetune.xtts.model import load_model  # noqa: PLC0415  heavy
    from xtts_finetune.xtts.speech.generation import without_hints  # noqa: PLC0415  heavy
    from xtts_finetune.xtts.speech.verification import Original, Sentence  # noqa: PLC0415  heavy
    from xtts_finetune.xtts.speech.voice import voice_of  # noqa: PLC0415  heavy

    references = read_references(plan.spoken.references)
    progress(0, STEPS, f"loading {plan.candidate}")
    model = load_model(plan.spoken.base, plan.spoken.checkpoint, device)
    weights = dict(model.state_dict())  # before the model gets what inference adds to it
    with without_hints():
        model.eval()
    voice = voice_of(model, references)
    moods = {mood: read_references(files) for mood, files in plan.moods.items()}
    recorded = {plan.name: references, **moods}
    voices = {plan.name: voice, **{mood: voice_of(model, waves) for mood, waves in moods.items()}}
    progress(1, STEPS, f"{plan.candidate} speaks for comparison")
    sentences = [Sentence(each.id, each.text, each.language) for each in plan.sentences]
    original = Original(model, voice, sentences, plan.declaration.utterances.inference)
    staging = _empty(plan.folder.with_name(f".{plan.name}.new"))
    try:
        faults = _faults(plan, model, references, staging)
        shipped = _first_that_holds(plan, staging, weights, voices, original, recorded, device, progress)
        shipped = _with_card(plan, replace(shipped, faults=faults), staging)
        write_shipped(staging, shipped)
        put_in_place(staging, plan.folder)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    progress(STEPS, STEPS, "verified")
    return shipped


def _first_that_holds(
    plan: ShipPlan,
    staging: Path,
    weights: StateDict,
    voices: Mapping[str, Voice],
    original: Original,
    recorded: Mapping[str, list[Wave]],
    device: str,
    progress: Progress,
) -> Shipped:
    """Written in half precision if that speaks as the candidate does, else in full."""
    parted = ""
    for precision in precisions(plan.declaration.pipeline.ship.precision):
        progress(2, STEPS, f"writing it in {precision} precision")
        _write(plan, staging, precision, weights, voices, recorded)
        progress(3, STEPS, f"stock XTTS speaks with it, in {precision} precision")
        compared = _verify(plan, staging, precision, weights, voices, original, device)
        differing = [each for each in compared if not _accepted(plan, precision, each)]
        if not differing:
            return _finish(plan, staging, precision, parted, compared)
        parted = f"in {precision} precision {differing[0]}"
    raise WorkFailed(
        f"the shipped model does not speak as {plan.candidate} does: {parted}; nothing was shipped, nothing was deleted"
        + ("; try --precision auto" if plan.declaration.pipeline.ship.precision == "half" else "")
    )


def precisions(wanted: str) -> Iterator[Weights]:
    """Those that are tried, in their order."""
    if wanted in ("auto", "half"):
        yield "half"
    if wanted in ("auto", "full"):
        yield "full"


def _accepted(plan: ShipPlan, precision: str, compared: Compared) -> bool:
    return compared.equally_likely if plan.declaration.pipeline.ship.precision == "half" else compared.same


def _write(
    plan: ShipPlan,
    staging: Path,
    precision: Weights,
    weights: StateDict,
    voices: Mapping[str, Voice],
    recorded: Mapping[str, list[Wave]],
) -> None:
    from xtts_finetune.xtts.speech import packing  # noqa: PLC0415  heavy

    base, language = plan.spoken.base, plan.declaration.pipeline.language
    packing.write_model(staging / packing.MODEL, packing.packed_weights(weights, precision))
    packing.write_config(staging / packing.CONFIG, base, language, plan.declaration.utterances.inference)
    write_vocabulary_for_all(base.vocab, staging / packing.VOCABULARY)
    packing.write_voices(staging / packing.SPEAKERS, voices)
    for name, waves in recorded.items():
        packing.write_reference(staging / reference_of(name, plan.name), waves)
    if plan.spoken.vocoder == "preview":
        packing.copy_preview(staging, base)
    _write_checks(plan, staging)
    copy_licences(base.folder, staging)


def _write_checks(plan: ShipPlan, staging: Path) -> None:
    """What its lines can be checked against, where the voice's recordings have been read."""
    if not plan.run.clips.is_file():  # the voice is of recordings that were named, and no clip was prepared
        return
    clips = voice_clips(plan.declaration, plan.run)
    voice = read_voice(plan.run.voice_json, voice_fingerprint(clips, Ears.of(plan.declaration)))
    if voice is not None:
        write_checks(staging / CHECKS, voice, paces_of(clips))


def _verify(
    plan: ShipPlan,
    staging: Path,
    precision: Weights,
    weights: StateDict,
    voices: Mapping[str, Voice],
    original: Original,
    device: str,
) -> list[Compared]:
    """What stock code says with the folder. Raises WorkFailed where it does not even read it as it was written."""
    from xtts_finetune.xtts.speech.packing import packed_weights  # noqa: PLC0415  heavy
    from xtts_finetune.xtts.speech.verification import load_stock, same_voice, wrong_weights  # noqa: PLC0415  heavy

    try:
        stock = load_stock(staging, device)
    except RuntimeError as error:  # Coqui's and torch's for keys and shapes
        raise WorkFailed(f"stock XTTS does not load what was written: {str(error).splitlines()[0]}") from error
    if wrong := wrong_weights(stock, packed_weights(weights, precision)):
        raise WorkFailed(f"{len(wrong)} weights were not read as they were written, the first is {wrong[0]}")
    if wrong := [name for name, voice in voices.items() if not same_voice(stock, name, voice)]:
        raise WorkFailed(f"the voice '{wrong[0]}' in speakers_xtts.pth was not read as it was written")
    return original.compare(stock, plan.name)


def _finish(plan: ShipPlan, staging: Path, precision: Weights, parted: str, compared: list[Compared]) -> Shipped:
    """The record of what is in the folder, but for the card."""
    from xtts_finetune.xtts.speech.packing import CONFIG, MODEL  # noqa: PLC0415  heavy

    codes, same = sum(each.codes for each in compared), sum(each.same for each in compared)
    verified = (
        f"stock Xtts loads {MODEL} with {CONFIG}, with no key missing, and reads every weight as it was written",
        f"the voice{'s' if plan.moods else ''} {listed([plan.name, *plan.moods])} in speakers_xtts.pth "
        f"{'are' if plan.moods else 'is'} {plan.candidate}'s",
        f"spoken greedily by stock Xtts, {same} of {len(compared)} sentences have the candidate's codes, one for one, "
        f"and its sound ({codes} codes in all)",
    )
    return Shipped(
        name=plan.name,
        candidate=plan.candidate,
        model_sha=plan.spoken.model_sha,
        language=plan.declaration.pipeline.language,
        vocoder=plan.spoken.vocoder,
        settings=plan.spoken.settings,
        precision=precision,
        why_precision=_why(plan, precision, parted, compared),
        verified=verified,
        sentences=tuple(asdict(each) for each in compared),
        made=now(),
        versions=package_versions(),
        fingerprint=plan.fingerprint,
        files={},
        voices=(plan.name, *plan.moods),
    )


def _with_card(plan: ShipPlan, shipped: Shipped, staging: Path) -> Shipped:
    """Add the card to the folder; the record of all that is in it then."""
    write_text_atomic(staging / MODEL_CARD, card_text(plan, shipped))
    return replace(shipped, files=files_in(staging))


def _faults(plan: ShipPlan, model: Any, references: list[Wave], staging: Path) -> dict[str, int] | None:
    from xtts_finetune.xtts.speech.speech import Speaker  # noqa: PLC0415  heavy

    vocoder = plan.declaration.pipeline.vocoder
    trial = staging / "trial.wav"
    speaker = Speaker.with_references(plan.spoken.base, model, vocoder, references)
    found = fault_rate(plan, speaker, trial)
    trial.unlink(missing_ok=True)
    return found


def _why(plan: ShipPlan, precision: Weights, parted: str, compared: list[Compared]) -> str:
    """In words, why it is in this precision."""
    if precision == "full":
        return parted or "full precision, as your config says"
    differing = [each for each in compared if not each.same]
    if differing:
        return f"half precision, as your config says; {'; '.join(map(str, differing))}"
    return f"greedy speech is {plan.candidate}'s, code for code, in half precision too"


def put_in_place(staging: Path, folder: Path) -> None:
    """Give a verified folder its name; an older one goes when the new one stands there."""
    older = folder.with_name(f".{folder.name}.old")
    if folder.is_dir():
        replace_with_retry(folder, older)
    replace_with_retry(staging, folder)
    shutil.rmtree(older, ignore_errors=True)


def mend(folder: Path) -> None:
    """Undo a replacement that was cut short between taking the old folder away and putting the new one there."""
    older = folder.with_name(f".{folder.name}.old")
    if not older.is_dir():
        return
    if folder.is_dir():
        shutil.rmtree(older, ignore_errors=True)
    else:
        replace_with_retry(older, folder)


def _empty(folder: Path) -> Path:
    """A folder with nothing of an earlier try in it."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder
