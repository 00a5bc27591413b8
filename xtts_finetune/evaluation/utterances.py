"""Every candidate says the same sentences, in the same voice, with the same seeds; what is said once stays said."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xtts_finetune.errors import UserError
from xtts_finetune.evaluation.usable_references import check_references
from xtts_finetune.evaluation.utterance_state import (
    UtterancePlan,
    WantedUtterance,
    is_current,
    plan_utterances,
    read_record,
)
from xtts_finetune.machine.packages import installed_version
from xtts_finetune.records.atomic import atomic_path, write_bytes_atomic, write_json_atomic
from xtts_finetune.records.json_lines import JsonLinesWriter, json_line, read_json_lines
from xtts_finetune.records.run_folder import CandidateFolder, RunFolder
from xtts_finetune.spec.declaration import Declaration
from xtts_finetune.spec.pipeline import Vocoder
from xtts_finetune.spec.utterances import InferenceSpec
from xtts_finetune.xtts.base import BaseFiles

if TYPE_CHECKING:
    from xtts_finetune.xtts.speech.mel_inversion import Wave
    from xtts_finetune.xtts.speech.speech import Speaker, Speech


def keep_current(plan: UtterancePlan, folder: CandidateFolder) -> dict[str, dict[str, Any]]:
    """Records by file of the utterances on disk that are as `plan` wants them; all others are taken away.

    From then on utterances.json is gone and the lines hold what was kept, so that whoever is killed in between
    loses nothing that was right.
    """
    known = _known(folder)
    kept = {
        str(record["file"]): record
        for record in known
        if plan.fingerprints.get(str(record.get("file")), "") == record.get("fingerprint")
        and (folder.utterances / str(record["file"])).is_file()
    }
    if known:
        write_bytes_atomic(folder.spoken_lines, b"".join(json_line(record) for record in kept.values()))
    folder.utterances_json.unlink(missing_ok=True)
    _remove(folder, {str(record.get("file")) for record in known} | set(plan.fingerprints), kept)
    return kept


def _known(folder: CandidateFolder) -> list[dict[str, Any]]:
    """All that was written down, be it right or not."""
    listed = read_record(folder.utterances_json).get("utterances")
    finished = listed if isinstance(listed, list) else []
    try:
        lines = [record for _, record in read_json_lines(folder.spoken_lines)]
    except UserError:  # damaged: then everything in it is spoken again
        lines = []
    return [record for record in (*finished, *lines) if isinstance(record, dict)]


def _remove(folder: CandidateFolder, names: Iterable[str], kept: Iterable[str]) -> None:
    """Take away sound that is out of date."""
    # Only the names count: a record that was tampered with must not reach out of the folder.
    for name in {Path(name).name for name in names} - set(kept) - {""}:
        file = folder.utterances / name
        if file.suffix == ".wav":
            file.unlink(missing_ok=True)


Report = Callable[[int, int, str], None]
"""done, of how many, what is being spoken"""

PACKAGES = ("coqui-tts", "torch", "transformers", "librosa")


def speak_candidate(declaration: Declaration, run: RunFolder, candidate: str, device: str, progress: Report) -> Path:
    """Speak all utterances of `candidate` into its folder; the path of utterances.json.

    Only what is not there, or was made from something else, is spoken: after an interruption the rest, after a
    change of one text that one. The record is removed first and written last: where it is, all its files are
    whole.

    Raises UserError if the candidate has no model, the voice no reference that can be used, or the base no
    HiFi-GAN for the vocoder 'hifigan'.
    """
    plan = plan_utterances(declaration, run, candidate)
    folder = run.candidate(candidate)
    total = len(plan.utterances)
    if is_current(plan, run):
        progress(total, total, "up to date")
        return folder.utterances_json
    records = keep_current(plan, folder)
    missing = [wanted for wanted in plan.utterances if wanted.file not in records]
    if missing:
        progress(len(records), total, f"loading {candidate}")
        check_references(plan.references, plan.base)
        speaker = load_speaker(plan.base, plan.checkpoint, plan.references, declaration.pipeline.vocoder, device)
        progress(len(records), total, "speaking")
        with JsonLinesWriter(folder.spoken_lines) as lines:
            for wanted, speech in _spoken(speaker, missing, plan):
                write_wav(folder.utterances / wanted.file, speech)
                record = _utterance_record(wanted, speech, plan.fingerprints[wanted.file])
                lines.write(record)
                records[wanted.file] = record
                progress(len(records), total, f"{wanted.id}, seed {wanted.seed}")
    in_order = [records[wanted.file] for wanted in plan.utterances]
    write_json_atomic(folder.utterances_json, _record(plan, _sample_rate(plan, folder), device, in_order))
    folder.spoken_lines.unlink(missing_ok=True)
    progress(total, total, "spoken")
    return folder.utterances_json


def _spoken(
    speaker: Speaker, missing: Sequence[WantedUtterance], plan: UtterancePlan
) -> Iterator[tuple[WantedUtterance, Speech]]:
    """Each of `missing` with its speech, as soon as it is finished."""
    from xtts_finetune.xtts.speech.speech import Line  # noqa: PLC0415  heavy

    lines = [Line(wanted.text, wanted.language, wanted.seed) for wanted in missing]
    for place, speech in speaker.speak_many(lines, InferenceSpec.model_validate(plan.settings)):
        yield missing[place], speech


def write_wav(path: Path, speech: Speech) -> None:
    """Write 16-bit PCM, whole or not at all."""
    import soundfile  # noqa: PLC0415  heavy

    with atomic_path(path) as temporary:
        soundfile.write(str(temporary), speech.wave.clip(-1.0, 1.0), speech.sample_rate, subtype="PCM_16", format="WAV")


def read_references(files: Sequence[Path]) -> list[Wave]:
    """Recordings of the voice, (samples,) each at 22 050 Hz. Raises UserError for one that cannot be read."""
    from xtts_finetune.data.sound.audio import AudioError, read_audio  # noqa: PLC0415  heavy

    waves = []
    for file in files:
        try:
            waves.append(read_audio(file))
        except AudioError as error:
            raise UserError(f"utterances: reference: {file}: {error}") from None
    return waves


def load_speaker(
    base: BaseFiles, checkpoint: Path | None, references: Sequence[Path], vocoder: Vocoder, device: str
) -> Speaker:
    """A candidate's model, or the base's own without `checkpoint`, with the voice of the references.

    Raises UserError for a reference that cannot be read, or a model that does not fit the base.
    """
    from xtts_finetune.xtts.model import load_model  # noqa: PLC0415  heavy
    from xtts_finetune.xtts.speech.generation import without_hints  # noqa: PLC0415  heavy
    from xtts_finetune.xtts.speech.speech import Speaker  # noqa: PLC0415  heavy

    waves = read_references(references)
    with without_hints():
        model = load_model(base, checkpoint, device)
    return Speaker.with_references(base, model, vocoder, waves)


def _sample_rate(plan: UtterancePlan, folder: CandidateFolder) -> int:
    """Of all utterances: they come out of one vocoder, whenever they were spoken."""
    import soundfile  # noqa: PLC0415  heavy

    return int(soundfile.info(str(folder.utterances / plan.utterances[0].file)).samplerate)


def _utterance_record(wanted: WantedUtterance, speech: Speech, fingerprint: str) -> dict[str, Any]:
    return {
        **asdict(wanted),
        "fingerprint": fingerprint,
        "seconds": round(speech.seconds, 3),
        "codes": speech.codes,
        "pieces": list(speech.pieces),
        "cut": speech.reached_limit,
    }


def _record(plan: UtterancePlan, sample_rate: int, device: str, utterances: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "candidate": plan.candidate,
        "fingerprint": plan.fingerprint,
        "model_sha": plan.model_sha,
        "vocoder": plan.vocoder,
        "sample_rate": sample_rate,
        "speaker": plan.speaker,
        "reference": [str(file) for file in plan.references],
        "settings": plan.settings,
        "device": device,
        "versions": package_versions(),
        "utterances": utterances,
    }


def package_versions() -> dict[str, str | None]:
    """The versions of what speech depends on; None for a package that is not there."""
    return {package: installed_version(package) for package in PACKAGES}
