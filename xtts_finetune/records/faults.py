"""What went wrong, from an exception or from what a process printed: memory, disk, an unreadable file, or else.

Libraries have no common way to say so: a missing byte of memory is a MemoryError, a RuntimeError with one of many
texts, an OSError, or an ImportError of a library that could not be mapped. The texts here are what current
versions of CPython, torch, NumPy, OpenBLAS, OpenMP, glibc and Windows print. Texts of the system itself may be in
any language; there its number counts ('[Errno 28]', '[WinError 112]').
"""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator

from xtts_finetune.errors import UserError
from xtts_finetune.records.stopping import Reason, Stop

_MEMORY = re.compile(
    r"""
      \bMemoryError\b | \bOutOfMemoryError\b | \bbad_alloc\b | \bout[ ]of[ ](?:host[ ])?memory\b
    | can(?:'|no)t[ ]allocate[ ]memory(?![ ]in[ ]static[ ]TLS)      # that one is about the order of imports
    | \bnot[ ]enough[ ]memory\b | \bunable[ ]to[ ]allocate\b | \bfailed[ ]to[ ]allocate\b
    | failed[ ]to[ ]map[ ]segment(?!.*Operation[ ]not[ ]permitted)  # that one is a disk mounted noexec
    | \b(?:CUBLAS|CUDNN|CUSOLVER|CUSPARSE|CUFFT)_STATUS_ALLOC_FAILED\b | \bCUFFT_ALLOC_FAILED\b
    | can't[ ]start[ ]new[ ]thread | \bThread[ ]creation[ ]failed\b | pthread_create[ ]failed
    | Memory[ ]allocation[ ]still[ ]failed | unable[ ]to[ ]allocate[ ]necessary[ ]resources
    | tried[ ]to[ ]allocate[ ]too[ ]many[ ]memory[ ]regions
    | \bpaging[ ]file[ ]is[ ]too[ ]small\b | \bInsufficient[ ]memory\b
    | \[WinError[ ](?:8|14|1450|1455)\] | \[Errno[ ]12\] | \bENOMEM\b
    """,
    re.IGNORECASE | re.VERBOSE,
)
# What libraries say that found no room on the card for their own, or another fault.
_FULL_CARD = re.compile(
    r"""
      \bCUBLAS_STATUS_NOT_INITIALIZED\b | \bCUDNN_STATUS_\w*(?:ALLOC|INTERNAL_ERROR|NOT_INITIALIZED)\w*
    | \bUnable[ ]to[ ]find[ ]an[ ]engine\b | \bGET[ ]was[ ]unable[ ]to[ ]find[ ]an[ ]engine\b
    """,
    re.IGNORECASE | re.VERBOSE,
)
_DISK = re.compile(
    r"""
      \bno[ ]space[ ]left\b | \bdisk[ ]quota[ ]exceeded\b | \bnot[ ]enough[ ]space[ ]on[ ]the[ ]disk\b
    | \bdisk[ ]is[ ]full\b | \[WinError[ ](?:39|112)\] | \[Errno[ ](?:28|122)\] | \bENOSPC\b | \bEDQUOT\b
    | PytorchStreamWriter[ ]failed[ ]writing | \bfile[ ]write[ ]failed\b | \bunexpected[ ]pos[ ]\d+
    """,
    re.IGNORECASE | re.VERBOSE,
)
_UNREADABLE = re.compile(
    r"""
      PytorchStreamReader[ ]failed | \bfailed[ ]finding[ ]central[ ]directory\b | \bUnpicklingError\b
    | \bBadZipFile\b | \binvalid[ ]header[ ]or[ ]archive\b | \bFileNotFoundError\b | \[Errno[ ](?:2|5)\]
    """,
    re.IGNORECASE | re.VERBOSE,
)
_TEXTS = ((Reason.OUT_OF_MEMORY, _MEMORY), (Reason.DISK_FULL, _DISK), (Reason.UNREADABLE, _UNREADABLE))

_ERRNOS = {
    errno.ENOMEM: Reason.OUT_OF_MEMORY,
    errno.ENOSPC: Reason.DISK_FULL,
    errno.EDQUOT: Reason.DISK_FULL,
    errno.ENOENT: Reason.UNREADABLE,
    errno.EIO: Reason.UNREADABLE,
}
_WINDOWS = {
    8: Reason.OUT_OF_MEMORY,
    14: Reason.OUT_OF_MEMORY,
    1450: Reason.OUT_OF_MEMORY,
    1455: Reason.OUT_OF_MEMORY,
    39: Reason.DISK_FULL,
    112: Reason.DISK_FULL,
}
# What says more about the cause than what came after it in a chain of exceptions.
_WEIGHTIEST_FIRST = (Reason.OUT_OF_MEMORY, Reason.DISK_FULL, Reason.UNREADABLE)

_ASKED = re.compile(r"(?:allocat\w*|for)\s+([\d.]+)\s*(bytes|[KMGTPE]i?B)\b", re.IGNORECASE)
_UNITS = {"k": 1, "m": 2, "g": 3, "t": 4, "p": 5, "e": 6}

TRACEBACK = "Traceback (most recent call last):"
_CHAINED = re.compile(r"During handling of the above exception|The above exception was the direct cause")
_COLOURS = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
# Lines that end what a process prints and say nothing of why it ended.
_SAYS_NOTHING = re.compile(
    r"^(?:Aborted|Killed|Terminated|Segmentation fault)(?: \(core dumped\))?$|^--- |^\s*\^+\s*$|^[\W\d_]*$"
    r"|^(?:Extension modules:|Current thread 0x|Thread 0x|  File \")|Warning:|WARNING|\dit/s\]"
)


