"""Curves of a training run, whoever wrote them: one reader a format."""
