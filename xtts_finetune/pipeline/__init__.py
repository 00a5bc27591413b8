"""Phases in order, each in a process of its own; plan and report."""
