"""A card that computes nothing: tensors that know their place, form and kind, on a device called 'card'.

    python -m tests.training.pretended_card BASE        prints what it saw as JSON

Everything of torch above the kernels is real: autograd, autocast, the optimizer. What fails here would fail or wait
on a GPU: tensors of two devices in one operation, and a value that is read. Registering a device cannot be undone, so
all of it happens in a process of its own.
"""

from __future__ import annotations

import contextlib
import copy
import gc
import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import DataDependentOutputException, FakeTensorMode
from torch.utils import backend_registration
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from xtts_finetune.spec.phase import PhaseSpec
from xtts_finetune.spec.utterances import InferenceSpec
from xtts_finetune.training import stepping
from xtts_finetune.training.phase_model import PhaseModel
from xtts_finetune.training.stepping import Stepper
from xtts_finetune.training.training_loss import FrozenCopy
from xtts_finetune.xtts.base import BaseFiles
from xtts_finetune.xtts.losses import GptBatch
from xtts_finetune.xtts.model import load_model
from xtts_finetune.xtts.speech import generation
from xtts_finetune.xtts.speech.generation import Choice, Piece, _Rows
from xtts_finetune.xtts.speech.latent_mels import LatentMels

CARD = "card"
STEPS = 3
SETTINGS: dict[str, dict[str, Any]] = {
    "bf16": {},
    "fp32": {"precision": "fp32"},
    "checkpointing": {"gradient_checkpointing": True},
    "adapters": {"train": {"lora": {}}},
    "all losses": {"adaptive_loss_weights": True, "label_smoothing": 0.1, "huber_tau": 100, "mask_prompt": True},
    "held to its start": {"kl_weight": 1.0},
    "moments in bf16": {"optimizer_moments": "bf16"},
    "two micro-batches": {"accumulate": 2},
}
# What autocast on a GPU multiplies in 16 bit, as far as the model uses it.
_IN_16_BIT = ("linear", "matmul", "mm", "bmm", "addmm", "baddbmm", "conv1d", "scaled_dot_product_attention")


class _Card(backend_registration._DummyBackendModule):
    def get_amp_supported_dtype(self) -> list[torch.dtype]:
        return [torch.bfloat16, torch.float16]


def register() -> list[torch.library.Library]:
    """Make the device, with autocast as CUDA has it; what is returned must be kept."""
    backend_registration._setup_privateuseone_for_python_backend(CARD, backend_module=_Card())
    every, aten = torch.library.Library("_", "IMPL"), torch.library.Library("aten", "IMPL")
    every.fallback(torch.library.fallthrough_kernel, "AutocastPrivateUse1")
    for name in _IN_16_BIT:
        aten.impl(name, _casting(getattr(torch.ops.aten, name).default), "AutocastPrivateUse1")
    return [every, aten]


def _casting(operation: Callable[..., Any]) -> Callable[..., Any]:
    key = torch._C.DispatchKeySet(torch._C.DispatchKey.AutocastPrivateUse1)

    def cast(value: Any) -> Any:
        floating = isinstance(value, Tensor) and value.is_floating_point()
        return value.to(torch.get_autocast_dtype(CARD)) if floating else value

    def kernel(*given: Any, **named: Any) -> Any:
        with torch._C._ExcludeDispatchKeyGuard(key):
            return operation(*map(cast, given), **{name: cast(value) for name, value in named.items()})

    return kernel


