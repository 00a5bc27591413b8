"""Scores of a candidate: every utterance read by the instruments, compared with the voice's own recordings."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from xtts_finetune.data.hearing.ears import Ears
from xtts_finetune.data.in_threads import in_order, one_core_a_thread
from xtts_finetune.errors import UserError, WorkFailed
from xtts_finetune.evaluation.gate import faults_of
from xtts_finetune.evaluation.instruments import AT_ONCE, IN_TURN, INSTRUMENTS
from xtts_finetune.evaluation.instruments.frames import Pace, paces_of, spoken_characters, tells_its_length
from xtts_finetune.evaluation.instruments.instrument import Fault, Instrument, Sound, Take, Voice
from xtts_finetune.evaluation.instruments.panel import Panel
from xtts_finetune.evaluation.spoken_as import spoken_as
from xtts_finetune.evaluation.utterance_state import read_record
from xtts_finetune.evaluation.voice import measure_voice, read_voice, voice_fingerprint, write_voice
from xtts_finetune.evaluation.whose_voice import voice_clips
from xtts_finetune.look.commands import command, run_first
from xtts_finetune.records.clips import ClipRecord, read_clips
from xtts_finetune.records.heard.scores import InstrumentState, Scores, UtteranceScores, read_scores, write_scores
from xtts_finetune.records.run_folder import RunFolder
from xtts_finetune.records.values import digest_of
from xtts_finetune.spec.declaration import Declaration
from xtts_finetune.xtts.base import find_base

# Raised when the same sound begins to be read otherwise, so that old scores count as out of date.
SCORES_VERSION = 3
# Languages whose texts are put into Latin letters for the model.
ROMANISED = ("zh-cn", "ja", "ko")

Report = Callable[[int, int, str], None]


@dataclass(frozen=True)
class Scale:
    """What utterances are compared with."""

    voice: Voice
    paces: Mapping[str, Pace]
    recordings: Mapping[str, ClipRecord]
    speed: float
    spell: Callable[[str, str], str]


def score_candidate(declaration: Declaration, run: RunFolder, candidate: str, progress: Report) -> Path:
    """Read all utterances of `candidate` with the instruments; the path of scores.json.

    Does nothing when the scores are up to date. The voice's own recordings are read once for all candidates
    and kept in voice.json.

    Raises UserError if the candidate has not spoken yet, or the clips are not prepared; WorkFailed if a
    file of an utterance cannot be read.
    """
    folder = run.candidate(candidate)
    fingerprint = scores_fingerprint(declaration, run, candidate)
    record = read_record(folder.utterances_json)
    spoken = list(record.get("utterances", []))
    if scores_current(declaration, run, candidate):
        progress(len(spoken), len(spoken), "scores are up to date")
        return folder.scores_json
    folder.scores_json.unlink(missing_ok=True)
    panel = Panel(Ears.of(declaration))
    scale = scale_of(spoken_as(declaration, run, candidate), run, panel, progress)
    texts = (*(str(utterance["text"]) for utterance in spoken), *scale.voice.texts)
    scored: list[UtteranceScores] = []
    progress(0, len(spoken), "checking the samples")
    read = in_order(lambda said: _read(said, folder.utterances, scale, panel, texts), spoken)
    with one_core_a_thread(), closing(read) as results:
        for take, begun, faults in results:
            each = read_utterance(begun, take, IN_TURN)
            scored.append(with_faults(each, faults + voice_faults(take, each)))
            progress(len(scored), len(spoken), f"{each.id}, seed {each.seed}")
    states = instrument_states(scored, panel)
    averaged = tuple(one.name for one in INSTRUMENTS if one.averaged)
    write_scores(folder.scores_json, Scores(candidate, fingerprint, states, tuple(scored), averaged))
    progress(len(spoken), len(spoken), "scored")
    return folder.scores_json


def scores_current(declaration: Declaration, run: RunFolder, candidate: str) -> bool:
    """Whether the scores are of these utterances, these clips and these instruments."""
    scores = read_scores(run.candidate(candidate).scores_json)
    try:
        return scores is not None and scores.fingerprint == scores_fingerprint(declaration, run, candidate)
    except UserError:  # no clips or utterances: then nothing can be current
        return False


def instrument_states(scored: Sequence[UtteranceScores], panel: Panel) -> dict[str, InstrumentState]:
    """Of each instrument whether it was read in any utterance, and if not, why."""
    states = {}
    for one in INSTRUMENTS:
        if any(each.readings.get(one.name) is not None for each in scored):
            states[one.name] = InstrumentState(one.unit, one.source, "measured")
        else:
            why = panel.missing.get(one.name, one.nothing)
            states[one.name] = InstrumentState(one.unit, one.source, "not measured", why)
    return states


def read_utterance(
    scores: UtteranceScores, take: Take, instruments: Sequence[Instrument] = INSTRUMENTS
) -> UtteranceScores:
    """`scores` with what these instruments read from the take, but for its faults."""
    seconds = take.sound.seconds
    return replace(
        scores,
        seconds=round(seconds, 3),
        pace=spoken_characters(take.text) / seconds if seconds else 0.0,
        readings={**scores.readings, **{k: v for one in instruments for k, v in one.readings(take).items()}},
    )


def voice_faults(take: Take, scores: UtteranceScores) -> list[Fault]:
    """Whatever is too far from the voice's recordings: sound in itself, but not this voice or not this text."""
    return [fault for one in INSTRUMENTS for fault in one.faults(take, scores)]


