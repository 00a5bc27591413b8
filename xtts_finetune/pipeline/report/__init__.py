"""REPORT.html: what a run came to, for people."""
