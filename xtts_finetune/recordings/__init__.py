"""From recordings to a data set: decoded, cut at pauses, read twice, reviewed."""
