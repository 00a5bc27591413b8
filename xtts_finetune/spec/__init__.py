"""What the user declares, checked before anything heavy is imported."""
