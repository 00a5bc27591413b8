"""Sound of any format, read as XTTS wants it."""
