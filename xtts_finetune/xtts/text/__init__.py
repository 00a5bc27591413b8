"""What XTTS makes of a text: cleaned, counted, cut, turned into tokens."""
