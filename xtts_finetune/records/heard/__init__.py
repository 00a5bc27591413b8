"""What was spoken and heard: scores of samples, listeners, faults."""
