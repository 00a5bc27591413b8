"""The models that `say` can speak with: a shipped folder, or any candidate of a run that has a model."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xtts_finetune.errors import UserError
from xtts_finetune.evaluation.candidates import candidate_names, made_candidates
from xtts_finetune.evaluation.spoken_as import spoken_as
from xtts_finetune.evaluation.usable_references import check_references
from xtts_finetune.evaluation.utterance_state import made_of
from xtts_finetune.evaluation.utterances import load_speaker, read_references
from xtts_finetune.evaluation.whose_voice import reference_files, whose_voice
from xtts_finetune.look.commands import run_first
from xtts_finetune.numbers.fixed import BASE
from xtts_finetune.pipeline.plan.plan import check_candidates
from xtts_finetune.records.atomic import json_or_none
from xtts_finetune.records.candidates.closing import read_model_info
from xtts_finetune.records.candidates.shipped import Shipped, is_outdated, is_whole, read_shipped
from xtts_finetune.records.metrics import read_metrics
from xtts_finetune.records.run_folder import CHECKS, SHIPPED_RECORD, CandidateFolder, RunFolder
from xtts_finetune.records.values import digest_of
from xtts_finetune.shipping.plan import further_voices, shipped_folder, shipped_name
from xtts_finetune.spec.declaration import Declaration
from xtts_finetune.spec.pipeline import Vocoder as VocoderName
from xtts_finetune.xtts.base import BaseFiles, find_base, quick_hash

if TYPE_CHECKING:
    from torch import Tensor

    from xtts_finetune.evaluation.checking import Check
    from xtts_finetune.xtts.speech.speech import Speaker
    from xtts_finetune.xtts.speech.vocoder import Vocoder

# A command of this package for the declaration at hand, to be copied: 'run_pipeline phase1 -f voices/anna.yaml'.
Command = Callable[..., str]


@dataclass(frozen=True)
class SpeakingModel:
    """A model with its voice, ready to be loaded.

    name      for people, with what is to be known about it
    language  that it speaks unless asked otherwise
    judged    the settings of inference that its samples were spoken with
    vocab     its vocabulary
    identity  tells it from every other: weights, voice and vocoder
    voices    their names, its own first
    another   the same model, which was loaded already, in another of its voices
    check     makes what its lines are checked with, given the speed and somebody to tell what is done meanwhile
    older     why it is not what one would ship now, and the command for that; empty where it is
    load      loads it onto a device ('cpu', 'cuda')
    """

    name: str
    language: str
    judged: Mapping[str, Any]
    vocab: Path
    load: Callable[[str], Speaker]
    identity: str
    voices: tuple[str, ...]
    another: Callable[[Speaker, str], Speaker]
    check: Callable[[float, Callable[[str], None]], Check]
    older: str = ""


def in_voices(model: SpeakingModel, own: Speaker) -> Callable[[str | None], Speaker]:
    """The loaded model in each of its voices, each made once; None is its own."""

    @cache
    def speaker(voice: str | None) -> Speaker:
        return own if voice in (None, model.voices[0]) else model.another(own, str(voice))

    return speaker


def shipped_model(folder: Path) -> SpeakingModel:
    """A shipped model. Raises UserError for one that is not there or not whole."""
    if folder.is_file():
        named = (
            folder.parent if (folder.parent / SHIPPED_RECORD).is_file() else "the folder that xtts-finetune ship made"
        )
        raise UserError(f"{folder}: this is a file; --model takes the folder of a shipped model: {named}")
    if not (folder / SHIPPED_RECORD).is_file() and _is_of_candidate(CandidateFolder(folder)):
        name = folder.resolve().name
        raise UserError(
            f"{folder}: this is the folder of a candidate, not a shipped model; speak with it: --candidate {name} "
            "(with -f, --demo or in the config's folder)"
        )
    shipped = read_shipped(folder)
    if not is_whole(folder, shipped):
        raise UserError(f"{folder}: files of this model are missing or cut short; ship or copy it again")
    return SpeakingModel(
        name=str(folder),
        language=shipped.language,
        judged=shipped.settings,
        vocab=folder / "vocab.json",
        load=lambda device: _load_shipped(folder, shipped, device),
        identity=shipped.fingerprint,
        voices=shipped.voices,
        another=lambda speaker, voice: _shipped_voice(folder, shipped, speaker, voice),
        check=lambda speed, say: _check_of_shipped(folder, speed),
    )


def _is_of_candidate(folder: CandidateFolder) -> bool:
    """Whether a run has written into the folder."""
    return any(each.is_file() for each in (folder.best_model, folder.model_info, folder.phase_yaml))


def what_was_shipped(declaration: Declaration, command: Command) -> SpeakingModel:
    """The run's own shipped model. Raises UserError with what to do where nothing was shipped yet."""
    folder = shipped_folder(declaration)
    if not (folder / SHIPPED_RECORD).is_file():
        candidate = _latest_candidate(declaration)
        heard = command("xtts-finetune", "say", "--candidate", candidate, "Good morning.")
        raise UserError(
            f"{folder}: nothing is shipped yet. Make the folder for use:\n  {command('xtts-finetune', 'ship')}\n"
            f"To hear a candidate without shipping it:\n  {heard}"
        )
    model = shipped_model(folder)
    older = _older(declaration, read_shipped(folder))
    return replace(model, older=f"{older}; to ship it:\n  {command('xtts-finetune', 'ship')}") if older else model


