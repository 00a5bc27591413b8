"""Scores of a candidate: every utterance read by the instruments, beside the voice's own recordings."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from xtts_finetune.data.in_threads import in_order, one_core_a_thread
from xtts_finetune.errors import UserError, WorkFailed
from xtts_finetune.evaluation.gate import Fault, faults_of
from xtts_finetune.evaluation.instruments.cepstral import mel_cepstral_distance
from xtts_finetune.evaluation.instruments.characters import character_error_rate, margin_of_text
from xtts_finetune.evaluation.instruments.duration import speech_seconds
from xtts_finetune.evaluation.instruments.frames import Pace, paces_of, spoken_characters, tells_its_length
from xtts_finetune.evaluation.instruments.loudness import loudness_of
from xtts_finetune.evaluation.instruments.panel import Panel, package_versions
from xtts_finetune.evaluation.instruments.pitch import pitch_of
from xtts_finetune.evaluation.instruments.similarity import relative_similarity
from xtts_finetune.evaluation.instruments.sound import Sound
from xtts_finetune.evaluation.instruments.treble import treble_of
from xtts_finetune.evaluation.utterance_state import read_record
from xtts_finetune.evaluation.voice import Voice, fingerprint_of, measure_voice, read_voice, write_voice
from xtts_finetune.evaluation.voice_faults import Heard, faults_beside
from xtts_finetune.evaluation.whose_voice import voice_clips
from xtts_finetune.records.clips import ClipRecord, read_clips
from xtts_finetune.records.run_folder import RunFolder
from xtts_finetune.records.scores import InstrumentState, Scores, UtteranceScores, read_scores, write_scores
from xtts_finetune.spec.declaration import Declaration

# Raised when the same sound begins to be read otherwise, so that old scores count as out of date.
SCORES_VERSION = 2
# Unit and source of each reading, as the report shows them.
INSTRUMENTS = {
    "level_lufs": ("LUFS", "ITU-R BS.1770-4"),
    "f0_median_hz": ("Hz", "YIN, de Cheveigné and Kawahara 2002"),
    "duration_ratio": ("of the recordings' length", "median over the characters of the text"),
    "treble_db": ("dB", "power above 4 kHz over that beneath"),
    "similarity": ("of the recordings' own similarity", "GE2E, Wan et al. 2018"),
    "noise_mos": ("1 to 5", "DNSMOS P.835, background, Reddy et al. 2022"),
    "mcd_db": ("dB", "mel-cepstral distance, Kubichek 1993"),
    "cer": ("of the letters", "speech recogniser and jiwer"),
}
# Languages whose texts are put into Latin letters for the model.
ROMANISED = ("zh-cn", "ja", "ko")
NOTHING_TO_READ = "nothing in the utterances to read it from"
NO_HELD_OUT_LINE = "no line of the eval set was spoken, or its recording is gone"

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
    panel = Panel(declaration.utterances.recogniser)
    scale = _scale(declaration, run, panel, progress)
    texts = (*(str(utterance["text"]) for utterance in spoken), *scale.voice.texts)
    scored: list[UtteranceScores] = []
    progress(0, len(spoken), "reading what was said")
    read = in_order(lambda said: _score(said, folder.utterances, scale, panel, texts), spoken)
    with one_core_a_thread(), closing(read) as results:
        for each in results:
            scored.append(each)
            progress(len(scored), len(spoken), f"{each.id}, seed {each.seed}")
    states = instrument_states(scored, panel)
    write_scores(folder.scores_json, Scores(candidate, fingerprint, states, tuple(scored)))
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
    for name, (unit, source) in INSTRUMENTS.items():
        measured = any(getattr(one, name) is not None for one in scored)
        nothing = NO_HELD_OUT_LINE if name == "mcd_db" else NOTHING_TO_READ
        why = "" if measured else panel.missing.get(name, nothing)
        states[name] = InstrumentState(unit, source, "measured" if measured else "not measured", why)
    return states


def read_utterance(
    utterance: UtteranceScores, sound: Sound, language: str, scale: Scale, panel: Panel, texts: Sequence[str]
) -> UtteranceScores:
    """`utterance` with what every instrument reads from its sound, but for its faults and its recording.

    texts   what else might have been said
    """
    characters = spoken_characters(utterance.text)
    pitch = pitch_of(sound.wave, sound.sample_rate, sound.frames)
    usual = scale.voice.durations.get(language)
    heard = panel.heard(sound, language)
    spelled = scale.spell(utterance.text, language)
    return replace(
        utterance,
        seconds=round(sound.seconds, 3),
        pace=characters / sound.seconds if sound.seconds else 0.0,
        level_lufs=loudness_of(sound.wave, sound.sample_rate),
        f0_median_hz=None if pitch is None else pitch.median,
        f0_spread_semitones=None if pitch is None else pitch.spread,
        duration_ratio=usual.ratio(characters, speech_seconds(sound.frames)) * scale.speed
        if usual and tells_its_length(utterance.text)
        else None,
        similarity=_similarity(sound, scale.voice, panel),
        noise_mos=panel.background(sound),
        cer=None if heard is None else character_error_rate(spelled, heard),
        heard=heard,
        text_margin=None
        if heard is None
        else margin_of_text(spelled, heard, [scale.spell(text, language) for text in texts]),
        treble_db=treble_of(sound.wave, sound.sample_rate, sound.frames),
    )


def _score(
    spoken: Mapping[str, Any], folder: Path, scale: Scale, panel: Panel, texts: Sequence[str]
) -> UtteranceScores:
    """All readings and faults of one entry of utterances.json."""
    # Only the name counts: a record that was tampered with must not reach out of the folder.
    name, language = Path(str(spoken["file"])).name, str(spoken["language"])
    scores = UtteranceScores(str(spoken["id"]), int(spoken["seed"]), name, str(spoken["text"]))
    try:
        sound = Sound.of(folder / name)
    except (OSError, ValueError) as error:
        raise WorkFailed(f"{folder / name} cannot be scored ({error}); speak the utterances again") from None
    scores = read_utterance(scores, sound, language, scale, panel, texts)
    scores = beside_recording(scores, sound, scale.recordings.get(str(spoken.get("clip"))), scale.speed)
    pace = scale.paces.get(language, Pace()).at(scale.speed)
    # Romanised, a text of digits has other words than are said: then it stays as it is.
    spelled = None if language in ROMANISED else scale.spell(scores.text, language)
    faults = faults_of(sound.wave, sound.sample_rate, scores.text, bool(spoken.get("cut")), pace, spelled)
    faults += faults_beside(scale.voice, Heard(scores, speech_seconds(sound.frames)))
    return with_faults(scores, faults)


def with_faults(scores: UtteranceScores, faults: Sequence[Fault]) -> UtteranceScores:
    """The same with its faults; silence and noise have no other, whatever instruments read from them."""
    unheard = [fault for fault in faults if fault.name in ("near silent", "noise", "not finite", "cut")]
    if any(fault.name != "cut" for fault in unheard):
        faults = unheard
    return replace(scores, faults=tuple(fault.name for fault in faults), findings=tuple(map(str, faults)))


def beside_recording(
    scores: UtteranceScores, sound: Sound, clip: ClipRecord | None, speed: float
) -> UtteranceScores:
    """With distance and length beside the line's own recording, where there is one that can be read."""
    if clip is None:
        return scores
    try:
        recording = Sound.of(clip.audio)
    except (OSError, ValueError):
        return scores
    distance = mel_cepstral_distance(sound.wave, sound.sample_rate, recording.wave, recording.sample_rate)
    own = speech_seconds(recording.frames)
    ratio = speech_seconds(sound.frames) * speed / own if own else scores.duration_ratio
    return replace(scores, mcd_db=distance, duration_ratio=ratio)


