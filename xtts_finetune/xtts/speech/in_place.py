"""A model that is being trained may speak in between: everything that speaking does to it is undone."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Iterator

import numpy as np
import torch
from TTS.tts.models.xtts import Xtts


@contextlib.contextmanager
def left_as_it_was(model: Xtts) -> Iterator[None]:
    """Inside, `model` may become a Speaker's; outside it trains on as if it had not, also after an exception.

    What is put back: the modules, and so the keys of its state dict; training or evaluation mode of each
    module; the random state of Python, NumPy and torch, on the CPU and on the model's GPU.
    """
    modes = [(module, module.training) for module in model.modules()]
    of_inference = [(owner, name) for owner, name in _of_inference(model) if not hasattr(owner, name)]
    python, numpy = random.getstate(), np.random.get_state()
    device = model.device
    try:
        with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
            yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)
        for owner, name in of_inference:
            if hasattr(owner, name):
                delattr(owner, name)
        for module, training in modes:
            module.training = training  # not train(), which would set the modules inside as well


def _of_inference(model: Xtts) -> list[tuple[torch.nn.Module, str]]:
    """What Coqui's `init_gpt_for_inference` adds: second names for the GPT's own modules."""
    return [(model.gpt, "gpt_inference"), (model.gpt.gpt, "wte")]
