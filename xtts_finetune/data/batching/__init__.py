"""Which clips make up a step, and how they become tensors."""
