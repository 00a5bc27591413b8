"""What curves say: falling, plateau, oscillating, exploding, overfitting or too short to tell."""
