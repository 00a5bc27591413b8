"""Texts of clips: what can be trained on, in which language, and whether it is what is said."""
