"""What torch raises when memory or disk run out, for real."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest
import torch

from tests.records.test_reserve import fill, small_disk  # noqa: F401  (a fixture)
from xtts_finetune.errors import UserError
from xtts_finetune.records.stopping import Reason
from xtts_finetune.training.phase_work import stop_of_error


def raised_by(what: object) -> BaseException:
    assert callable(what)
    with pytest.raises(BaseException) as caught:
        what()
    return caught.value


def test_an_allocation_that_fails() -> None:
    error = raised_by(lambda: torch.empty(10**15))
    stop = stop_of_error(error, 340)
    assert stop.reason is Reason.OUT_OF_MEMORY
    assert stop.message.startswith("out of memory: RuntimeError: ")
    assert "\n" not in stop.message
    assert stop.numbers["asked_bytes"] == 4e15
    assert stop.numbers["step"] == 340


@pytest.mark.skipif(not torch.cuda.is_available(), reason="asks a GPU for more than it has")
def test_a_gpu_that_is_full() -> None:
    stop = stop_of_error(raised_by(lambda: torch.empty(10**13, device="cuda")), 1)
    assert stop.reason is Reason.OUT_OF_MEMORY
    assert stop.numbers["asked_bytes"] == pytest.approx(4e13, rel=0.01)
    assert 0 < stop.numbers["free_bytes"] < stop.numbers["device_bytes"] < 4e13


def test_a_disk_that_is_full_in_the_middle_of_a_save(small_disk: Path) -> None:  # noqa: F811
    error = raised_by(lambda: torch.save({"w": torch.zeros(10**6)}, small_disk / "x.pth"))
    stop = stop_of_error(error, 500)
    assert stop.reason is Reason.DISK_FULL
    assert stop.message.startswith("disk full: ")


def test_a_checkpoint_that_is_no_checkpoint(tmp_path: Path) -> None:
    file = tmp_path / "checkpoint_5.pth"
    torch.save({"w": torch.zeros(1000)}, file)
    file.write_bytes(file.read_bytes()[:2000])
    stop = stop_of_error(raised_by(lambda: torch.load(file, weights_only=True)))
    assert stop.reason is Reason.UNREADABLE
    assert stop.numbers == {}


def test_an_input_that_the_user_must_mend() -> None:
    stop = stop_of_error(UserError("codes.npy: damaged\nprepare the clips again"), 3)
    assert (stop.reason, stop.message) == (Reason.UNREADABLE, "codes.npy: damaged")


def test_whatever_else() -> None:
    stop = stop_of_error(raised_by(lambda: torch.zeros(2, 3) @ torch.zeros(4, 5)), 3)
    assert stop.reason is Reason.ERROR
    assert stop.message.startswith("RuntimeError: mat1 and mat2 shapes cannot be multiplied")
    assert stop_of_error(OSError(errno.EACCES, "Permission denied")).reason is Reason.ERROR