def _similarity(sound: Sound, voice: Voice, panel: Panel) -> float | None:
    if voice.embedding is None or not voice.own_similarity:
        return None
    embedding = panel.embedding(sound)
    if embedding is None:
        return None
    return relative_similarity(embedding, np.array(voice.embedding, dtype=np.float32), voice.own_similarity)


def _scale(declaration: Declaration, run: RunFolder, panel: Panel, progress: Report) -> Scale:
    clips = voice_clips(declaration, run)
    fingerprint = _voice_fingerprint(declaration, clips)
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
        spell=_speller(declaration),
    )


def _speller(declaration: Declaration) -> Callable[[str, str], str]:
    """The text with its numbers spelled out, as the model says it and a recogniser hears it."""
    from xtts_finetune.xtts.base import find_base  # noqa: PLC0415  heavy
    from xtts_finetune.xtts.tokenizer import Tokenizer  # noqa: PLC0415  heavy

    tokenizer = Tokenizer(find_base(declaration.pipeline.base).vocab)

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
        raise UserError(f"{candidate} has not spoken yet: xtts-finetune utterances {candidate} first")
    depends_on = {
        "version": SCORES_VERSION,
        "utterances": [record.get("fingerprint"), [one["file"] for one in record["utterances"]]],
        "voice": _voice_fingerprint(declaration, voice_clips(declaration, run)),
    }
    # Such texts are read otherwise since; scores of all others stay up to date.
    if not all(tells_its_length(str(one.get("text"))) for one in record["utterances"]):
        depends_on["length"] = "not of digits"
    return hashlib.sha256(json.dumps(depends_on, sort_keys=True).encode()).hexdigest()


def _voice_fingerprint(declaration: Declaration, clips: Sequence[ClipRecord]) -> str:
    recogniser = declaration.utterances.recogniser
    return fingerprint_of(
        clips,
        {
            "recogniser": None if recogniser is None else list(recogniser.command),
            "packages": package_versions(),
            "paces": {language: [pace.slowest, pace.fastest] for language, pace in paces_of(clips).items()},
        },
    )
