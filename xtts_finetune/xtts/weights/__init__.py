"""Files of weights: what they hold, told without torch and without running their code."""
