"""Speaking with a model: to the ears, or into a file."""
