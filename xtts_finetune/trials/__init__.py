"""Trials: variants of a phase, trained a stretch at a time and compared, for a race of remedies or a search."""
