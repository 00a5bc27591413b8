"""What would run and why, from the declaration and the run's folder, without torch."""
