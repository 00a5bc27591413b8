"""Remedies for a phase that has stopped improving, and the race between them."""