class Watch(TorchDispatchMode):
    """Counts what is launched on the card, and what goes back from it."""

    def __init__(self) -> None:
        super().__init__()
        self.launches, self.casts, self.in_16_bit = 0, 0, 0
        self.copied_back: list[str] = []

    def __torch_dispatch__(self, operation: Any, types: Any, given: Any = (), named: Any = None) -> Any:
        result = operation(*given, **(named or {}))
        before = [each for each in tree_leaves((given, named or {})) if isinstance(each, Tensor)]
        after = [each for each in tree_leaves(result) if isinstance(each, Tensor)]
        if any(each.device.type == CARD for each in (*before, *after)):
            self.launches += 1
            name = str(operation)
            self.casts += name.startswith("aten._to_copy")
            multiplies = name.split(".")[1] in ("mm", "bmm", "addmm", "baddbmm", "convolution")
            self.in_16_bit += multiplies and before[-1].dtype is torch.bfloat16
            if any(each.device.type == CARD for each in before) and any(each.device.type == "cpu" for each in after):
                self.copied_back.append(name)
        return result

    def seen(self) -> dict[str, Any]:
        counts = {"launches": self.launches, "casts": self.casts, "in_16_bit": self.in_16_bit}
        return {**counts, "copied_back": Counter(self.copied_back)}


def onto_the_card(module: nn.Module) -> None:
    """Put every parameter and buffer on the card; inside a FakeTensorMode."""
    for part in module.modules():
        for name, weight in part._parameters.items():
            if weight is not None:
                part._parameters[name] = nn.Parameter(_like(weight), requires_grad=weight.requires_grad)
        for name, buffer in part._buffers.items():
            if buffer is not None:
                part._buffers[name] = _like(buffer)


def _like(tensor: Tensor) -> Tensor:
    return torch.empty(tensor.shape, dtype=tensor.dtype, device=CARD)


def a_batch(mask_prompt: bool) -> GptBatch:
    """Three clips of different length."""
    lengths, codes = torch.tensor([20, 18, 15]), torch.tensor([60, 55, 40])
    slices = torch.tensor([[0, 20], [5, 25], [3, 20]]) if mask_prompt else None
    conditioning = torch.randn(3, 80, 200)
    text, sound = torch.randint(1, 20, (3, 20)), torch.randint(0, 50, (3, 60))
    return GptBatch(text, lengths, sound, codes, conditioning, slices).laid_out()


class _Kept:
    """In place of `Readback`, whose event only a real card has: the values stay where they are."""

    def __init__(self, values: Tensor) -> None:
        self.values = values


def steps_of(xtts: Any, declared: dict[str, Any], meddle: Callable[[PhaseModel], None] = lambda _: None) -> Any:
    """What is seen in each of some steps, or the error that ended them; `meddle` may spoil the model first."""
    phase = PhaseSpec.model_validate(
        {"learning_rate": 1e-4, "steps": 9, "batch_size": 3, "precision": "bf16"} | declared
    )
    mine = copy.deepcopy(xtts)
    start = FrozenCopy(copy.deepcopy(mine.gpt)) if phase.kl_weight else None
    model = PhaseModel(mine, phase, 9, start=start)
    model.set_training()
    mode, batch = FakeTensorMode(), a_batch(phase.mask_prompt)
    with mode:
        onto_the_card(model)
        if start is not None:
            onto_the_card(start._gpt)
        optimizer = model.get_optimizer()
        stepper = Stepper(model, optimizer, model.get_scheduler([optimizer]), None, phase)
        meddle(model)
        seen = []
        try:
            for _ in range(STEPS):
                watch = Watch()
                with watch:
                    stepper.take([batch._each(mode.from_tensor)] * phase.accumulate, phase.accumulate, 5)
                gc.collect()
                living = sum(isinstance(each, Tensor) for each in gc.get_objects())
                seen.append(watch.seen() | {"living": living})
        except DataDependentOutputException as error:
            return f"a value is read: {error}"
        except RuntimeError as error:
            return str(error)
    return seen


# Deliberate faults, each of which has to be seen.
def on_the_cpu(model: PhaseModel) -> None:
    """A tensor that was left behind."""
    _after(model, lambda values: {**values, "loss": values["loss"] * torch.ones(1)})


def read_in_the_step(model: PhaseModel) -> None:
    """A value that is wanted before the step is over."""
    _after(model, lambda values: {**values, "loss": values["loss"] * min(1.0, float(values["mel_ce"]))})


