"""From the declared data sets to prepared clips: read, audited, split once, encoded."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from xtts_finetune.data.audio import AudioError
from xtts_finetune.data.audit import Audit, SoundEncoder, TextEncoder, keep_eval_conditioning
from xtts_finetune.data.cache import ClipCache
from xtts_finetune.data.eval_set import EvalSet, choose_eval_set, read_eval_set, write_eval_set
from xtts_finetune.data.fingerprint import data_inputs
from xtts_finetune.data.readers import read_dataset
from xtts_finetune.data.sources import Sources
from xtts_finetune.errors import UserError, WorkFailed
from xtts_finetune.records.atomic import write_json_atomic
from xtts_finetune.records.clips import ClipRecord, DroppedClip, write_clips, write_dropped
from xtts_finetune.records.run_folder import RunFolder
from xtts_finetune.spec.declaration import Declaration
from xtts_finetune.spec.pipeline import EvalSetSpec
from xtts_finetune.xtts.base import find_base, quick_hash

Progress = Callable[[int, int, str], None]  # done, total, what
REASONS_NAMED = 3
CLIPS_NAMED = 5


@dataclass(frozen=True)
class DataSummary:
    """What was prepared. `clips` counts the eval set too; `notes` are sentences that the user should see."""

    clips: int
    seconds: float
    eval_clips: int
    dropped: int
    reasons: dict[str, int]
    content: str
    notes: tuple[str, ...]


def prepare(
    declaration: Declaration,
    tokenizer: TextEncoder,
    encoder: SoundEncoder,
    run: RunFolder,
    progress: Progress,
) -> DataSummary:
    """Prepare all clips of a declaration in the run's folder; what an earlier run did is not done again.

    A kill at any time leaves only whole files, and `data.json`, written last, only where all of them agree.
    Raises UserError if a data set is missing or too few clips can be used, WorkFailed if audio changes
    meanwhile.
    """
    inputs = data_inputs(declaration)
    vocabulary = quick_hash(find_base(declaration.pipeline.base).vocab)
    cache = ClipCache(run.cache, encoder.key, vocabulary)
    _sweep(run, cache)
    with Sources(run.cache / "sources.jsonl") as sources:
        audit = Audit(declaration.pipeline.clips, tokenizer, encoder, cache, sources)
        clips, dropped = _check_all(declaration, audit, progress)
        sources.tidy()
    run.data_info.unlink(missing_ok=True)
    write_dropped(run.dropped, dropped)
    eval_set = _frozen_eval_set(clips, dropped, declaration.pipeline.eval_set, run)
    clips = eval_set.split(clips)
    held_out = [clip for clip in clips if clip.split == "eval"]
    if not held_out or len(held_out) == len(clips):
        raise UserError(_too_few(clips, held_out, dropped, run))
    _keep_eval_conditioning(held_out, encoder, cache, progress)
    cache.make_current()
    write_clips(run.clips, clips)
    summary = DataSummary(
        clips=len(clips),
        seconds=round(sum(clip.seconds for clip in clips), 3),
        eval_clips=len(held_out),
        dropped=len(dropped),
        reasons=dict(_reasons(dropped).most_common()),
        content=content_of(clips),
        notes=tuple(_notes(eval_set, clips, declaration.pipeline.eval_set)),
    )
    _write_info(run, inputs, summary)
    return summary


def content_of(clips: Sequence[ClipRecord]) -> str:
    """Hash of all that training sees of the clips: sounds, texts, languages and splits, in their order."""
    seen = [[clip.sha256, clip.text, clip.language, clip.split] for clip in clips]
    return hashlib.sha256(json.dumps(seen).encode()).hexdigest()


def _sweep(run: RunFolder, cache: ClipCache) -> None:
    """Remove the temporary files that a kill left behind; other files of the run are not ours to touch."""
    cache.sweep()
    for file in (run.clips, run.dropped, run.eval_set, run.data_info):
        for left in run.root.glob(f".{file.name}.*.tmp"):
            left.unlink(missing_ok=True)


def _check_all(
    declaration: Declaration, audit: Audit, progress: Progress
) -> tuple[list[ClipRecord], list[DroppedClip]]:
    language = declaration.pipeline.language
    lines = [raw for spec in declaration.pipeline.datasets for raw in read_dataset(spec, language)]
    clips: list[ClipRecord] = []
    dropped: list[DroppedClip] = []
    for done, raw in enumerate(lines, start=1):
        checked = audit.check(raw)
        if isinstance(checked, ClipRecord):
            clips.append(checked)
        else:
            dropped.append(checked)
        progress(done, len(lines), "clips read")
    return clips, dropped


def _frozen_eval_set(
    clips: Sequence[ClipRecord], dropped: Sequence[DroppedClip], spec: EvalSetSpec, run: RunFolder
) -> EvalSet:
    """The eval set of this run, chosen now if it never was."""
    eval_set = read_eval_set(run.eval_set)
    if eval_set is None:
        eval_set = choose_eval_set(clips, spec)
        if not eval_set.clips:
            raise UserError(_too_few(clips, [], dropped, run))
        write_eval_set(run.eval_set, eval_set)
    return eval_set


def _keep_eval_conditioning(
    held_out: Sequence[ClipRecord], encoder: SoundEncoder, cache: ClipCache, progress: Progress
) -> None:
    for done, clip in enumerate(held_out, start=1):
        try:
            keep_eval_conditioning(clip, encoder, cache)
        except AudioError as error:
            raise WorkFailed(
                f"{clip.audio} changed while the clips were prepared ({error}); run it again"
            ) from None
        progress(done, len(held_out), "eval clips encoded")


def _too_few(
    clips: Sequence[ClipRecord],
    held_out: Sequence[ClipRecord],
    dropped: Sequence[DroppedClip],
    run: RunFolder,
) -> str:
    """Why there is nothing to train or to evaluate on, with the most frequent reasons."""
    usable = f"{len(clips)} of {len(clips) + len(dropped)} clips can be used"
    if clips and not held_out and run.eval_set.is_file():
        return (
            f"{usable}, and none of them is in the frozen eval set {run.eval_set}; "
            "restore its clips, or start a new run under another name"
        )
    split = f"{len(clips) - len(held_out)} for training, {len(held_out)} for the eval set"
    message = f"{usable} ({split}); at least one of each is needed, with different sound."
    if not dropped:
        return f"{message} Add clips to the data sets."
    counts = [f"{reason} ({count})" for reason, count in _reasons(dropped).most_common(REASONS_NAMED)]
    return f"{message} Most frequent reasons: {', '.join(counts)}. Each clip is named in {run.dropped}"


def _notes(eval_set: EvalSet, clips: Sequence[ClipRecord], spec: EvalSetSpec) -> list[str]:
    notes = []
    if gone := eval_set.gone(clips):
        named = ", ".join(gone[:CLIPS_NAMED]) + (" ..." if len(gone) > CLIPS_NAMED else "")
        notes.append(f"{len(gone)} of {len(eval_set.clips)} clips of the frozen eval set are gone: {named}")
    if (eval_set.seed, eval_set.fraction, eval_set.at_least) != (spec.seed, spec.fraction, spec.at_least):
        notes.append(
            f"the eval set is frozen as it was chosen, with fraction {eval_set.fraction:g}, at least "
            f"{eval_set.at_least}, seed {eval_set.seed}; what eval_set declares now has no effect on this run"
        )
    return notes


def _reasons(dropped: Sequence[DroppedClip]) -> Counter[str]:
    return Counter(clip.reason.value for clip in dropped)


def _write_info(run: RunFolder, inputs: dict[str, str], summary: DataSummary) -> None:
    info = {
        "inputs": inputs,
        "content": summary.content,
        "clips": summary.clips,
        "seconds": summary.seconds,
        "eval_clips": summary.eval_clips,
        "dropped": summary.dropped,
        "reasons": summary.reasons,
        "notes": list(summary.notes),
    }
    write_json_atomic(run.data_info, info)
