"""The view in a terminal, and as plain lines for a pipe."""
