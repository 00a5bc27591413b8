"""The report's recordings, packed as FLAC into the page itself, with what the instruments read; the worst first."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from xtts_finetune.evaluation.instruments import INSTRUMENTS
from xtts_finetune.pipeline.reports.report_model import OnTheWay, Player, Sentence, SpokenStep
from xtts_finetune.records.atomic import json_or_none, read_json
from xtts_finetune.records.clips import read_clips
from xtts_finetune.records.heard.sample_faults import counted_faults, faults_of_lines, near_the_text
from xtts_finetune.records.heard.scores import UtteranceScores, read_scores
from xtts_finetune.records.metrics import Metrics, QualityRecord
from xtts_finetune.records.run_folder import CandidateFolder, RunFolder, sound_name

# The same sentences at each step let a change be heard; more of them would make the page heavy.
SENTENCES_A_STEP = 3


def collect_on_the_way(folder: CandidateFolder, metrics: Metrics) -> OnTheWay | None:
    """Every check of the phase's speech, with players for those whose sound is kept; None where there was none.

    Raises UserError for a record that cannot be read.
    """
    steps = tuple(_step(folder, record) for record in metrics.quality)
    return OnTheWay(folder.name, steps) if steps else None


def _step(folder: CandidateFolder, record: QualityRecord) -> SpokenStep:
    players = tuple(_players(folder, record.step))
    return SpokenStep(record.step, record.passed, record.spoken, counted_faults(record.faults), players)


def _players(folder: CandidateFolder, step: int) -> Iterator[Player]:
    """The first sentences of the step, in the declared order, each with what is wrong with it."""
    spoken = folder.spoken_at(step)
    for name, wrong in list(record_in(folder.faults(step)).items())[:SENTENCES_A_STEP]:
        faults = faults_of_lines(wrong) if isinstance(wrong, list) else ()
        yield replace(player(str(name), spoken / sound_name(str(name))), faults=faults, checked=True)


# By candidate, sentence and seed.
AllScores = Mapping[tuple[str, str, int], UtteranceScores]


def collect_scores(run: RunFolder, names: Sequence[str]) -> AllScores:
    """The scores of everything that was scored."""
    found = {}
    for name in names:
        scores = read_scores(run.candidate(name).scores_json)
        for each in scores.utterances if scores is not None else ():
            found[name, each.id, each.seed] = each
    return found


def readings(scores: UtteranceScores) -> tuple[tuple[str, str], ...]:
    """The readings that are there, each with its name and unit: pace and other numbers, then what was heard.

    What a recogniser heard is left out where that is far from the text.
    """
    numbers, texts = [("pace", f"{scores.pace:.1f} characters/s")], []
    for shown in (shown for one in INSTRUMENTS for shown in one.shown):
        value = scores.readings.get(shown.key)
        if isinstance(value, str):
            if value and near_the_text(scores.number("cer")):
                texts.append((shown.name, shown.layout.format(value)))
        elif isinstance(value, int | float):
            numbers.append((shown.name, shown.layout.format(value).replace("%", " %")))
    return (*numbers, *texts)


def words_misheard(run: RunFolder, names: Sequence[str]) -> str:
    """'Of the words, the recogniser got wrong: real recordings 9 %, base 79 %, ...'; '' where it has read nothing."""
    read = ((name, read_scores(run.candidate(name).scores_json)) for name in names)
    rates = {name: rate for name, scores in read if scores is not None and (rate := scores.mean("wer")) is not None}
    if not rates:
        return ""
    own = json_or_none(run.voice_json, lambda voice: float(voice["wer"]))
    known = {} if own is None else {"real recordings": own}
    said = ", ".join(f"{name} {100 * rate:.0f} %" for name, rate in {**known, **rates}.items())
    return f"Of the words, the recogniser got wrong: {said}."


def badness(said: Sequence[UtteranceScores]) -> tuple[int, float, float]:
    """For sorting: utterances with faults, then characters heard wrongly, then distance to the recording."""
    faulty = sum(bool(each.faults) for each in said)
    return (
        faulty,
        _mean([each.number("cer") for each in said]),
        _mean([each.number("mcd_db") for each in said]),
    )


def _mean(values: Sequence[float | None]) -> float:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else 0.0


# A reference recording only has to let the voice be recognised; a long one would make the page heavy.
REFERENCE_SECONDS = 12.0
REFERENCES = 2
# What the player of a real recording is called.
REAL = "a real recording"


def player(label: str, file: Path, *, ships: bool = False, longest: float | None = None) -> Player:
    """A recording as a player; where the file cannot be played, a note says so instead."""
    import numpy as np  # noqa: PLC0415  (heavy; planning does without it)

    from xtts_finetune.data.sound.audio import AudioError, read_as_it_is  # noqa: PLC0415  (as above)

    if not file.is_file():
        return Player(label, None, note="the recording is missing", ships=ships)
    try:
        wave, rate = read_as_it_is(file, longest)
        source = data_uri(np.rint(np.clip(wave * 32768.0, -32768, 32767)).astype(np.int16), rate)
    except (AudioError, OSError, ValueError) as error:
        return Player(label, None, note=f"the recording cannot be read: {error}", ships=ships)
    return Player(label, source, seconds=len(wave) / rate, ships=ships)


def data_uri(wave: NDArray[Any], rate: int) -> str:
    """A sound (samples,) or (samples, channels) as FLAC of 16 bits, in an address that needs no file."""
    import soundfile  # noqa: PLC0415

    packed = io.BytesIO()
    soundfile.write(packed, wave, rate, format="FLAC", subtype="PCM_16")
    return "data:audio/flac;base64," + base64.b64encode(packed.getvalue()).decode("ascii")


def collect_sentences(run: RunFolder, names: Sequence[str], ships: str | None, language: str) -> list[Sentence]:
    """Every sentence with one player a candidate, and a real recording of it where the clips have one.

    Those in which the instruments found most wrong come first.
    """
    spoken = {name: spoken_by(run, name) for name in names}
    scores = collect_scores(run, names)
    recorded = {clip.text: clip.audio for clip in read_clips(run.clips)} if run.clips.is_file() else {}
    keys = list(dict.fromkeys(key for said in spoken.values() for key in said))
    more_seeds = len({seed for _, seed in keys}) > 1
    sentences = []
    for number, key in sorted(
        enumerate(keys), key=lambda one: badness(_scores_of(scores, names, *one[1])), reverse=True
    ):
        said = [(name, spoken[name].get(key)) for name in names if spoken[name]]
        first = next(utterance for _, utterance in said if utterance is not None)
        players = [
            _player_of(run, name, utterance, name == ships, scores.get((name, key[0], key[1])))
            for name, utterance in said
        ]
        text = str(first["text"])
        if text in recorded:
            players.append(player(REAL, recorded[text]))
        name = f"{key[0]}, seed {key[1]}" if more_seeds else key[0]
        sentences.append(Sentence(name, text, str(first.get("language") or language), tuple(players), number))
    return sentences


def _scores_of(scores: AllScores, names: Sequence[str], sentence: str, seed: int) -> list[UtteranceScores]:
    return [scores[name, sentence, seed] for name in names if (name, sentence, seed) in scores]


def collect_references(run: RunFolder, names: Sequence[str]) -> list[Player]:
    """The recordings that the voice was taken from, shortened, from the first candidate that names them."""
    for name in names:
        paths = [Path(path) for path in record_in(run.candidate(name).utterances_json).get("reference", [])]
        if paths:
            return [player(path.stem, path, longest=REFERENCE_SECONDS) for path in paths[:REFERENCES]]
    return []


def spoken_by(run: RunFolder, name: str) -> dict[tuple[str, int], dict[str, Any]]:
    """A candidate's utterances by sentence and seed; none before it has spoken."""
    utterances = record_in(run.candidate(name).utterances_json).get("utterances", [])
    return {(str(utterance["id"]), int(utterance["seed"])): utterance for utterance in utterances}


def _player_of(
    run: RunFolder, name: str, utterance: dict[str, Any] | None, ships: bool, scores: UtteranceScores | None
) -> Player:
    if utterance is None:
        return Player(name, None, note="not spoken", ships=ships)
    spoken = player(name, run.candidate(name).utterances / str(utterance["file"]), ships=ships)
    if scores is not None:
        faults = faults_of_lines(scores.findings or scores.faults)
        return replace(spoken, faults=faults, readings=readings(scores), checked=True)
    return replace(spoken, faults=faults_of_lines(["cut"])) if utterance.get("cut") else spoken


def record_in(path: Path) -> dict[str, Any]:
    """A record's content, empty where there is none yet. Raises UserError when it is no JSON object."""
    if not path.is_file():
        return {}
    return read_json(path, dict, "damaged", "remove the file and run the pipeline again")
