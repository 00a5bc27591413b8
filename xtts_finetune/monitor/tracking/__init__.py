"""Logs a run on a tracking server: reads records alone, in the command's process, never in one that trains."""
