"""The two commands, one verb a file."""