def _read(
    spoken: Mapping[str, Any], folder: Path, scale: Scale, panel: Panel, texts: Sequence[str]
) -> tuple[Take, UtteranceScores, list[Fault]]:
    """Of one entry of utterances.json: its sound, what can be read from it at once, and what the gate finds."""
    # Only the name counts: a record that was tampered with must not reach out of the folder.
    name, language = Path(str(spoken["file"])).name, str(spoken["language"])
    scores = UtteranceScores(str(spoken["id"]), int(spoken["seed"]), name, str(spoken["text"]))
    try:
        sound = Sound.of(folder / name)
    except (OSError, ValueError) as error:
        raise WorkFailed(f"{folder / name} cannot be scored ({error}); let it speak again") from None
    take = Take(
        sound=sound,
        text=scores.text,
        language=language,
        spelled=scale.spell(scores.text, language),
        panel=panel,
        voice=scale.voice,
        recording=_recording(scale.recordings.get(str(spoken.get("clip")))),
        speed=scale.speed,
        others=lambda: [scale.spell(text, language) for text in texts],
    )
    return take, read_utterance(scores, take, AT_ONCE), gate_faults(take, bool(spoken.get("cut")), scale)


def gate_faults(take: Take, cut: bool, scale: Scale) -> list[Fault]:
    """What the gate finds in a take; `cut`: the model did not come to an end by itself."""
    pace = scale.paces.get(take.language, Pace()).at(scale.speed)
    # Romanised, a text of digits has other words than are said: then it stays as it is.
    spelled = None if take.language in ROMANISED else take.spelled
    return faults_of(take.sound.wave, take.sound.sample_rate, take.text, cut, pace, spelled)


def with_faults(scores: UtteranceScores, faults: Sequence[Fault]) -> UtteranceScores:
    """The same with its faults; silence and noise have no other, whatever instruments read from them."""
    unheard = [fault for fault in faults if fault.name in ("near silent", "noise", "not finite", "cut")]
    if any(fault.name != "cut" for fault in unheard):
        faults = unheard
    return replace(scores, faults=tuple(fault.name for fault in faults), findings=tuple(map(str, faults)))


def _recording(clip: ClipRecord | None) -> Sound | None:
    """The line's own recording, where there is one that can be read."""
    try:
        return None if clip is None else Sound.of(clip.audio)
    except (OSError, ValueError):
        return None


def scale_of(declaration: Declaration, run: RunFolder, panel: Panel, progress: Report) -> Scale:
    """What the run's voice is compared with; its recordings are read where that was not done yet.

    Raises UserError where the clips are not prepared.
    """
    clips = voice_clips(declaration, run)
    fingerprint = voice_fingerprint(clips, Ears.of(declaration))
    voice = read_voice(run.voice_json, fingerprint)
    if voice is None:
        voice = measure_voice(
            clips, fingerprint, panel, lambda done, total: progress(done, total, "reading the recordings")
        )
        write_voice(run.voice_json, voice)
    return Scale(
        voice=voice,
        paces=paces_of(clips),
        recordings={clip.sha256: clip for clip in read_clips(run.clips, "eval")},
        speed=declaration.utterances.inference.speed,
        spell=speller(find_base(declaration.pipeline.base).vocab),
    )


def speller(vocab: Path) -> Callable[[str, str], str]:
    """The text with its numbers spelled out, as the model says it and a recogniser hears it."""
    from xtts_finetune.xtts.tokenizer import Tokenizer  # noqa: PLC0415  heavy

    tokenizer = Tokenizer(vocab)

    def spell(text: str, language: str) -> str:
        try:
            return tokenizer.normalised(text, language)
        except Exception:  # Coqui's cleaners raise whatever their libraries do
            return text

    return spell


def scores_fingerprint(declaration: Declaration, run: RunFolder, candidate: str) -> str:
    """One hash over all that the scores depend on. Raises UserError without utterances or clips."""
    record = read_record(run.candidate(candidate).utterances_json)
    if not record.get("utterances"):
        raise UserError(run_first(f"{candidate} has not spoken yet", command(f"samples {candidate}")))
    depends_on = {
        "version": SCORES_VERSION,
        "utterances": [record.get("fingerprint"), [one["file"] for one in record["utterances"]]],
        "voice": voice_fingerprint(voice_clips(declaration, run), Ears.of(declaration)),
    }
    # Such texts are read otherwise since; scores of all others stay up to date.
    if not all(tells_its_length(str(one.get("text"))) for one in record["utterances"]):
        depends_on["length"] = "not of digits"
    return digest_of(depends_on)