def _older(declaration: Declaration, shipped: Shipped) -> str:
    """What was decided on, or trained, since the model was shipped; empty for nothing."""
    run = RunFolder(declaration.run_folder)
    best = run.candidate(shipped.candidate).best_model
    if is_outdated(run, shipped) or (best.is_file() and quick_hash(best) != shipped.model_sha):
        return f"this is an older {shipped.candidate}: it was trained further since"
    told = json_or_none(run.decision, dict) or {}
    chosen = told.get("ship") or told.get("meanwhile")
    if chosen in (None, shipped.candidate):
        return ""
    return f"this is {shipped.candidate}, and the decision is for {chosen} now"


def candidate_model(declaration: Declaration, candidate: str, command: Command) -> SpeakingModel:
    """A candidate of the run in the voice of its samples; of a phase that has not finished, the best model so far.

    Raises UserError for a candidate that is unknown or has no model yet, or a voice that cannot be used.
    """
    check_candidates(declaration, [candidate])
    run = RunFolder(declaration.run_folder)
    base = find_base(declaration.pipeline.base)
    checkpoint = None if candidate == BASE else _weights(declaration, run.candidate(candidate), command)
    if not declaration.utterances.reference.files and not run.clips.is_file():
        prepare = command("xtts-finetune", "prepare")
        raise UserError(run_first("the voice is taken from the clips, which are not prepared yet", prepare))
    declaration = spoken_as(declaration, run, candidate)
    references = reference_files(declaration, run)
    check_references(references, base)
    vocoder, moods = declaration.pipeline.vocoder, further_voices(declaration, base)
    return SpeakingModel(
        name=f"{candidate}{_progress(declaration, run.candidate(candidate))}, {whose_voice(declaration, run).words}",
        language=declaration.pipeline.language,
        judged=declaration.utterances.inference.model_dump(mode="json"),
        vocab=base.vocab,
        load=lambda device: load_speaker(base, checkpoint, references, vocoder, device),
        identity=digest_of(
            [
                made_of(declaration, run, base, quick_hash(checkpoint or base.model), references),
                {mood: [quick_hash(file) for file in files] for mood, files in moods.items()},
            ]
        ),
        voices=(shipped_name(declaration), *moods),
        another=lambda speaker, voice: in_voice_of(base, speaker, vocoder, moods[voice]),
        check=lambda speed, say: _check_of_run(declaration, run, speed, say),
    )


def _weights(declaration: Declaration, folder: CandidateFolder, command: Command) -> Path:
    if folder.best_model.is_file():
        return folder.best_model
    if folder.name in made_candidates(declaration):
        raise UserError(run_first(f"{folder.name} is not made yet", command("run_pipeline")))
    finding = f"{folder.name} is not trained yet, so there is no model to speak with"
    raise UserError(run_first(finding, command("run_pipeline", folder.name)))


def _progress(declaration: Declaration, folder: CandidateFolder) -> str:
    """' (still unfinished: the best model so far, of step 200)'; nothing for what is complete."""
    if folder.name not in declaration.phases:
        return ""
    info = read_model_info(folder)
    if info is not None and info.get("status") == "done":
        return ""
    step = _best_step(folder)
    return f" (unfinished: its best model so far{'' if step is None else f', of step {step}'})"


