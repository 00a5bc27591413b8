"""Numbers that are said once."""
