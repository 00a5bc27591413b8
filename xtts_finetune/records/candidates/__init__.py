"""What is written down of each candidate: checkpoints, its end, what was shipped, tries."""
