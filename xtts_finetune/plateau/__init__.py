"""When a phase improves no more: what its curves say, remedies, the race between them, search."""
