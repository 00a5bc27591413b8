"""What becomes of each piece of a recording: kept, left for a person to judge, or left out, and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from xtts_finetune.data.hearing.recogniser import joined
from xtts_finetune.recordings.cutting.cutting import Piece
from xtts_finetune.recordings.examining import Finding
from xtts_finetune.recordings.voices.voices import OTHER_VOICE, TELLING_SECONDS
from xtts_finetune.recordings.words.aligning import upheld
from xtts_finetune.records.stretches import Reason, State, Stretch, Word

VOICE = "voice "
WORDS_DOUBTED, READINGS_DIFFER, LOW_CONFIDENCE = "text and sound differ", "the readings differ", "low confidence"
# A word that the recogniser was less sure of, and how sure it must be of a whole text: of its own, and of the user's.
UNSURE_WORD, SURE_OF_ITS_OWN, SURE_OF_YOURS = 0.3, 0.9, 0.6
# How much likelier another text may be, as hearing.agreement has it, than one that the recogniser made up itself.
# On 44 minutes of speech these and examining.FASTER leave 1.6 % word errors of 3.7 % and keep 44 % of the speech, with
# the smallest model.
LIKELIER = 0.3
# A pause at which who speaks may change, in seconds between the words as they are heard.
APART = 0.4


def stretch_of(source: str, piece: Piece, finding: Finding, own: bool, breaks_off: bool) -> Stretch:
    """The piece with its state, before it is known whose voice it is. `own`: the text is the user's."""
    words = piece.words if finding.second is None else upheld(piece.words, finding.badness)
    if not words:
        reasons = _unlike((*piece.reasons, *finding.reasons))
        return Stretch(None, source, piece.start, piece.end, "", "left out", reasons)
    confidence = sum(word.probability for word in words) / len(words)
    reasons = _unlike((*piece.reasons, *finding.reasons, *_of_words(words, confidence, own)))
    if not own and not finding.reasons and (finding.unsteady or finding.badness > LIKELIER):
        reasons = (*reasons, Reason(READINGS_DIFFER))
    if breaks_off:
        reasons = (*reasons, Reason("word at the edge", "the recording breaks off here"))
    state: State = "doubtful" if reasons else "kept"
    return Stretch(
        None,
        source,
        piece.start,
        piece.end,
        joined(words),
        state,
        reasons,
        confidence=confidence,
        second=finding.second,
        words=words,
    )


def of_another(stretch: Stretch, voice: str) -> Stretch:
    """The stretch, left out because somebody else speaks."""
    reasons = (Reason(OTHER_VOICE, f"{VOICE}{voice}"), *stretch.reasons)
    return replace(stretch, state="left out", file=None, reasons=reasons)


def beside_others(stretch: Stretch, before: str | None, after: str | None) -> Stretch:
    """The stretch, doubtful where another voice speaks next to it and may speak its first or last words too.

    They stand apart by a pause, and are too few to tell a voice by.
    """
    reasons = []
    pauses = [
        (first.end, second.start) for first, second in pairwise(stretch.words) if second.start - first.end > APART
    ]
    if before and any(end - stretch.start < TELLING_SECONDS for end, _ in pauses):
        reasons.append(Reason(OTHER_VOICE, f"{VOICE}{before} speaks just before, and perhaps its first words"))
    if after and any(stretch.end - start < TELLING_SECONDS for _, start in pauses):
        reasons.append(Reason(OTHER_VOICE, f"{VOICE}{after} speaks just after, and perhaps its last words"))
    return replace(stretch, state="doubtful", reasons=(*stretch.reasons, *reasons)) if reasons else stretch


def as_of_any_voice(stretch: Stretch) -> Stretch:
    """The stretch as it was before it was known whose voice it is."""
    if not stretch.words:
        return stretch
    reasons = tuple(each for each in stretch.reasons if each.kind != OTHER_VOICE or not each.detail.startswith(VOICE))
    return replace(stretch, state="doubtful" if reasons else "kept", reasons=reasons)


def _of_words(words: Sequence[Word], confidence: float, own: bool) -> list[Reason]:
    doubts = dict.fromkeys(word.doubt for word in words if word.doubt)
    reasons = [Reason(WORDS_DOUBTED, doubt) for doubt in doubts]
    unsure = [word.text for word in words if word.probability < UNSURE_WORD and not word.doubt]
    if confidence < (SURE_OF_YOURS if own else SURE_OF_ITS_OWN) or (unsure and not reasons):
        what = f": {', '.join(unsure)}" if unsure else ""
        reasons.append(Reason(LOW_CONFIDENCE, f"{confidence:.0%}{what}"))
    return reasons


def _unlike(reasons: Sequence[Reason]) -> tuple[Reason, ...]:
    return tuple(dict.fromkeys(reasons))
