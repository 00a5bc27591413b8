"""Clips: read, audited, split once, turned into codes."""