def converted_twice(model: PhaseModel) -> None:
    """Weights that are cast to 16 bit and back in each step."""
    head = model.xtts.gpt.mel_head
    head.register_forward_pre_hook(lambda module, given: (given[0].double().to(given[0].dtype),))


KEPT: list[Tensor] = []


def a_cache_that_grows(model: PhaseModel) -> None:
    """Something of every step that is never let go."""
    _after(model, lambda values: KEPT.append(values["loss"].detach() * 1) or values)  # type: ignore[func-returns-value]


def _after(model: PhaseModel, change: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    forward = model.forward
    model.forward = lambda batch: change(forward(batch))  # type: ignore[method-assign]


@contextlib.contextmanager
def without_autocast() -> Iterator[None]:
    """Inside, nothing is multiplied in 16 bit, whatever the phase says."""
    halved = stepping.halved
    stepping.halved = lambda device, precision: torch.autocast(device.type, None, False)
    try:
        yield
    finally:
        stepping.halved = halved


def vocoders(xtts: Any) -> dict[str, Any]:
    """Latents of the GPT through both ways to make sound of them."""
    width, frames = xtts.gpt.model_dim, 40
    seen = {}
    for name, network in (("hifigan", xtts.hifigan_decoder.waveform_decoder), ("preview", LatentMels(width))):
        mine = copy.deepcopy(network).eval()
        with FakeTensorMode(), torch.no_grad():
            onto_the_card(mine)
            watch = Watch()
            with watch:
                if name == "hifigan":
                    wanted = mine.conv_pre.in_channels
                    mine(_like(torch.empty(1, wanted, frames)), g=_like(torch.empty(1, 512, 1)))
                else:
                    mine(_like(torch.empty(1, frames, width)), _like(torch.empty(1, width)))
        seen[name] = watch.seen()
    return seen


class _NoChance:
    """In place of torch.Generator, which no device but a real one has."""

    def __init__(self, device: object) -> None: ...

    def manual_seed(self, seed: int) -> None:
        """Nothing is drawn."""


def speaking(xtts: Any, texts: Sequence[int]) -> list[dict[str, Any]]:
    """What is seen in each of some steps of generation, of rows whose texts have so many tokens."""
    mine = copy.deepcopy(xtts)
    with generation.without_hints():
        mine.eval()
    with FakeTensorMode(), torch.no_grad(), patch.object(torch, "Generator", _NoChance):
        onto_the_card(mine)
        voice = _like(torch.empty(1, 32, mine.gpt.model_dim))
        pieces = [Piece(_like(torch.empty(tokens, dtype=torch.int64)), 1) for tokens in texts]
        rows, choice, seen = _Rows(mine.gpt, voice, pieces), Choice(InferenceSpec(), sampling=True), []
        for _ in range(STEPS):
            watch = Watch()
            with watch:
                rows.step(choice)
            seen.append(watch.seen())
    return seen


def main(base: Path) -> dict[str, Any]:
    """All settings and all faults."""
    kept = register()
    stepping.Readback = _Kept  # type: ignore[assignment, misc]
    xtts = load_model(BaseFiles(base))
    found: dict[str, Any] = {name: steps_of(xtts, declared) for name, declared in SETTINGS.items()}
    for fault in (on_the_cpu, read_in_the_step, converted_twice, a_cache_that_grows):
        found[fault.__name__] = steps_of(xtts, {}, fault)
    with without_autocast():
        found["without_autocast"] = steps_of(xtts, {})
    found["vocoders"] = vocoders(xtts)
    found["speaking"] = {str(len(texts)): speaking(xtts, texts) for texts in ((8, 5), (8, 5, 5, 5))}
    assert kept
    return found


if __name__ == "__main__":
    torch.set_num_threads(1)
    print(json.dumps(main(Path(sys.argv[1]))))
