"""The child's side of the jobs that are no phase: `python -m xtts_finetune.pipeline.job KIND... JOB.json`.

The kinds are `prepare` (read, check, split and encode the clips), `base` (evaluate the base), `candidate` (make
one of others, and evaluate it), `utterances` (let a candidate speak) and `scores` (read what it said with the
instruments); `shipping.child` adds its own. Exit codes are those of the commands; the reason of a
failure is the last record of the events file, and the last line on stderr.
"""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path

from xtts_finetune.errors import DONE, FAILED, INTERRUPTED, WRONG_INPUT, UserError, WorkFailed
from xtts_finetune.machine.cards import keep_to
from xtts_finetune.records.faults import one_line
from xtts_finetune.records.job import EventWriter, Job
from xtts_finetune.records.run_folder import KNOWN_READINGS
from xtts_finetune.spec.declaration import Declaration, load_declaration
from xtts_finetune.xtts import load_coqui

Progress = Callable[[int, int, str], None]


Kind = Callable[[Declaration, Job, Progress], None]


def main(arguments: list[str], work: Mapping[str, Kind]) -> int:
    """Do all kinds of `work` that are named, in their order; the exit code."""
    *kinds, file = arguments
    job = Job.read(Path(file))
    keep_to(job.device)
    with EventWriter(job.events) as events:
        try:
            declaration = load_declaration(job.declaration_file, job.overrides, job.run_folder)
            load_coqui()
            for kind in kinds:
                work[kind](declaration, job, events.progress)
        except KeyboardInterrupt:
            return INTERRUPTED
        except UserError as error:
            return _failed(events, str(error), WRONG_INPUT)
        except WorkFailed as error:
            return _failed(events, str(error), FAILED)
        except Exception as error:
            traceback.print_exc()
            return _failed(events, one_line(error), FAILED)
    return DONE


def prepare_clips(declaration: Declaration, job: Job, progress: Progress) -> None:
    """Read, check, split and encode the clips."""
    from xtts_finetune.data.prepare import prepare  # noqa: PLC0415  (each kind loads only what it needs)
    from xtts_finetune.data.text.checks import TextChecks  # noqa: PLC0415
    from xtts_finetune.pipeline.children.python import python_module  # noqa: PLC0415
    from xtts_finetune.pipeline.reports.data_report import write_data_page  # noqa: PLC0415
    from xtts_finetune.training.device import pick_device_for  # noqa: PLC0415
    from xtts_finetune.xtts.base import find_base  # noqa: PLC0415
    from xtts_finetune.xtts.encoder import AudioEncoder  # noqa: PLC0415
    from xtts_finetune.xtts.tokenizer import Tokenizer  # noqa: PLC0415

    base = find_base(declaration.pipeline.base)
    encoder = AudioEncoder(base, pick_device_for(base, job.device))

    def write_page() -> None:
        progress(0, 1, "writing DATA.html")
        write_data_page(declaration, job.run)

    texts = TextChecks(declaration.pipeline, job.run.cache / KNOWN_READINGS, python_module)
    prepare(declaration, Tokenizer(base.vocab), encoder, job.run, progress, write_page, texts)


def evaluate_the_base(declaration: Declaration, job: Job, progress: Progress) -> None:
    """Evaluate the base on the eval set."""
    from xtts_finetune.training.untrained import evaluate_base  # noqa: PLC0415

    progress(0, 1, "evaluating")
    evaluate_base(declaration, job.run, job.device, job.fingerprint)
    progress(1, 1, "evaluated")


def make_a_candidate(declaration: Declaration, job: Job, progress: Progress) -> None:
    """Make a candidate of others, as the decision matrix declares it, and evaluate it."""
    from xtts_finetune.evaluation.candidates import made_candidates, parts_of  # noqa: PLC0415
    from xtts_finetune.training.untrained import make_candidate  # noqa: PLC0415
    from xtts_finetune.xtts.base import find_base  # noqa: PLC0415

    base = find_base(declaration.pipeline.base)
    parts = parts_of(made_candidates(declaration)[job.candidate], base.model, job.run)
    files = [(part.file, part.weight) for part in parts]
    progress(0, 1, "averaging" if len(files) > 1 else "reading")
    make_candidate(declaration, job.run, job.candidate, files, job.device, job.fingerprint)
    progress(1, 1, "evaluated")


def speak(declaration: Declaration, job: Job, progress: Progress) -> None:
    """Let the candidate say the declared sentences."""
    from xtts_finetune.evaluation.utterances import speak_candidate  # noqa: PLC0415
    from xtts_finetune.training.device import pick_device_for  # noqa: PLC0415
    from xtts_finetune.xtts.base import find_base  # noqa: PLC0415

    device = pick_device_for(find_base(declaration.pipeline.base), job.device)
    speak_candidate(declaration, job.run, job.candidate, device, progress)


def score(declaration: Declaration, job: Job, progress: Progress) -> None:
    """Read the candidate's utterances with the instruments."""
    from xtts_finetune.evaluation.scores import score_candidate  # noqa: PLC0415

    score_candidate(declaration, job.run, job.candidate, progress)


WORK: dict[str, Kind] = {
    "prepare": prepare_clips,
    "base": evaluate_the_base,
    "candidate": make_a_candidate,
    "utterances": speak,
    "scores": score,
}


def _failed(events: EventWriter, message: str, code: int) -> int:
    events.failed(message)
    print(message, file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], WORK))
