"""What a process printed, or an exception, says about memory, disk and unreadable files: texts of real programs."""

from __future__ import annotations

import errno
import zipfile

import pytest

from xtts_finetune.errors import UserError
from xtts_finetune.records.faults import (
    asked_bytes,
    reason_of_error,
    reason_of_text,
    stop_of_error,
    stop_of_text,
    telling_line,
)
from xtts_finetune.records.stopping import Reason

OUT_OF_MEMORY = [
    "MemoryError",
    "MemoryError: Unable to allocate 7.28 TiB for an array with shape (1000000, 1000000) and data type float64",
    "numpy._core._exceptions._ArrayMemoryError: Unable to allocate 7.28 TiB for an array with shape (1000000,)",
    "OSError: [Errno 12] Cannot allocate memory",
    "OSError: [Errno 12] Speicher kann nicht zugewiesen werden",
    "OSError: [WinError 1455] The paging file is too small for this operation to complete. Error loading "
    '"C:\\\\venv\\\\Lib\\\\site-packages\\\\torch\\\\lib\\\\cublas64_12.dll" or one of its dependencies.',
    "OSError: [WinError 1455] A lapozófájl túl kicsi a művelet végrehajtásához",
    "OSError: [WinError 8] Not enough memory resources are available to process this command",
    "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 20.00 MiB. GPU 0 has a total capacity of 7.79 "
    "GiB of which 15.06 MiB is free.",
    "torch.cuda.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB",
    "RuntimeError: CUDA error: out of memory",
    "RuntimeError: CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
    "RuntimeError: cuDNN error: CUDNN_STATUS_ALLOC_FAILED",
    "RuntimeError: MPS backend out of memory (MPS allocated: 8.0 GB)",
    "torch.OutOfMemoryError: HIP out of memory. Tried to allocate 1.00 GiB",
    "RuntimeError: [enforce fail at alloc_cpu.cpp:124] err == 0. DefaultCPUAllocator: can't allocate memory: you "
    "tried to allocate 4000000000000000 bytes. Error code 12 (Cannot allocate memory)",
    "RuntimeError: [enforce fail at alloc_cpu.cpp:117] data. DefaultCPUAllocator: not enough memory: you tried to "
    "allocate 4000000000000000 bytes.",
    "RuntimeError: unable to mmap 5500000000 bytes from file <checkpoint_5.pth>: Cannot allocate memory (12)",
    "RuntimeError: can't start new thread",
    "terminate called after throwing an instance of 'std::bad_alloc'",
    "RuntimeError: std::bad_alloc",
    "ImportError: libtorch_cpu.so: failed to map segment from shared object",
    "error while loading shared libraries: libcublas.so.12: cannot allocate memory",
    "OpenBLAS error: Memory allocation still failed after 10 retries, giving up.",
    "OpenBLAS blas_thread_init: pthread_create failed for thread 3 of 8: Resource temporarily unavailable",
    "OpenBLAS : Program is Terminated. Because you tried to allocate too many memory regions.",
    "libgomp: Out of memory allocating 4096 bytes",
    "libgomp: Thread creation failed: Resource temporarily unavailable",
    "OMP: Error #34: System unable to allocate necessary resources for OMP thread:",
    "onnxruntime: Failed to allocate memory for requested buffer of size 4294967296",
]
DISK_FULL = [
    "OSError: [Errno 28] No space left on device",
    "OSError: [Errno 28] No space left on device: 'run/trial/phase1/.checkpoint_5.pth.77.tmp'",
    "OSError: [Errno 28] Auf dem Gerät ist kein Speicherplatz mehr verfügbar",
    "OSError: [Errno 122] Disk quota exceeded",
    "OSError: [WinError 112] There is not enough space on the disk: 'C:\\\\run\\\\.checkpoint_5.pth.77.tmp'",
    "OSError: [WinError 112] Es steht nicht genug Speicherplatz auf dem Datenträger zur Verfügung",
    "OSError: [WinError 39] The disk is full",
    "RuntimeError: [enforce fail at inline_container.cc:858] . PytorchStreamWriter failed writing file data/3: "
    "file write failed",
    "RuntimeError: [enforce fail at inline_container.cc:664] . unexpected pos 18239872 vs 18239760",
]
UNREADABLE = [
    "RuntimeError: PytorchStreamReader failed reading zip archive: failed finding central directory",
    "RuntimeError: PytorchStreamReader failed reading file data/12: file read failed",
    "RuntimeError: PytorchStreamReader failed reading zip archive: invalid header or archive is corrupted",
    "_pickle.UnpicklingError: invalid load key, 'h'.",
    "zipfile.BadZipFile: File is not a zip file",
    "FileNotFoundError: [Errno 2] No such file or directory: 'run/trial/cache/codes.npy'",
    "OSError: [Errno 5] Input/output error",
]
ELSE = [
    "RuntimeError: mat1 and mat2 shapes cannot be multiplied (3x4 and 5x6)",
    "ImportError: libgomp.so.1: cannot allocate memory in static TLS block",
    "ImportError: libtorch.so: failed to map segment from shared object: Operation not permitted",
    "RuntimeError: CUDA error: device-side assert triggered",
    "KeyError: 'memory'",
    "ValueError: the disk is called full.wav",
    "OSError: [Errno 128] something else",
    "",
]


