"""What this machine has: cards and packages."""
