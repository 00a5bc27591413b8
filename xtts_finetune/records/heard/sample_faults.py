"""What is wrong with a sample, in words for people: the one place that words the faults which the checks find.

Records keep short names ('cut end') and, with each finding, its number and limit. People read the words.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

# By the name in records.
FAULT_WORDS = {
    "no words": "has no words to say",
    "not finite": "broken sound",
    "near silent": "almost silent",
    "clipping": "distorted by clipping",
    "noise": "noise instead of a voice",
    "long pause": "a long pause",
    "unvoiced tail": "noise after the last word",
    "cut end": "sounds cut off",
    "repeat": "repeats itself",
    "too fast": "speaks too fast",
    "too slow": "speaks too slowly",
    "cut": "did not stop by itself",
    "other voice": "another voice than the recordings",
    "other pitch": "another pitch than the recordings",
    "odd length": "too long or too short for its text",
    "dull": "duller than the recordings",
    "noisy": "noisier than the recordings",
    "wrong words": "words that cannot be made out",
    "unlike its recording": "unlike the recording of this sentence",
}
# A recogniser that got more than this share of the characters wrong guessed: what it wrote would mislead.
MOST_MISHEARD = 0.3
# What the instrument for wrong words writes after its number.
NEARER_TO_ANOTHER = "of the letters, nearer to its own text"
_FINDING = re.compile(r"(?P<name>[^:]+): (?P<found>\S+) (?P<unit>.*), limit (?P<limit>\S+)")


@dataclass(frozen=True)
class SampleFault:
    """One thing that is wrong with a sample: in words, and what was measured ('' where that is not recorded)."""

    words: str
    detail: str = ""


def fault_in_words(name: str) -> str:
    """The words for a fault's name; a name that is not known stays as it is."""
    return FAULT_WORDS.get(name, name)


def read_fault(finding: str) -> SampleFault:
    """A fault as records hold it: its name alone, or with numbers ('cut end: -5.1 dB beside the speech, limit -12')."""
    match = _FINDING.fullmatch(finding)
    if match is None:
        name, _, rest = finding.partition(": ")
        return SampleFault(fault_in_words(name), rest)
    if match["unit"] == NEARER_TO_ANOTHER:
        letters = match["found"].lstrip("-")
        with contextlib.suppress(ValueError):
            letters = f"{abs(100 * float(letters)):.0f} %"
        return SampleFault(
            fault_in_words(match["name"]), f"what was heard is nearer to another sentence, by {letters} of the letters"
        )
    unit = match["unit"].replace("beside the speech", "compared with the speech")
    return SampleFault(
        fault_in_words(match["name"]),
        f"measured {_signed(match['found'])} {unit}, limit {_signed(match['limit'])}",
    )


def counted_faults(faults: Mapping[str, int]) -> str:
    """'sounds cut off (7), repeats itself (1)': how many samples have each fault, in the given order."""
    return ", ".join(f"{fault_in_words(name)} ({count})" for name, count in faults.items())


def near_the_text(cer: float | None) -> bool:
    """Whether a recogniser's guess with this character error rate is near enough to the text to be shown."""
    return cer is not None and cer <= MOST_MISHEARD


def faults_of_lines(findings: Iterable[object]) -> tuple[SampleFault, ...]:
    """`read_fault` of each."""
    return tuple(read_fault(str(finding)) for finding in findings)


def _signed(number: str) -> str:
    return number.replace("-", "\N{MINUS SIGN}")
