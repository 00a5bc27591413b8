"""Curves of training, read from any log, and what they say."""