@pytest.mark.parametrize(
    ("reason", "text"),
    [(Reason.OUT_OF_MEMORY, text) for text in OUT_OF_MEMORY]
    + [(Reason.DISK_FULL, text) for text in DISK_FULL]
    + [(Reason.UNREADABLE, text) for text in UNREADABLE]
    + [(Reason.ERROR, text) for text in ELSE],
)
def test_the_text_of_an_error_says_what_it_is_about(reason: Reason, text: str) -> None:
    assert reason_of_text(text) is reason
    if text:
        printed = f"step 5\n{FRAMES}{text}\n"
        assert (stop_of_text(printed).reason, telling_line(printed)) == (reason, text)


FRAMES = 'Traceback (most recent call last):\n  File "child.py", line 7, in <module>\n    out of memory()\n    ^^^^\n'
CHAINED = "\nDuring handling of the above exception, another exception occurred:\n\n"


def windows_error(winerror: int) -> OSError:
    error = OSError(errno.EINVAL, "in the language of the system")
    error.winerror = winerror  # type: ignore[attr-defined]
    return error


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (MemoryError(), Reason.OUT_OF_MEMORY),
        (OSError(errno.ENOMEM, "x"), Reason.OUT_OF_MEMORY),
        (windows_error(1455), Reason.OUT_OF_MEMORY),
        (windows_error(8), Reason.OUT_OF_MEMORY),
        (OSError(errno.ENOSPC, "x"), Reason.DISK_FULL),
        (OSError(errno.EDQUOT, "x"), Reason.DISK_FULL),
        (windows_error(112), Reason.DISK_FULL),
        (windows_error(39), Reason.DISK_FULL),
        (UserError("a.wav: out of memory is its name"), Reason.UNREADABLE),
        (FileNotFoundError(errno.ENOENT, "x"), Reason.UNREADABLE),
        (zipfile.BadZipFile("File is not a zip file"), Reason.UNREADABLE),
        (KeyboardInterrupt(), Reason.INTERRUPTED),
        (PermissionError(errno.EACCES, "x"), Reason.ERROR),
        (ValueError("5"), Reason.ERROR),
        (RuntimeError(), Reason.ERROR),
    ],
)
def test_an_exception_says_what_it_is_about(error: BaseException, reason: Reason) -> None:
    assert reason_of_error(error) is reason
    stop = stop_of_error(error, 7)
    assert stop.reason is reason
    assert stop.numbers["step"] == 7
    assert "\n" not in stop.message and stop.message


def raised(first: BaseException, then: BaseException, how: str) -> BaseException:
    try:
        try:
            raise first
        except BaseException as caught:
            if how == "from":
                raise then from caught
            if how == "from None":
                raise then from None
            raise then  # noqa: B904  (that is what is tested)
    except BaseException as error:
        return error


