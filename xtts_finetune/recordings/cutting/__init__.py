"""Where a recording is cut."""
