"""What a run writes down; everything that only looks at a run reads this alone."""
