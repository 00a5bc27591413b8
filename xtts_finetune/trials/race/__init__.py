"""Remedies for a phase that improves no more, and the race between them."""
