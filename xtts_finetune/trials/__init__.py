"""Trials: phases trained a stretch at a time beside each other, for a race of remedies or a search."""
