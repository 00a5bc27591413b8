"""Coqui's XTTS model, built from a base and, if given, a checkpoint's weights, without drawing random ones first.

A model that is being trained may speak in between: everything that speaking does to it is undone.
"""

from __future__ import annotations

import contextlib
import random
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from TTS.tts.models.xtts import Xtts

from xtts_finetune.errors import UserError
from xtts_finetune.xtts.base import BaseFiles, read_config
from xtts_finetune.xtts.encoder import load_mel_stats
from xtts_finetune.xtts.state import HIFIGAN, StateDict, hifigan_of, model_weights, read_checkpoint
from xtts_finetune.xtts.tokenizer import load_vocabulary
from xtts_finetune.xtts.weights.fit import problem_of_weights
from xtts_finetune.xtts.weights.form import may_be_missing


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


# What every way of filling a weight comes to: torch.nn.init's, transformers' and Coqui's own.
FILLING = (torch.ops.aten.uniform_, torch.ops.aten.normal_)


class Unfilled(TorchDispatchMode):
    """While it is entered, new weights hold whatever was in memory: each must be loaded, or made, afterwards.

    XTTS v2 has 450 million parameters: drawing them takes seconds, and touches memory that is not needed yet.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]

    def __torch_dispatch__(
        self,
        func: Any,
        types: tuple[type, ...],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Leave the tensor as it is where it would be filled; everything else is done."""
        if func.overloadpacket in FILLING:
            return args[0]
        return func(*args, **(kwargs or {}))


HIFIGAN_SEED = 0


def load_config(base: BaseFiles) -> Any:
    """The base's config.json as Coqui's `GPTTrainerConfig` (which is an `XttsConfig` that can train)."""
    threads = torch.get_num_threads()
    # Imported here because Coqui's trainer for the GPT sets the whole process to one thread when it is imported.
    from TTS.tts.layers.xtts.trainer.gpt_trainer import GPTArgs, GPTTrainerConfig  # noqa: PLC0415

    torch.set_num_threads(threads)
    config = GPTTrainerConfig(model_args=GPTArgs())
    config.from_dict(read_config(base))
    config.check_values()
    return config


def load_model(base: BaseFiles, checkpoint: Path | None = None, device: str = "cpu") -> Xtts:
    """Coqui's `Xtts` with the weights of `checkpoint`, or of the base itself, in float32.

    A checkpoint without a HiFi-GAN gets the base's: it never trains, so checkpoints do not repeat it.
    A base without a HiFi-GAN (the demo's) gets one with random weights from a fixed seed: stock code wants
    it in every model file, and every model made from the base then has the same one.

    Raises UserError with the reason if the file is damaged, or its weights do not fit the base's config.json and
    vocab.json or are no numbers.
    """
    config = load_config(base)
    source = checkpoint or base.model
    if problem := problem_of_weights(source, base):
        raise UserError(problem)
    weights = model_weights(read_checkpoint(source, checked=True))
    if checkpoint is not None and not hifigan_of(weights):
        weights |= base_hifigan(base)
    model = build_model(config, base, filled=not hifigan_of(weights))
    _load_weights(model, weights, source)
    model.mel_stats = load_mel_stats(base.mel_stats)
    return model.to(device)


def base_hifigan(base: BaseFiles) -> StateDict:
    """The weights of the base's HiFi-GAN under Coqui's names; empty where it has none (the demo's).

    Raises UserError if the base's model.pth cannot be read.
    """
    return hifigan_of(model_weights(read_checkpoint(base.model)))


def has_own_hifigan(model: Xtts, base: BaseFiles) -> bool:
    """Whether the model's HiFi-GAN is another than the base's, as that of a file from elsewhere may be."""
    decoder: torch.nn.Module = model.hifigan_decoder
    # As it is in the file: only the pages of the HiFi-GAN are read, and a damaged one is another one.
    theirs = hifigan_of(model_weights(read_checkpoint(base.model, checked=True)))
    if not theirs:
        theirs = hifigan_of(build_model(load_config(base), base).state_dict())
    mine = {f"hifigan_decoder.{name}": value for name, value in decoder.state_dict().items()}
    return mine.keys() != theirs.keys() or not all(
        torch.equal(value.cpu(), theirs[name].to(value.dtype)) for name, value in mine.items()
    )


def build_model(config: Any, base: BaseFiles, filled: bool = True) -> Xtts:
    """The model, with random weights where `filled`, else with none: what is loaded must then be the whole of it."""
    with torch.random.fork_rng(devices=[]):
        with Unfilled():
            # It builds all layers, and builds them again below, where it knows how many text tokens there are.
            model = Xtts(config)
        model.tokenizer = load_vocabulary(base.vocab)
        torch.manual_seed(HIFIGAN_SEED)
        with contextlib.nullcontext() if filled else Unfilled():
            model.init_models()
    return model


def _load_weights(model: Xtts, weights: StateDict, source: Path) -> None:
    """Load weights that fit: what still differs is between this package and Coqui's code."""
    try:
        result = model.load_state_dict(weights, strict=False)
    except RuntimeError as error:
        raise UserError(f"{source}: {str(error).splitlines()[-1].strip()}; fetch the base again") from None
    filled = bool(hifigan_of(weights))
    missing = [
        key
        for key in result.missing_keys
        if key != "mel_stats" and not may_be_missing(key) and (filled or not key.startswith(HIFIGAN[0]))
    ]
    if wrong := missing + result.unexpected_keys:
        raise UserError(f"{source}: the model and its weights differ in {wrong[0]}; fetch the base again")
