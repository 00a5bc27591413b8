"""The course of a tuning: points are tried on some texts, and the best of them beside what is used now on others."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache
from random import Random
from typing import TYPE_CHECKING, Any

from filelock import FileLock, Timeout

from xtts_finetune.errors import UserError
from xtts_finetune.evaluation.candidates import candidate_names
from xtts_finetune.evaluation.spoken_as import spoken_as
from xtts_finetune.look.quantities import about
from xtts_finetune.records.atomic import write_json_atomic
from xtts_finetune.records.clips import read_clips
from xtts_finetune.records.run_folder import RunFolder
from xtts_finetune.records.values import digest_of
from xtts_finetune.speaking.say import check_device
from xtts_finetune.speaking.speaking_models import SpeakingModel, in_voice_of
from xtts_finetune.speaking.tuning.hearing import Heard, Listener, Means, gain
from xtts_finetune.speaking.tuning.points import AS_NOW, REFERENCE, Point, distributions, propose, reference_sets
from xtts_finetune.spec.declaration import Declaration
from xtts_finetune.spec.utterances import InferenceSpec, has_words
from xtts_finetune.trials.storage import SharedStudy, name_in_ledger, reaching, storage_url
from xtts_finetune.xtts.base import find_base

if TYPE_CHECKING:
    from pathlib import Path

    from optuna.distributions import BaseDistribution
    from optuna.trial import FrozenTrial

    from xtts_finetune.xtts.speech.speech import Speaker

SEARCH_TEXTS, FINAL_TEXTS = 12, 24
SEARCH_SEEDS, FINAL_SEEDS = (1, 2), (101, 102)
FEWEST_TEXTS = 6
"""Of each kind: with fewer, chance alone decides."""
FINALISTS, PROPOSALS = 4, 2
LETTERS = (15, 140)
"""Characters of a text that is used: neither a single word nor more than one piece."""

Say = Callable[[str], None]


@dataclass(frozen=True)
class Tried:
    """A point of the second round beside what is used now: means on the same texts, and the gain with its error."""

    point: Point
    means: Means
    gain: float = 0.0
    error: float = 0.0


@dataclass(frozen=True)
class Tuned:
    """What came of it: what is used now, the finalists from best to worst, and those that listeners may hear."""

    candidate: str
    now: Tried
    finalists: tuple[Tried, ...]
    proposals: tuple[Tried, ...]
    references: Mapping[str, tuple[Path, ...]]
    texts: int


class Book(SharedStudy):
    """Every point that was tried, with its value: an Optuna study."""

    def tried(self) -> list[FrozenTrial]:
        """In the order in which they were tried."""
        with reaching(self.url):
            return self._study.get_trials(deepcopy=False)

    def write(self, point: Point, space: Mapping[str, BaseDistribution], value: float, means: Means) -> None:
        """Write a point down that was tried, whole or not at all."""
        from optuna.trial import TrialState, create_trial  # noqa: PLC0415  heavy

        with reaching(self.url):
            attributes = {"means": asdict(means)}
            trial = create_trial(
                state=TrialState.COMPLETE, params=point, distributions=dict(space), values=[value],
                user_attrs=attributes,
            )  # fmt: skip
            self._study.add_trial(trial)


def tune(
    declaration: Declaration, run: RunFolder, model: SpeakingModel, candidate: str, trials: int, seed: int,
    own_texts: Sequence[str], device: str, say: Say,
) -> Tuned:  # fmt: skip
    """Try `trials` points, what is used now among them, and compare the best with it; goes on where it stopped.

    Raises UserError, before anything is loaded, for too few texts or recordings that are gone.
    """
    declaration = spoken_as(declaration, run, candidate)
    search, final = texts_for(declaration, run, own_texts)
    references = reference_sets(declaration, run)
    check_device(device)
    now: Point = {**model.judged, REFERENCE: AS_NOW}
    space = distributions(tuple(references), now)
    run.tuning.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(run.tuning / ".lock", timeout=0):
            listener = _listener(declaration, run, model, references, device, say)
            files = {label: [str(file) for file in each] for label, each in references.items()}
            key = digest_of([model.identity, search, now, seed, files])
            url = storage_url(run, None)
            book = Book(url, f"{name_in_ledger(run, declaration.pipeline.name, make=True)} speech {key[:12]}")
            try:
                _search(book, space, listener, search, now, trials, seed, say)
                tuned = _compare(book, listener, final, now, candidate, references, say)
            finally:
                book.close()
            write_json_atomic(run.tuning / f"{candidate}.json", as_json(tuned))
    except Timeout:
        raise UserError(f"{run.tuning}: another tune-speech is at work there; wait for it") from None
    return tuned


def texts_for(declaration: Declaration, run: RunFolder, own: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Texts to search with and others to compare with: one's `own`, or those of training clips; none that is judged.

    Raises UserError where there are too few.
    """
    judged = {sentence.text for sentence in declaration.utterances.sentences}
    pool = list(own) or [clip.text for clip in read_clips(run.clips, "train")]  # held-out lines are judged
    fitting = sorted({text for text in pool if has_words(text) and LETTERS[0] <= len(text) <= LETTERS[1]} - judged)
    if len(fitting) < 2 * FEWEST_TEXTS:
        raise UserError(
            f"there are {len(fitting)} texts of {LETTERS[0]} to {LETTERS[1]} characters that are not judged with, and "
            f"{2 * FEWEST_TEXTS} are needed; name a file with more of them: --texts FILE"
        )
    Random("texts to tune with").shuffle(fitting)
    count = min(SEARCH_TEXTS, len(fitting) // 2)
    return tuple(fitting[:count]), tuple(fitting[count : count + FINAL_TEXTS])


def _listener(
    declaration: Declaration,
    run: RunFolder,
    model: SpeakingModel,
    references: Mapping[str, tuple[Path, ...]],
    device: str,
    say: Say,
) -> Listener:
    from xtts_finetune.data.hearing.ears import Ears  # noqa: PLC0415
    from xtts_finetune.evaluation.instruments.panel import Panel  # noqa: PLC0415  heavy
    from xtts_finetune.evaluation.scores import scale_of  # noqa: PLC0415  heavy
    from xtts_finetune.training.device import pick_device  # noqa: PLC0415  heavy

    panel = Panel(Ears.of(declaration))
    if not run.voice_json.is_file():
        say("reading the recordings of the voice, once, so that speech can be compared with them")
    scale = scale_of(declaration, run, panel, lambda *_: None)
    say(f"loading {model.name}")
    own, base = model.load(pick_device(device, say)), find_base(declaration.pipeline.base)

    @cache
    def speaker(label: str) -> Speaker:
        if label == AS_NOW:
            return own
        return in_voice_of(base, own, declaration.pipeline.vocoder, references[label])

    return Listener(speaker, scale, panel, declaration.pipeline.language, run.tuning / "take.wav")


def _search(
    book: Book,
    space: Mapping[str, BaseDistribution],
    listener: Listener,
    texts: Sequence[str],
    now: Point,
    trials: int,
    seed: int,
    say: Say,
) -> None:
    begun, done = time.perf_counter(), 0
    first: Means | None = None
    while len(tried := book.tried()) < trials:
        if tried and first is None:
            first = Means(**tried[0].user_attrs["means"])
            say(f"{len(tried)} of {trials} points are tried already")
        point = propose(space, seed, tried) if tried else now
        means = Means.of(listener.hear(point, texts, SEARCH_SEEDS))
        first = first or means
        book.write(point, space, means.value(first), means)
        done += 1
        left = (time.perf_counter() - begun) / done * (trials - len(tried) - 1)
        more = f"; about {about(left)} left" if left > 1 else ""
        say(f"{len(tried) + 1} of {trials}: {in_words(means, first)}{more}")


def _compare(
    book: Book,
    listener: Listener,
    texts: Sequence[str],
    now: Point,
    candidate: str,
    references: Mapping[str, tuple[Path, ...]],
    say: Say,
) -> Tuned:
    """The best points and what is used now once more, on texts and with seeds that no point was chosen by."""
    best = sorted(book.tried(), key=lambda trial: -(trial.value or 0.0))
    points: list[Point] = []
    for trial in best:
        if trial.params != now and trial.params not in points:
            points.append(dict(trial.params))
    points = points[:FINALISTS]
    say(f"the {len(points)} best of them and what is used now say {len(texts)} other texts")
    used = listener.hear(now, texts, FINAL_SEEDS)
    present = Tried(now, Means.of(used))
    finalists = []
    for point in points:
        heard = listener.hear(point, texts, FINAL_SEEDS)
        finalists.append(_tried(point, heard, used))
    finalists.sort(key=lambda one: -one.gain)
    better = [one for one in finalists if one.gain > one.error and not one.means.flat(present.means)]
    return Tuned(candidate, present, tuple(finalists), tuple(better[:PROPOSALS]), references, len(texts))


def _tried(point: Point, heard: Sequence[Heard], used: Sequence[Heard]) -> Tried:
    more, error = gain(heard, used)
    return Tried(point, Means.of(heard), more, error)


def in_words(means: Means, now: Means) -> str:
    """'81 % of the words understood, likeness 0.93, 2 of 24 faulty, flat'."""
    parts = [] if means.words is None else [f"{100 * means.words:.0f} % of the words understood"]
    parts += [] if means.voice is None else [f"likeness {means.voice:.2f}"]
    parts.append(f"{means.faulty} of {means.takes} faulty")
    return ", ".join([*parts, *(["flat"] if means.flat(now) else [])])


def as_json(tuned: Tuned) -> dict[str, Any]:
    """As it is kept."""
    plain = asdict(replace(tuned, references={}))
    return {**plain, "references": {label: [str(file) for file in files] for label, files in tuned.references.items()}}


def settings_in(point: Point) -> dict[str, Any]:
    """The settings of inference of a point."""
    return {key: point[key] for key in InferenceSpec.model_fields}


def tunable(declaration: Declaration, name: str) -> str:
    """The candidate. Raises UserError for one that there is not."""
    names = candidate_names(declaration)
    if name not in names:
        raise UserError(f"there is no candidate '{name}'; there are {', '.join(names)}")
    return name
