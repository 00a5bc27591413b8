"""Earlier tries of a phase: set aside whole, listed, brought back."""
