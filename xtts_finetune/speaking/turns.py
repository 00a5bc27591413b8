"""A text as it is said: a sentence at a time, so that it is heard soon, and no model has to say too much at once."""

from __future__ import annotations

from xtts_finetune.spec.utterances import has_words

# A sentence shorter than this is said together with the next: XTTS says single words badly.
SHORT = 40


def in_turns(text: str) -> list[str]:
    """`text` as it is said: a sentence at a time, a short one together with what follows; no turn without a word."""
    from xtts_finetune.xtts.speakable import sentences  # noqa: PLC0415

    turns: list[str] = []
    for sentence in sentences(" ".join(text.split())):
        if turns and (len(turns[-1]) < SHORT or not has_words(turns[-1])):
            turns[-1] += f" {sentence}"
        else:
            turns.append(sentence)
    if len(turns) > 1 and (len(turns[-1]) < SHORT or not has_words(turns[-1])):
        last = turns.pop()
        turns[-1] += f" {last}"
    return turns
