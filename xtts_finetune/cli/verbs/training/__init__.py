"""Phases trained, watched and made better."""
