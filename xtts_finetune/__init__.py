"""A phased fine-tuning pipeline for XTTS voice models."""

__version__ = "0.1.0"
