"""What ratings of listeners say, and how sure it is. The unit is the sentence: see docs/deciding.md."""
