"""The named numbers of one line of any log: 'loss: 2.71', 'val_loss=2.75', 'train loss 2.71', "'lr': '1e-05'"."""

from __future__ import annotations

import re
from collections.abc import Iterator

from xtts_finetune.curves.readers.names import EVALUATION, TRAINING, role_of, words_in
from xtts_finetune.curves.readers.numbers import BEFORE, NUMBER, number_of

_NUMBERS = re.compile(rf"(?<![\w.])({NUMBER})(?![\w%]|\.\d)", re.IGNORECASE)
LONGEST = 80  # characters before a number, in which its name stands
# What the names of losses, rates and norms have in them.
_WORTH = re.compile(
    r"loss|ce\b|nll|criterion|entropy|xent|cost|mse|mae|bce|objective|elbo|lr|rate|norm|grad", re.IGNORECASE
)
_SETS = "|".join(sorted(EVALUATION | TRAINING))
_WORD = r"[A-Za-z][\w./@-]*"
# One to three words, what parts them from the number, if it is more than a blank, and what its type puts before it.
_NAME = re.compile(
    rf"({_WORD}(?:[ ]{_WORD}){{0,2}}?(?:\s?[(\[]\w+[)\]])?)"
    rf"(?:[\"'*`]*\s*(?P<mark>[:=|│┃~≈]+|-+>)\s*|(?:\s+(?:is|was|of|became|now|at))?\s+){BEFORE}$",
    re.IGNORECASE,
)
_TAG = re.compile(rf"(?<![\w./-])({_SETS})(?![\w./-])", re.IGNORECASE)
_COUNTED = re.compile(
    r"\b(?:(?:train|trainer|current|cur|this)[_/ ])?(global[_ ]?step|num_updates|epochs?|steps?|iter(?:ation)?s?|itr?|"
    r"updates?|ep)(?:\s?\(\w+\))?[\"']?(?:\s*[:=#]+|-)?\s*[\[(\"']*\s*"
    r"(\d{1,3}(?:,\d{3})+|\d+(?:\.\d+)?)(?!\d|\.\d|\s*%)",
    re.IGNORECASE,
)


def counts_in(line: str) -> dict[str, float]:
    """Epoch and step that a line names; of several steps the one over the whole training."""
    found: dict[str, float] = {}
    matches = sorted(_COUNTED.finditer(line), key=lambda match: not match[1].lower().startswith(("global", "num_")))
    for match in matches:
        name = "epoch" if match[1].lower().startswith("ep") else "step"
        found.setdefault(name, number_of(match[2], counts=True))
    return found


def numbers_in(line: str) -> dict[str, float]:
    """Losses, learning rates and norms of gradients, by the name that the line gives them; the first of each name."""
    found: dict[str, float] = {}
    if not _WORTH.search(line):
        return found
    both: str | None = None  # the first of two numbers that 'train/val loss' names
    for name, marked, text, at in _named(line):
        if both is not None and not name:
            found.setdefault("validation loss", number_of(text))
        both = None
        words = set(words_in(name))
        if role_of(name) is None and words and words <= EVALUATION | TRAINING and "loss" in line.lower():
            name = f"{name} loss"  # 'loss: train 2.71, val 2.75'
        role = role_of(name)
        if role is None or role in ("step", "epoch") or not (marked or _ends_with_it(name)):
            continue
        if words & EVALUATION and words & TRAINING:
            name = both = "train loss"
        elif role == "train" and not words & TRAINING and _last_tag(line[:at]) in EVALUATION:
            name = f"validation {name}"
        found.setdefault(name, number_of(text))
    return found


def _named(line: str) -> Iterator[tuple[str, bool, str, int]]:
    """(name, whether a mark stands after it, number, where its name ends); '' for a number after '/' or '|' alone."""
    end = 0
    for number in _NUMBERS.finditer(line):
        start = max(end, number.start() - LONGEST)
        before = line[start : number.start()]
        end = number.end()
        if re.fullmatch(r"\s*[/|,;]\s*", before):
            yield "", False, number[1], start
        elif match := _NAME.search(before):
            clock = not match["mark"] and line[end : end + 1] == ":"  # 'loss at 10:00'
            if not (
                clock or (start + match.start() > 0 and line[start + match.start() - 1] == ":" and _is_set(match[1]))
            ):
                yield _without_place(match[1]), bool(match["mark"]), number[1], start + match.end(1)


def _without_place(name: str) -> str:
    """The last words that make a name: of 'epoch done train_loss' only 'train_loss'."""
    words = name.split()
    for count in range(1, len(words) + 1):
        last = " ".join(words[-count:])
        if role_of(last) is not None:
            # 'validation loss' is two words, and the first one matters; so does that of 'best loss'.
            for more in range(count + 1, len(words) + 1):
                wider = " ".join(words[-more:])
                last = wider if role_of(wider) in ("evaluation", None) else last
            return last
    return name


def _is_set(name: str) -> bool:
    return set(words_in(name)) <= EVALUATION | TRAINING


def _ends_with_it(name: str) -> bool:
    """Whether the last word itself says what the number is, as in 'train loss 2.71' and not in 'loss improved'."""
    return role_of(re.sub(r"\s?[(\[]\w+[)\]]$", "", name).split()[-1]) is not None


def _last_tag(before: str) -> str:
    """The last word before a number that says of which set it is: '| valid | epoch 1 | loss'."""
    tags = _TAG.findall(before)
    return str(tags[-1]).lower() if tags else ""
