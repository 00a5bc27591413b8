"""Instruments that read one thing from a sound each. docs/instruments.md lists units, sources and limits."""
