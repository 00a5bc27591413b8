"""The mean of several models: exact, the same whatever the order, and only of models of one form."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from xtts_finetune.errors import UserError
from xtts_finetune.training.untrained import average_weights


def model_file(path: Path, *, seed: int, prefix: str = "", size: int = 3, **more: torch.Tensor) -> Path:
    generator = torch.Generator().manual_seed(seed)
    weights = {
        "gpt.mel_head.weight": torch.randn(4, size, generator=generator),
        "gpt.steps": torch.tensor(seed),
        "hifigan_decoder.x": torch.ones(2),
        **more,
    }
    torch.save({"model": {f"{prefix}{name}": weight for name, weight in weights.items()}}, path)
    return path


def test_it_is_the_weighted_mean_under_coquis_names(tmp_path: Path) -> None:
    ours = model_file(tmp_path / "a.pth", seed=1, prefix="xtts.")
    base = model_file(tmp_path / "b.pth", seed=2)
    found = average_weights([ours, base], [3.0, 1.0])
    a, b = (torch.load(file, weights_only=True)["model"] for file in (ours, base))
    expected = 0.75 * a["xtts.gpt.mel_head.weight"] + 0.25 * b["gpt.mel_head.weight"]
    assert found.keys() == {"gpt.mel_head.weight", "gpt.steps"}
    torch.testing.assert_close(found["gpt.mel_head.weight"], expected)
    assert found["gpt.mel_head.weight"].dtype is torch.float32
    assert found["gpt.steps"] == 1


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 99), copies=st.integers(2, 5), count=st.floats(0.1, 9.0))
def test_a_model_averaged_with_itself_stays_as_it_is(
    tmp_path_factory: pytest.TempPathFactory, seed: int, copies: int, count: float
) -> None:
    file = model_file(tmp_path_factory.mktemp("same") / "m.pth", seed=seed)
    found = average_weights([file] * copies, [count] * copies)
    weights = torch.load(file, weights_only=True)["model"]
    assert torch.equal(found["gpt.mel_head.weight"], weights["gpt.mel_head.weight"])


def test_the_order_does_not_matter(tmp_path: Path) -> None:
    files = [model_file(tmp_path / f"{seed}.pth", seed=seed) for seed in range(3)]
    one = average_weights(files, [1.0, 2.0, 5.0])
    other = average_weights(files[::-1], [5.0, 2.0, 1.0])
    assert torch.equal(one["gpt.mel_head.weight"], other["gpt.mel_head.weight"])


@pytest.mark.parametrize("different", [{"size": 5}, {"gpt.more": torch.ones(1)}], ids=["shape", "names"])
def test_models_of_different_forms_are_refused(tmp_path: Path, different: dict[str, object]) -> None:
    one = model_file(tmp_path / "one.pth", seed=1)
    other = model_file(tmp_path / "other.pth", seed=2, **different)  # type: ignore[arg-type]
    with pytest.raises(UserError, match=r"other\.pth.*do not match.*one\.pth.*only models of one base"):
        average_weights([one, other], [1.0, 1.0])


def test_a_model_that_training_ruined_is_not_averaged(tmp_path: Path) -> None:
    one = model_file(tmp_path / "one.pth", seed=1)
    ruined = model_file(tmp_path / "ruined.pth", seed=2, **{"gpt.more": torch.tensor([1.0, float("nan")])})
    with pytest.raises(UserError, match=r"ruined\.pth: it holds NaN in 1 of its 3 weights .*gpt\.more: it was ruined"):
        average_weights([one, ruined], [1.0, 1.0])
