"""The live view of a run: reads its records alone, before, while and after it runs, and never writes there."""
