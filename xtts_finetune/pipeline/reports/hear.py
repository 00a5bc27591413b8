"""What the report opens with: the real voice, the base and the best candidate, saying one sentence."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

from xtts_finetune.evaluation.decision import Decision
from xtts_finetune.numbers.fixed import BASE
from xtts_finetune.pipeline.reports.players import REAL, REFERENCE_SECONDS, player
from xtts_finetune.pipeline.reports.report_model import Hear, PageLink, Player, Sentence
from xtts_finetune.records.clips import read_clips
from xtts_finetune.records.run_folder import RunFolder

# A shorter sentence hardly shows a voice.
LONG_ENOUGH_SECONDS = 2.0
DOCS = Path(__file__).parents[3] / "docs"
READ_FIRST = "reading-the-numbers.md"


def best_first(decision: Decision) -> list[str]:
    """The candidates but for the base: the one that ships, or would today, then those with the lowest mel_ce."""
    chosen = decision.ship or decision.meanwhile
    known = [one for one in decision.candidates if one.name != BASE]
    known.sort(key=lambda one: (one.name != chosen, one.mel_ce is None, one.mel_ce or 0.0))
    return [one.name for one in known]


def what_to_hear(
    run: RunFolder, decision: Decision, sentences: Sequence[Sentence], references: Sequence[Player]
) -> Hear:
    """The three players, as far as they are there; those of a sentence that was recorded if possible.

    Of equal sentences the first in the declared order is taken, not the one that sounds best.
    """
    names = best_first(decision)
    best = next((name for name in names if any(_of(one, name) for one in sentences)), None)
    wanted = [name for name in (BASE, best) if name is not None]
    # No sentence is worth opening with where there is no sound of it.
    spoken = [one for one in sentences if any(_of(one, name) for name in wanted)]
    if not spoken:
        real = next((one for one in references if one.source), None) or _any_recording(run)
        return Hear("", "", () if real is None else (("r", replace(real, label="The real voice")),), (_nobody(names),))

    def rank(sentence: Sentence) -> tuple[int, bool, bool, int]:
        there = [found for name in wanted if (found := _of(sentence, name))]
        short = any((one.seconds or 0.0) < LONG_ENOUGH_SECONDS for one in there)
        return (-len(there), _of(sentence, REAL) is None, short, sentence.number)

    sentence = min(spoken, key=rank)
    same = _of(sentence, REAL)
    real = same or next((one for one in references if one.source), None) or _any_recording(run)
    players, missing = [], []
    if real is None:
        missing.append("No recording of the voice is there to compare with.")
    else:
        players.append(("r", replace(real, label="The real voice", note="" if same else "saying something else")))
    for key, name in (("a", BASE), ("b", best)):
        found = None if name is None else _of(sentence, name)
        if found is not None:
            players.append((key, found))
        else:
            missing.append("The base has not spoken yet." if name == BASE else _nobody(names))
    return Hear(sentence.text, sentence.language, tuple(players), tuple(missing))


def without_those(sentences: Sequence[Sentence], hear: Hear) -> Iterator[Sentence]:
    """The sentences without the players that the page opens with."""
    above = {id(one.source) for _, one in hear.players}
    for sentence in sentences:
        players = tuple(one for one in sentence.players if one.source is None or id(one.source) not in above)
        if any(one.source for one in players) or len(players) == len(sentence.players):
            yield replace(sentence, players=players)


def links_of(run: RunFolder, phases: Iterable[str]) -> Iterator[PageLink]:
    """The other pages of the run that are there, and the page of the docs that says how to read this one."""
    if run.data_page.is_file():
        yield PageLink("Your data", _address(run.data_page, run.root))
    tests = [test.page for test in run.listening_tests() if test.page.is_file()]
    if tests:
        yield PageLink("Listening test", _address(tests[-1], run.root))
    for trials in (folder for phase in phases for folder in (run.race(phase), run.search(phase))):
        if trials.page.is_file():
            kind = "Race of remedies" if trials.kind == "race" else "Search"
            yield PageLink(f"{kind} for {trials.path.name}", _address(trials.page, run.root))
    guide = DOCS / READ_FIRST
    address = _address(guide, run.root) if guide.is_file() else None
    yield PageLink("How to read the numbers" if address else f"docs/{READ_FIRST}", address)


def _address(page: Path, folder: Path) -> str | None:
    """From `folder`, so that both can be moved together; None where no path leads there (another drive)."""
    try:
        return quote(Path(os.path.relpath(page, folder)).as_posix())
    except ValueError:
        return None


def _of(sentence: Sentence, label: str) -> Player | None:
    return next((one for one in sentence.players if one.label == label and one.source), None)


def _any_recording(run: RunFolder) -> Player | None:
    """A held-out clip, before any sample names the recordings of the voice."""
    for clip in read_clips(run.clips, "eval") if run.clips.is_file() else ():
        if clip.audio.is_file():
            return player(clip.id, clip.audio, longest=REFERENCE_SECONDS)
    return None


def _nobody(names: Sequence[str]) -> str:
    return "No model of yours has spoken yet." if names else "There is no model of yours yet."
