"""Settings of inference and recordings of the voice, chosen by measurement: `xtts-finetune tune-speech`."""
