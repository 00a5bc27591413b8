"""Lay down a test: the page for listeners, the key apart from it, and last the protocol."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path
from random import Random
from typing import Any

from xtts_finetune.evaluation.listening.forms import LOOKS, VERSION
from xtts_finetune.evaluation.listening.material import Line, Material
from xtts_finetune.evaluation.listening.page import minutes_of, render_page, seconds_each
from xtts_finetune.evaluation.listening.plan import Pair, Plan, Sound, Trial, make_plan
from xtts_finetune.evaluation.listening.sounds import Matched, pack_sounds
from xtts_finetune.evaluation.statistics.sign_test import LOOK_ALPHA
from xtts_finetune.records.atomic import write_json_atomic, write_text_atomic
from xtts_finetune.records.heard.listening import PASSED_AT_LEAST, RULE
from xtts_finetune.records.heard.listening_files import REFERENCE
from xtts_finetune.records.run_folder import ListeningFolder
from xtts_finetune.records.values import digest_of

LABELLED = Sound(REFERENCE, "0")


@dataclass(frozen=True)
class Wanted:
    """What is asked of a test.

    looks    sentences in all at each of its looks, fixed beforehand; `look` counts them from 1
    alpha    the level of each look
    extends  the id of the first look's test, for a later look
    after    the id of the test whose winner this one compares with the base
    """

    name: str
    pairs: tuple[Pair, ...]
    form: str
    seed: int
    looks: tuple[int, ...] = LOOKS
    alpha: float = LOOK_ALPHA
    look: int = 1
    extends: str | None = None
    after: str | None = None


@dataclass(frozen=True)
class Made:
    """A test that was set up. `quieter` are sounds that could not be brought to the common loudness."""

    folder: ListeningFolder
    trials: int
    sittings: tuple[int, ...]
    minutes: int
    loudness: float
    quieter: tuple[Sound, ...]


def make_test(
    folder: ListeningFolder, wanted: Wanted, material: Material, lines: tuple[Line, ...], language: str
) -> Made:
    """Write page, key and protocol. The same material and seed give the same test, byte for byte but its date.

    Raises UserError for a sound that cannot be read.
    """
    recordings = material.recordings
    # The labelled reference is hidden too only where there is no other recording.
    hidden = list(range(1, len(recordings))) or [0]
    plan = _with_recordings(make_plan(wanted.pairs, [line.id for line in lines], len(hidden), wanted.seed), hidden)
    files, texts = {}, {}
    spoken = {line.id: line for line in lines}
    for sound in _sounds(plan):
        if sound.source == REFERENCE:
            recording = recordings[int(sound.of)]
            files[sound], texts[sound] = recording.file, (recording.text, language)
        else:
            line = spoken[sound.of]
            files[sound], texts[sound] = line.files[sound.source], (line.text, line.language)
    matched = pack_sounds(files)
    names = _names(files, wanted.seed)
    key = _key(plan, material, matched, names)
    test = _id(key, wanted)
    page = render_page(test, wanted.form, plan, names, matched.sounds, LABELLED, texts)
    if folder.path.is_dir():
        shutil.rmtree(folder.path)  # of one that was not set up whole: it has no protocol
    write_text_atomic(folder.page, page)
    write_json_atomic(folder.key, {"id": test, **key})
    write_json_atomic(folder.protocol, _protocol(test, wanted, material, plan, matched, len(lines), language))
    minutes = minutes_of(wanted.form, plan, seconds_each(wanted.form, plan, matched.sounds))
    return Made(folder, len(plan.trials), plan.sittings, minutes, matched.loudness, matched.quieter)


def _with_recordings(plan: Plan, hidden: list[int]) -> Plan:
    """The plan with the numbers of the recordings that may be hidden."""

    def sound(one: Sound) -> Sound:
        return Sound(one.source, str(hidden[int(one.of)]), one.damage) if one.source == REFERENCE else one

    def trials(some: tuple[Trial, ...]) -> tuple[Trial, ...]:
        return tuple(Trial(t.id, t.kind, sound(t.a), sound(t.b), t.repeats) for t in some)

    return Plan(trials(plan.practice), trials(plan.trials), plan.sittings)


def _sounds(plan: Plan) -> list[Sound]:
    both = [sound for trial in (*plan.practice, *plan.trials) for sound in (trial.a, trial.b)]
    return list(dict.fromkeys([LABELLED, *both]))


def _names(sounds: Mapping[Sound, Path], seed: int) -> dict[Sound, str]:
    """An opaque name for every sound, none twice."""
    random = Random(f"{seed} sounds")
    names: dict[str, None] = {}
    while len(names) < len(sounds):
        names[f"{random.getrandbits(40):010x}"] = None
    return dict(zip(sounds, names, strict=True))


def _key(plan: Plan, material: Material, matched: Matched, names: Mapping[Sound, str]) -> dict[str, Any]:
    trials = []
    for trial in (*plan.practice, *plan.trials):
        a, b = trial.labels
        sentence = {"trial": trial.id, "kind": trial.kind, "sentence": trial.sentence}
        trials.append({**sentence, "a": a, "b": b, "repeats": trial.repeats})
    sounds = {
        name: {**asdict(sound), "sha256": hashlib.sha256(matched.sounds[sound].flac).hexdigest()}
        for sound, name in names.items()
    }
    return {"trials": trials, "sounds": sounds, "candidates": dict(material.candidates)}


def _id(key: Mapping[str, Any], wanted: Wanted) -> str:
    depends_on = {
        "version": VERSION,
        "key": key,
        "form": wanted.form,
        "seed": wanted.seed,
        "look": wanted.look,
    }
    return digest_of(depends_on)[:16]


def _protocol(
    test: str, wanted: Wanted, material: Material, plan: Plan, matched: Matched, sentences: int, language: str
) -> dict[str, Any]:
    """How the test was set up, before anybody listened; nothing in it tells which is which."""
    hash_of_all = digest_of(dict(material.candidates))
    return {
        "version": VERSION,
        "id": test,
        "name": wanted.name,
        "language": language,
        "made": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "seed": wanted.seed,
        "form": wanted.form,
        "look": wanted.look,
        "extends": wanted.extends,
        "after": wanted.after,
        "sentences": sentences,
        "looks": list(wanted.looks),
        "alpha": wanted.alpha,
        "primary": "preference: exact sign test over sentence means, two-sided, at each look",
        "candidates_hash": hash_of_all,
        "utterance_seed": material.seed,
        "trials": len(plan.trials),
        "practice": len(plan.practice),
        "sittings": list(plan.sittings),
        "checks": {"passed_at_least": PASSED_AT_LEAST, "rule": RULE},
        "loudness_lufs": round(matched.loudness, 2),
        "sample_rate": matched.rate,
    }
