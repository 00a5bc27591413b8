"""Which weights are trained, by which optimizer, at which rate."""