def _best_step(folder: CandidateFolder) -> int | None:
    """The step of best_model.pth; None where nothing tells it."""
    for step, path in folder.best_models():
        if path.samefile(folder.best_model):
            return step
    best = read_metrics(folder.metrics).best
    return None if best is None else best.step


def _latest_candidate(declaration: Declaration) -> str:
    """The last candidate that has a model; else the base, which always has one."""
    run = RunFolder(declaration.run_folder)
    there = [name for name in candidate_names(declaration) if run.candidate(name).best_model.is_file()]
    return there[-1] if there else BASE


def _load_shipped(folder: Path, shipped: Shipped, device: str) -> Speaker:
    """The shipped model as stock code loads it, with its voice and the vocoder that it is heard through."""
    from xtts_finetune.xtts.speech.speech import Speaker  # noqa: PLC0415  heavy
    from xtts_finetune.xtts.speech.verification import load_stock  # noqa: PLC0415  heavy

    model = load_stock(folder, device)
    latents, vocoder = _heard_through(folder, shipped, model, shipped.name)
    return Speaker(model, vocoder, latents)


def _shipped_voice(folder: Path, shipped: Shipped, speaker: Speaker, voice: str) -> Speaker:
    return speaker.in_voice(*_heard_through(folder, shipped, speaker.model, voice))


def _heard_through(folder: Path, shipped: Shipped, model: Any, name: str) -> tuple[Tensor, Vocoder]:
    """What the GPT of `model` (Coqui's `Xtts`) begins with in this voice, and its vocoder."""
    from xtts_finetune.xtts.speech.packing import PREVIEW, PREVIEW_DVAE  # noqa: PLC0415  heavy
    from xtts_finetune.xtts.speech.verification import voice_in  # noqa: PLC0415  heavy
    from xtts_finetune.xtts.speech.vocoder import HifiganVocoder, make_preview  # noqa: PLC0415  heavy

    voice = voice_in(model, name)
    if shipped.vocoder == "preview":
        return voice.latents, make_preview(folder / PREVIEW, folder / PREVIEW_DVAE, model.mel_stats, voice.latents)
    return voice.latents, HifiganVocoder(model, voice.embedding)


def in_voice_of(base: BaseFiles, speaker: Speaker, vocoder: VocoderName, files: Sequence[Path]) -> Speaker:
    """A candidate that is loaded, with its voice taken from other recordings."""
    from xtts_finetune.xtts.speech.speech import Speaker  # noqa: PLC0415  heavy

    return Speaker.with_references(base, speaker.model, vocoder, read_references(files))


def _check_of_shipped(folder: Path, speed: float) -> Check:
    """Checks against the recordings as they were when it was shipped; against any voice's where nothing tells."""
    from xtts_finetune.evaluation.checking import checker  # noqa: PLC0415  heavy
    from xtts_finetune.evaluation.instruments.instrument import Voice  # noqa: PLC0415  heavy
    from xtts_finetune.evaluation.instruments.panel import Panel  # noqa: PLC0415  heavy
    from xtts_finetune.evaluation.scores import Scale, speller  # noqa: PLC0415  heavy
    from xtts_finetune.evaluation.voice import read_checks  # noqa: PLC0415  heavy

    voice, paces = read_checks(folder / CHECKS) or (Voice(), {})
    return checker(Scale(voice, paces, {}, speed, speller(folder / "vocab.json")), Panel())


def _check_of_run(declaration: Declaration, run: RunFolder, speed: float, say: Callable[[str], None]) -> Check:
    from xtts_finetune.data.hearing.ears import Ears  # noqa: PLC0415
    from xtts_finetune.evaluation.checking import checker  # noqa: PLC0415  heavy
    from xtts_finetune.evaluation.instruments.panel import Panel  # noqa: PLC0415  heavy
    from xtts_finetune.evaluation.scores import scale_of  # noqa: PLC0415  heavy

    panel = Panel(Ears.of(declaration))
    if not run.voice_json.is_file():
        say("reading the recordings of the voice, once, so that lines can be compared with them")
    scale = scale_of(declaration, run, panel, lambda done, total, what: None)
    return checker(replace(scale, speed=speed), panel)
