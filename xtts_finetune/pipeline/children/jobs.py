"""The parent's side of a child's end: why it ended if it wrote down no reason, and the jobs that are no phase.

The reason is found from its exit status and the end of what it printed.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from xtts_finetune.errors import DONE, INTERRUPTED, WRONG_INPUT, UserError, WorkFailed
from xtts_finetune.numbers.fixed import BASE
from xtts_finetune.pipeline.children.process import ChildEnd, Interrupted, run_child, something_is_kept
from xtts_finetune.pipeline.children.progress import JobWatch, progress_bar
from xtts_finetune.pipeline.children.running import JOB, Work
from xtts_finetune.records.faults import stop_of_text
from xtts_finetune.records.job import EventTail, failure_of
from xtts_finetune.records.stopping import Reason, Stop

# A process that can print nothing more, as its log is on a full disk, leaves less room than this.
FULL_BYTES = 64 * 1024

_SIGNALS = {
    "SIGKILL": (
        Reason.KILLED,
        "the system ended the process (SIGKILL), most often because the memory ran out",
    ),
    "SIGABRT": (Reason.ERROR, "the process gave up (SIGABRT)"),
    "SIGSEGV": (Reason.ERROR, "the process crashed in native code (SIGSEGV)"),
    "SIGILL": (Reason.ERROR, "the processor lacks an instruction that a library uses (SIGILL)"),
    "SIGFPE": (Reason.ERROR, "the process crashed in native code (SIGFPE)"),
    # What is mapped into memory was cut short, or can no longer be read from its disk.
    "SIGBUS": (
        Reason.UNREADABLE,
        "a file that is read through memory is cut short or its disk fails (SIGBUS)",
    ),
    "SIGXCPU": (
        Reason.KILLED,
        "the system ended the process: its limit of processor time is used up (SIGXCPU)",
    ),
}

# https://learn.microsoft.com/openspecs/windows_protocols/ms-erref/596a1078-e883-4972-9bbc-49e60bebca55
_WINDOWS = {
    0xC0000005: (Reason.ERROR, "the process crashed in native code (access violation, 0xC0000005)"),
    0xC0000006: (Reason.UNREADABLE, "a file that is read through memory cannot be read (0xC0000006)"),
    0xC0000017: (Reason.OUT_OF_MEMORY, "out of memory: Windows had none left (0xC0000017)"),
    0xC000001D: (Reason.ERROR, "the processor lacks an instruction that a library uses (0xC000001D)"),
    0xC00000FD: (Reason.ERROR, "the process crashed: its stack is used up (0xC00000FD)"),
    0xC000012D: (Reason.OUT_OF_MEMORY, "out of memory: the paging file is too small (0xC000012D)"),
    0xC0000135: (Reason.ERROR, "a library (DLL) was not found (0xC0000135)"),
    0xC000013A: (Reason.INTERRUPTED, "interrupted by Ctrl-C or by a window that was closed (0xC000013A)"),
    0xC0000142: (Reason.ERROR, "a library (DLL) could not start, often at the end of a session (0xC0000142)"),
    0xC0000374: (Reason.ERROR, "the process crashed in native code (heap corrupted, 0xC0000374)"),
    0xC0000409: (Reason.ERROR, "the process gave up (0xC0000409)"),
    0x40010004: (Reason.KILLED, "Windows ended the process, as it does when it shuts down (0x40010004)"),
}


def stop_of(ended: ChildEnd, oom_kills: int = 0, free_bytes: int | None = None) -> Stop:
    """The stopping reason of a child that left none.

    `oom_kills` is how many processes the system has killed for want of memory meanwhile. `free_bytes` is the room
    on the disk: a process that could not even print its error may have met a full one.
    """
    if ended.interrupted:
        killed, closed = "it did not end in time and was killed", "it ended before its records were closed"
        end = killed if ended.killed_by_us else closed
        return Stop(Reason.INTERRUPTED, f"interrupted by the user; {end}")
    if ended.status == DONE:
        return Stop(Reason.ERROR, "the process ended without closing its records")
    said = stop_of_text(ended.printed)
    full = free_bytes is not None and free_bytes < FULL_BYTES
    known = _of_status(ended)
    if known is None:
        return _of_what_it_said(ended, said, full)
    reason, words = known
    if reason is Reason.KILLED and oom_kills and ended.signal_name == "SIGKILL":
        return Stop(Reason.OUT_OF_MEMORY, "out of memory: the system ended the process (SIGKILL)")
    # A C++ library out of memory prints so and aborts; a full disk under a mapped file is a SIGBUS.
    if said.reason in (Reason.OUT_OF_MEMORY, Reason.DISK_FULL):
        return Stop(said.reason, f"{said.message} ({_code(ended)})", said.numbers)
    if full and ended.signal_name == "SIGBUS":
        return Stop(Reason.DISK_FULL, "disk full: a file could not grow (SIGBUS)")
    detail = said.message if reason is Reason.ERROR else ""
    return Stop(reason, f"{words}: {detail}" if detail else words)


def _of_what_it_said(ended: ChildEnd, said: Stop, full: bool) -> Stop:
    if full and said.reason is Reason.ERROR:
        # Whatever else it says: with no room for 64 kB nothing that writes can work.
        return Stop(Reason.DISK_FULL, f"disk full: {said.message or 'there was no room even to say so'}")
    if said.message:
        return said
    return Stop(Reason.ERROR, f"the process ended with exit code {ended.status} and said nothing")


def _of_status(ended: ChildEnd) -> tuple[Reason, str] | None:
    """What the exit status alone says; None for an ordinary failure."""
    if ended.signal_name is not None:
        unknown = (Reason.KILLED, f"the system ended the process ({ended.signal_name})")
        return _SIGNALS.get(ended.signal_name, unknown)
    if ended.status < 256:
        return None
    unknown = (Reason.ERROR, f"the process ended with status {_code(ended)}")
    return _WINDOWS.get(ended.status & 0xFFFFFFFF, unknown)


def _code(ended: ChildEnd) -> str:
    return ended.signal_name or f"0x{ended.status & 0xFFFFFFFF:08X}"


def how_it_ended(ended: ChildEnd) -> str:
    """One line for a child that left no reason in its records."""
    return stop_of(ended).message


def oom_kills_so_far() -> int:
    """How many processes Linux has killed for want of memory since it started; 0 where nothing says so."""
    with contextlib.suppress(OSError, ValueError):
        for line in Path("/proc/vmstat").read_text(encoding="utf-8").splitlines():
            if line.startswith("oom_kill "):
                return int(line.split()[1])
    return 0


def run_job(
    work: Work,
    name: str,
    kinds: Sequence[str],
    candidate: str = BASE,
    fingerprint: str = "",
    child: str = JOB,
) -> None:
    """Run the job's kinds one after another in one child, a module that does them; return when all are done.

    Raises UserError when an input is wrong, WorkFailed with the child's reason, Interrupted on Ctrl-C.
    """
    events, log = work.run.job_events(name), work.run.job_log(name)
    events.unlink(missing_ok=True)
    job_file = work.run.job_file(name)
    shown = name.replace("-utterances", " samples")
    replace(work.job(events), candidate=candidate, fingerprint=fingerprint).write(job_file)
    with progress_bar(work.console) as progress:
        watch = JobWatch(progress, shown, events)
        ended = run_child(
            work.child_command(child, [*kinds, str(job_file)]),
            log,
            watch,
            lambda: work.say(f"stopping {shown} (Ctrl-C again to stop it at once) ..."),
        )
    latest = EventTail(events).new().progress
    if latest is not None and latest.done:
        something_is_kept()
    raise_unless_done(shown, ended, failure_of(events), log)


def raise_unless_done(name: str, ended: ChildEnd, reason: str | None, log: Path) -> None:
    """Turn the way a child ended into the exception that the command ends with; none when it is done.

    `reason` is what the child wrote down about its failure; without it the last line that it printed counts.
    """
    if ended.interrupted or ended.status == INTERRUPTED:
        raise Interrupted(f"{name} was interrupted")
    if ended.status == DONE:
        return
    if ended.status == WRONG_INPUT:
        raise UserError(reason or ended.last_line or f"{name}: an input is wrong; see {log}")
    raise WorkFailed(f"{name} failed: {reason or how_it_ended(ended)}", log)
