"""Numbers that stand in one place alone: what XTTS v2 fixes, and which values are usual."""
