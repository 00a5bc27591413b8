"""A search for the values of a phase, generation after generation."""