@pytest.mark.parametrize("how", ["from", "from None", "while handling"])
def test_the_origin_of_an_exception_counts(how: str) -> None:
    """torch.save on a full disk fails once more when it closes its file."""
    error = raised(OSError(errno.ENOSPC, "No space left on device"), RuntimeError("unexpected end"), how)
    stop = stop_of_error(error, 12)
    assert stop.reason is Reason.DISK_FULL
    assert stop.message == "disk full: OSError: [Errno 28] No space left on device"
    error = raised(OSError(errno.ENOMEM, "Cannot allocate memory"), UserError("a.wav: cannot be read"), how)
    assert stop_of_error(error).reason is Reason.OUT_OF_MEMORY


def test_a_ring_of_exceptions_ends() -> None:
    first, second = ValueError("1"), ValueError("2")
    first.__cause__, second.__cause__ = second, first
    assert reason_of_error(first) is Reason.ERROR


LATE = "some thread: WARNING: late\n"
CRASH = """Fatal Python error: Segmentation fault

Current thread 0x7f (most recent call first):
  File "x.py", line 3 in f

Extension modules: numpy (total: 1)
"""
ABORT = "terminate called after throwing an instance of 'c10::Error'\n  what():  CUDA error: out of memory\n"


@pytest.mark.parametrize(
    ("printed", "line"),
    [
        ("", ""),
        ("\n  \n", ""),
        ("step 1\nstep 2\n", "step 2"),
        (f"{FRAMES}ValueError: no\n", "ValueError: no"),
        (f"{FRAMES}ValueError: no\n\nwhat it was about\nmore of it\n", "ValueError: no"),
        (f"{FRAMES}OSError: one\n{CHAINED}{FRAMES}RuntimeError: two\n{LATE}", "RuntimeError: two"),
        ("\x1b[31mred error\x1b[0m\n", "red error"),
        ("10 %\r50 %\rloss is odd\nAborted (core dumped)\n", "loss is odd"),
        (CRASH, "Fatal Python error: Segmentation fault"),
        (ABORT, "CUDA error: out of memory"),
        ("reading\n/x/y.py:5: UserWarning: old\n", "reading"),
    ],
)
def test_the_line_that_says_most(printed: str, line: str) -> None:
    assert telling_line(printed) == line


def test_of_a_chain_that_was_printed_the_origin_counts() -> None:
    printed = f"{FRAMES}OSError: [Errno 28] No space left on device\n{CHAINED}{FRAMES}RuntimeError: odd end\n"
    stop = stop_of_text(printed)
    assert (stop.reason, stop.message) == (
        Reason.DISK_FULL,
        "disk full: OSError: [Errno 28] No space left on device",
    )


def test_of_several_exceptions_of_one_kind_the_first_is_told() -> None:
    """As torch.save ends on a full disk: its file cannot be closed either."""
    printed = f"{FRAMES}OSError: [Errno 28] No space left\n{CHAINED}{FRAMES}RuntimeError: unexpected pos 64 vs 0\n"
    assert stop_of_text(printed).message == "disk full: OSError: [Errno 28] No space left"


def test_a_traceback_that_was_survived_does_not_count() -> None:
    printed = f"{FRAMES}OSError: [Errno 28] No space left\nlogged; going on\n{FRAMES}ValueError: no\n"
    stop = stop_of_text(printed)
    assert (stop.reason, stop.message) == (Reason.ERROR, "ValueError: no")


def test_what_was_printed_long_before_the_end_does_not_count() -> None:
    printed = "OSError: [Errno 28] No space left on device (tensorboard)\n" + "a step\n" * 50
    assert stop_of_text(printed + f"{FRAMES}ValueError: no\n").reason is Reason.ERROR
    assert stop_of_text(printed).reason is Reason.ERROR


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("Tried to allocate 20.00 MiB. GPU 0 has", 20 * 2**20),
        ("Tried to allocate 2.50 GiB", 2.5 * 2**30),
        ("you tried to allocate 4000000000000000 bytes.", 4e15),
        ("Unable to allocate 7.28 TiB for an array", 7.28 * 2**40),
        ("CUDA error: out of memory", None),
    ],
)
def test_how_much_was_asked_for(text: str, size: float | None) -> None:
    assert asked_bytes(text) == size
    numbers = stop_of_text(f"{FRAMES}MemoryError: {text}").numbers
    assert numbers == ({} if size is None else {"asked_bytes": size})
