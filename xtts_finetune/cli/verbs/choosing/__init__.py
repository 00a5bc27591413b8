"""Candidates speak, are heard, and one is chosen."""
