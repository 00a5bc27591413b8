"""Utterances and the decision between candidates."""
