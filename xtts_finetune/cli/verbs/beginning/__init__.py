"""From recordings to a config."""
