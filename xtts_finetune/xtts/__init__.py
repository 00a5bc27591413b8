"""The model: base files, GPT and losses, checkpoints, speech. Nothing here is imported at package level."""