def reason_of_text(text: str) -> Reason:
    """What an error's text is about: OUT_OF_MEMORY, DISK_FULL, UNREADABLE, or else ERROR."""
    return next((reason for reason, pattern in _TEXTS if pattern.search(text)), Reason.ERROR)


def a_full_card_may_say(text: str) -> bool:
    """Whether a library says so, too, that found no room on a card; whoever asks looks whether it is full."""
    return _FULL_CARD.search(text) is not None


def reason_of_error(error: BaseException) -> Reason:
    """What an exception is about, or one that it came from: a full disk behind a library's RuntimeError counts.

    A UserError is UNREADABLE unless memory or disk are behind it, KeyboardInterrupt is INTERRUPTED.
    """
    if isinstance(error, KeyboardInterrupt):
        return Reason.INTERRUPTED
    found = {_reason_of_one(each) for each in _chain(error)}
    return next((reason for reason in _WEIGHTIEST_FIRST if reason in found), Reason.ERROR)


def stop_of_error(error: BaseException, step: int | None = None) -> Stop:
    """The stopping reason of an exception that ended a phase at `step` (None: before its first one).

    The message is one line that names the error; the numbers hold the step and, out of memory, `asked_bytes`.
    """
    reason = reason_of_error(error)
    telling = next((each for each in _chain(error) if _reason_of_one(each) is reason), error)
    numbers = {} if step is None else {"step": float(step)}
    if reason is Reason.INTERRUPTED:
        return Stop(reason, "interrupted by the user", numbers)
    asked = asked_bytes(str(telling))
    if reason is Reason.OUT_OF_MEMORY and asked is not None:
        numbers["asked_bytes"] = asked
    line = str(error).strip().splitlines()[0] if isinstance(error, UserError) else one_line(telling)
    return Stop(reason, in_words(reason, line), numbers)


def stop_of_text(printed: str) -> Stop:
    """The stopping reason of a process that failed and left only what it printed (the end of it will do)."""
    errors = _last_errors(printed)
    found = [(reason_of_text(error), error) for error in errors]
    # The last exception may be a consequence: of all that it was raised from the first one of its kind counts.
    for wanted in _WEIGHTIEST_FIRST:
        origins = [error for reason, error in found if reason is wanted]
        if origins:
            reason, line = wanted, origins[-1]
            break
    else:
        reason, line = Reason.ERROR, next(iter(errors), "")
    asked = asked_bytes(line) if reason is Reason.OUT_OF_MEMORY else None
    return Stop(reason, in_words(reason, line), {} if asked is None else {"asked_bytes": asked})


def in_words(reason: Reason, line: str) -> str:
    """'out of memory: CUDA out of memory. Tried to ...' - the reason, where the line does not begin with it."""
    named = reason in (Reason.OUT_OF_MEMORY, Reason.DISK_FULL)
    return line if not named or line.lower().startswith(reason.words) else f"{reason.words}: {line}"


def one_line(error: BaseException) -> str:
    """An exception on one line: its kind and the first line of what it says."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__


def asked_bytes(text: str) -> float | None:
    """How much memory was asked for: '20.00 MiB', '4000000000000000 bytes'; None where the text does not say."""
    match = _ASKED.search(text)
    if match is None:
        return None
    unit = match[2].lower()
    if unit == "bytes":
        return float(match[1])
    base = 1024.0 if "i" in unit else 1000.0
    return float(match[1]) * float(base ** _UNITS[unit[0]])


def telling_line(printed: str) -> str:
    """The line that says most about why a process ended; '' where it said nothing.

    After a traceback this is the exception's line, whatever was printed behind it; the frames of a traceback,
    progress bars and warnings never are.
    """
    errors = _last_errors(printed)
    return errors[0] if errors else ""


def _last_errors(printed: str) -> list[str]:
    """The errors that a process ended with, the last one first: of each traceback in a chain its exception."""
    lines = [_COLOURS.sub("", line.rpartition("\r")[2]).rstrip() for line in printed.split("\n")]
    starts = [number for number, line in enumerate(lines) if line.endswith(TRACEBACK)]
    exceptions = []
    for start in reversed(starts):
        after = (line for line in lines[start + 1 :] if line and not line[0].isspace())
        exceptions.append(next(after, ""))
        if not any(_CHAINED.match(line) for line in lines[max(0, start - 3) : start]):
            break
    exceptions = [line for line in exceptions if line]
    # C++ says the kind of an exception first, and on a line of its own what it is about.
    about = [line.strip().removeprefix("what():").strip() for line in lines if line.strip().startswith("what():")]
    fatal = about or [line for line in lines if line.startswith(("Fatal Python error", "terminate called"))]
    if fatal:
        return [*reversed(fatal), *exceptions]
    said = [line.strip() for line in lines if line.strip() and not _SAYS_NOTHING.search(line)]
    return exceptions or said[:-11:-1]


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The exception and all that it came from, each once. `from None` hides an origin from people, not from us."""
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        each = waiting.pop(0)
        if each is not None and id(each) not in seen:
            seen.add(id(each))
            yield each
            waiting += [each.__cause__, each.__context__]


def _reason_of_one(error: BaseException) -> Reason:
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return Reason.OUT_OF_MEMORY
    if isinstance(error, OSError):
        windows = _WINDOWS.get(getattr(error, "winerror", None) or 0)
        known = windows or _ERRNOS.get(error.errno or 0)
        if known is not None:
            return known
    # Its text names files and clips, which may be called anything.
    if isinstance(error, UserError):
        return Reason.UNREADABLE
    return reason_of_text(f"{type(error).__name__}: {error}")
