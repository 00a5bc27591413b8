"""REPORT.html and DATA.html: what a run came to, and what was found in its clips."""
