"""How often a test may be looked at, and the level of each look: fixed before anybody listens."""

from __future__ import annotations

# A test may be looked at twice, after its first sentences and after it was extended once. With two equally spaced
# looks at this two-sided level each, equal voices are told apart in at most 5 % of the tests.
# S. J. Pocock, 1977, 'Group sequential methods in the design and analysis of clinical trials', Biometrika 64, table 1.
LOOK_ALPHA = 0.0294
# Intervals are at the same level, so that both looks' intervals hold at once in 95 % of the tests.
# C. Jennison, B. W. Turnbull, 1989, 'Interim analyses: the repeated confidence interval approach', JRSS B 51.
CONFIDENCE = 1 - LOOK_ALPHA
# Where so many further sentences would not do, the difference is too small to matter.
MOST_MORE = 200
