"""The chosen model put to use."""
