"""A made recording with known truth, and what `xtts-finetune import` makes of it: see `__main__.py`."""
