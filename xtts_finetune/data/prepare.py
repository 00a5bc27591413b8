"""From the declared data sets to prepared clips: read, audited, split once, encoded."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from xtts_finetune.data.audit import Audit, LeftOut, SoundEncoder, entries, survey
from xtts_finetune.data.cache import ClipCache
from xtts_finetune.data.comparisons import compare
from xtts_finetune.data.data_summary import DataSummary, notes_on, reasons_of, too_few
from xtts_finetune.data.eval_set import EvalSet, choose_eval_set, held_out_sets, read_eval_set, write_eval_set
from xtts_finetune.data.fingerprint import data_inputs
from xtts_finetune.data.in_threads import in_order, one_core_a_thread
from xtts_finetune.data.outlines import Outlines, outline
from xtts_finetune.data.passages import cut_from_recordings
from xtts_finetune.data.readers import RawClip, Unreadable, read_dataset
from xtts_finetune.data.readers.parquet import unpack
from xtts_finetune.data.sound.audio import AudioError
from xtts_finetune.data.sources import Sources
from xtts_finetune.data.text.checks import Compared
from xtts_finetune.data.text.language import OtherLanguages
from xtts_finetune.data.text.trainable import TextCheck, TextEncoder
from xtts_finetune.errors import UserError, WorkFailed
from xtts_finetune.records.atomic import remove_abandoned, write_json_atomic
from xtts_finetune.records.clips import (
    ClipRecord,
    ClipWarning,
    DroppedClip,
    Split,
    WarningKind,
    clip_writer,
    clips_writer,
    iter_clips,
    write_dropped,
)
from xtts_finetune.records.run_folder import KNOWN_SOURCES, RunFolder
from xtts_finetune.spec.declaration import Declaration
from xtts_finetune.spec.pipeline import PipelineSpec
from xtts_finetune.xtts.base import find_base, quick_hash

Progress = Callable[[int, int, str], None]  # done, total, what


def prepare(
    declaration: Declaration,
    tokenizer: TextEncoder,
    encoder: SoundEncoder,
    run: RunFolder,
    progress: Progress,
    before_closing: Callable[[], object] = lambda: None,
    compare_texts: Callable[[Path, Progress], Compared] = lambda *_: Compared(),
) -> DataSummary:
    """Prepare all clips of a declaration in the run's folder; what an earlier run did is not done again.

    Clips are read and encoded on all cores, and only outlines of them stay in memory. A kill at any time leaves
    only whole files, and `data.json`, written last, only where all of them agree; `before_closing` is called
    when all the others are there. `compare_texts` reads the clips of a clips.jsonl (data.text.checks.TextChecks).
    Raises UserError if a data set is missing or too few clips can be used, WorkFailed if audio changes
    meanwhile.
    """
    inputs = data_inputs(declaration)
    pipeline = declaration.pipeline
    for spec in pipeline.datasets:
        unpack(spec)
    vocabulary = quick_hash(find_base(pipeline.base).vocab)
    cache = ClipCache(run.cache, encoder.key, vocabulary)
    _sweep(run, cache)
    languages = {spec.name: spec.language or pipeline.language for spec in pipeline.datasets}
    texts = TextCheck(pipeline.clips.max_text_tokens, tokenizer, cache, languages)
    with one_core_a_thread(), Sources(run.cache / KNOWN_SOURCES) as sources, read_clips_file(run) as read:
        audit = Audit(pipeline.clips, texts, encoder, cache, sources)
        outlines, dropped = _check_all(declaration, audit, read, progress)
        sources.tidy()
        run.data_info.unlink(missing_ok=True)
        write_dropped(run.dropped, dropped)
        eval_set = _frozen_eval_set(outlines, dropped, pipeline, run)
        held_out = eval_set.sounds
        in_eval = int(outlines.among(held_out).sum())
        if not in_eval or in_eval == len(outlines):
            raise UserError(too_few(outlines, in_eval, dropped, run))
        _keep_eval_conditioning(read, held_out, in_eval, audit, progress)
        cache.make_current()
        compared = compare_texts(read, progress)
        warned = compare(outlines, held_out)
        tally = _write_all(run, read, held_out, warned, compared.warnings)
    summary = DataSummary(
        clips=len(outlines),
        seconds=round(tally.seconds, 3),
        eval_clips=in_eval,
        dropped=len(dropped),
        reasons=dict(reasons_of(dropped).most_common()),
        warned=tally.warned,
        warnings=dict(tally.warnings.most_common()),
        content=tally.content,
        notes=(*notes_on(eval_set, outlines, pipeline.eval_set), *tally.languages.notes(), *compared.notes),
    )
    before_closing()
    write_json_atomic(run.data_info, summary.as_json(inputs))
    return summary


def _sweep(run: RunFolder, cache: ClipCache) -> None:
    """Remove the temporary files that a kill left behind; other files of the run are not ours to touch."""
    cache.sweep()
    for file in (run.clips, run.dropped, run.eval_set, run.data_info):
        remove_abandoned(run.root.glob(f".{file.name}.*.tmp"))


@contextmanager
def read_clips_file(run: RunFolder) -> Iterator[Path]:
    """A place for the clips that passed, before it is known which of them are held out; gone in the end."""
    path = run.being_read()
    try:
        yield path
    finally:
        # Where an error left it open, Windows does not let it go: the next run clears it away.
        with suppress(PermissionError):
            path.unlink(missing_ok=True)


def _check_all(
    declaration: Declaration, audit: Audit, read: Path, progress: Progress
) -> tuple[Outlines, list[DroppedClip]]:
    """Check every line of all data sets; the clips that pass are written to `read` in their order."""
    seen = survey(_lines(declaration))
    outlines = Outlines()
    dropped: list[DroppedClip] = []
    read.parent.mkdir(parents=True, exist_ok=True)
    with (
        read.open("w", encoding="utf-8", newline="\n") as file,
        closing(in_order(audit.check, entries(_lines(declaration), seen.repeated))) as results,
    ):
        write = clip_writer(file, read.parent)
        for done, checked in enumerate(results, start=1):
            if isinstance(checked, LeftOut):
                dropped.append(checked.clip)
            else:
                audit.sources.keep(checked.stamp, checked.source)
                outlines.append(outline(checked.clip, checked.source.measures))
                write(checked.clip)
            progress(done, seen.lines, "clips read")
    return outlines, dropped


def _lines(declaration: Declaration) -> Iterator[RawClip | Unreadable]:
    for spec in declaration.pipeline.datasets:
        yield from read_dataset(spec, declaration.pipeline.language)


def _frozen_eval_set(clips: Outlines, dropped: Sequence[DroppedClip], spec: PipelineSpec, run: RunFolder) -> EvalSet:
    """The eval set of this run, chosen now if it never was."""
    eval_set = read_eval_set(run.eval_set)
    if eval_set is None:
        cut, held_out = cut_from_recordings(spec.datasets), held_out_sets(spec.datasets)
        eval_set = choose_eval_set(clips, spec.eval_set, cut, held_out)
        if not eval_set.clips:
            raise UserError(too_few(clips, 0, dropped, run))
        write_eval_set(run.eval_set, eval_set)
    return eval_set


def _keep_eval_conditioning(read: Path, held_out: Set[str], total: int, audit: Audit, progress: Progress) -> None:
    def keep(clip: ClipRecord) -> None:
        try:
            audit.keep_eval_conditioning(clip)
        except (AudioError, OSError) as error:
            raise WorkFailed(f"{clip.audio} changed while the clips were prepared ({error}); run it again") from None

    clips = (clip for clip in iter_clips(read) if clip.sha256 in held_out)
    with closing(in_order(keep, clips)) as results:
        for done, _ in enumerate(results, start=1):
            progress(done, total, "eval clips encoded")


@dataclass
class Tally:
    """What is counted while clips.jsonl is written. `content` hashes all that training sees, in its order."""

    seconds: float
    warned: int
    warnings: Counter[str]
    content: str
    languages: OtherLanguages = field(default_factory=OtherLanguages)


def _write_all(
    run: RunFolder,
    read: Path,
    held_out: Set[str],
    warned: Mapping[int, Sequence[ClipWarning]],
    other_words: Mapping[int, ClipWarning],
) -> Tally:
    """Write clips.jsonl: the clips that were read, with their split and all their warnings."""
    tally, content = Tally(0.0, 0, Counter(), ""), hashlib.sha256()
    with clips_writer(run.clips) as write:
        for place, clip in enumerate(iter_clips(read)):
            split: Split = "eval" if clip.sha256 in held_out else "train"
            of_text = [other_words[place]] if place in other_words else []
            warnings = (*of_text, *clip.warnings, *warned.get(place, ()))
            write(replace(clip, split=split, warnings=warnings))
            tally.seconds += clip.seconds
            doubted = any(warning.kind is WarningKind.OTHER_LANGUAGE for warning in clip.warnings)
            tally.languages.add(clip.dataset, clip.text, clip.language, doubted)
            tally.warned += bool(warnings)
            tally.warnings.update(warning.kind.value for warning in warnings)
            # As json.dumps of one list of them all, which runs made before have recorded.
            seen = json.dumps([clip.sha256, clip.text, clip.language, split])
            content.update(f"{', ' if place else '['}{seen}".encode())
    content.update(b"]")
    tally.content = content.hexdigest()
    return tally
