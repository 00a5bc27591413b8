"""Text to speech with a model, as Coqui's inference does it."""
