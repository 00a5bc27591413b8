"""What a phase may add to the cross-entropies that it trains on. Evaluations never see any of it."""
