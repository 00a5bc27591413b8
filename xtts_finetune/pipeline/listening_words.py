"""What `xtts-finetune listen` prints of a test."""

from __future__ import annotations

from collections.abc import Sequence

from xtts_finetune.evaluation.decision import decide_from, gather_inputs
from xtts_finetune.evaluation.listening.make import Made
from xtts_finetune.evaluation.listening.sounds import LOUDNESS_LUFS
from xtts_finetune.evaluation.utterance_state import utterances_current
from xtts_finetune.pipeline.children.running import Work, verb
from xtts_finetune.records.run_folder import ListeningFolder


def say_outdated(work: Work, candidates: Sequence[str]) -> None:
    """Warn of candidates that would say something else by now."""
    for name in candidates:
        if not utterances_current(work.declaration, work.run, name):
            work.say(
                f"warning: {name} spoke before its model or the config changed; "
                f"let it speak again: {verb(work, f'samples {name}')}",
                "yellow",
            )


def say_held_back(work: Work, candidates: Sequence[str]) -> None:
    """Which of the candidates would not ship by themselves, and why."""
    excluded = decide_from(gather_inputs(work.declaration, work.run)).excluded
    for name in candidates:
        if name in excluded:
            work.say(f"note: {name} is held back: {excluded[name]}; to ship it all the same:")
            work.say(f"  {verb(work, f'ship --candidate {name}')}")


def say_made(work: Work, made: Made, candidates: Sequence[str]) -> None:
    """What a test asks of its listeners, and where its files are."""
    parts = " + ".join(map(str, made.sittings))
    sittings = f" in {len(made.sittings)} sittings ({parts})" if len(made.sittings) > 1 else ""
    work.say(
        f"{made.folder.path.name}: {', '.join(candidates)}; {made.trials} comparisons{sittings}, "
        f"about {made.minutes} minutes a listener"
    )
    if made.loudness < LOUDNESS_LUFS - 0.1:
        work.say(f"  all sounds are at {made.loudness:.1f} LUFS instead of {LOUDNESS_LUFS:.0f}, so that no peak is cut")
    for sound in made.quieter:
        work.say(f"  quieter than the rest, as it is nearly silent or has a high peak: {sound.source}, {sound.of}")
    say_files(work, made.folder)


def say_files(work: Work, folder: ListeningFolder) -> None:
    """Where a test's files are, and who they are for."""
    work.say(f"  for listeners: {folder.page}")
    work.say("  to take in the files that they send back:")
    work.say(f"    {verb(work, 'listen --import FILE...')}")
    work.say(f"  which is which, not for listeners: {folder.key}")
