"""Curves of training, read from any log, and what they say.

Four ask about a curve, each its own question, with the same primitives of judge.py (and of line.py, with numpy):

- A stop rule (training/rules) asks whether the phase must end now. Not finite: an evaluation, or `steps` losses in a
  row. Rising: `exploding`, a multiple of the level before; `overfitting`, more than any jump on the way, while training
  fell. Level: `no_improvement`, no better value for so long.
- A warning (monitor/warnings.py) asks whether somebody should look, in nats. Not finite: the last evaluation or any
  recent step. Swinging: `unrest`. Level or rising: `improvement` over five epochs. Gap: `gap_of`.
- `trend_of` (judge.py) asks whether a metric still moved when the phase ended: by more than chance, or flat.
- A diagnosis (verdict.py, movement.py) asks what a whole curve in any unit shows. Not finite: its end, or most of it.
  Rising: a jump above noise, or since the lowest point. Swinging: by the limits of its noise, as a share of the value.
  Level: a fall that is worth waiting for is excluded. Gap and unrest, as shares, are hints at a cause.
"""
