"""Words of recordings: heard, aligned with the user's own text, compared."""
