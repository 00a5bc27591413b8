"""The words of the test, in one place: qualities, fault boxes, and the numbers fixed before anybody listens."""

from __future__ import annotations

VERSION = 1

# By form: what is marked from 0 to 10.
QUALITIES: dict[str, tuple[str, ...]] = {
    "full": ("smoothness", "naturalness", "emotion", "overall"),
    "short": ("overall",),
}
QUALITY_WORDS = {
    "smoothness": "Smoothness",
    "naturalness": "Naturalness",
    "emotion": "Emotion",
    "overall": "Overall",
}
QUALITY_HINTS = {
    "smoothness": "flows without breaks, clicks or jumps",
    "naturalness": "sounds like a person speaking",
    "emotion": "the feeling fits the words",
    "overall": "how good it is as a whole",
}

# The boxes that say what is wrong with a sound.
FAULTS = {
    "noise": "Noise",
    "wrong_word": "Wrong word",
    "missing_word": "Missing word",
    "repeat": "Repeats itself",
    "cut_off": "Cut off",
    "odd_stress": "Wrong stress",
    "robotic": "Robotic",
    "other_voice": "Other voice",
}

DEFAULT_FORM = "short"
# Sentences at each look, those of the looks before among them.
LOOKS = (8, 20, 40)
LONGEST_SITTING = 15
LONGEST_NOTE = 2000
LONGEST_NAME = 60
"""Characters."""
