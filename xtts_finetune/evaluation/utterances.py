"""Every candidate says the same sentences, in the same voice, with the same seeds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xtts_finetune.errors import UserError
from xtts_finetune.evaluation.utterance_state import (
    UtterancePlan,
    WantedUtterance,
    is_current,
    plan_utterances,
    read_record,
)
from xtts_finetune.records.atomic import atomic_path, write_json_atomic
from xtts_finetune.records.run_folder import CandidateFolder, RunFolder
from xtts_finetune.spec.declaration import Declaration

if TYPE_CHECKING:
    from xtts_finetune.xtts.mel_inversion import Wave
    from xtts_finetune.xtts.speech import Speaker, Speech

Report = Callable[[int, int, str], None]
"""done, of how many, what is being spoken"""

PACKAGES = ("coqui-tts", "torch", "transformers", "librosa")


def speak_candidate(
    declaration: Declaration, run: RunFolder, candidate: str, device: str, progress: Report
) -> Path:
    """Speak all utterances of `candidate` into its folder; the path of utterances.json.

    Does nothing when they are up to date. The record is removed first and written last: where it is, all
    its files are whole.

    Raises UserError if the candidate has no model, the voice no reference, or the base no HiFi-GAN for the
    vocoder 'hifigan'.
    """
    plan = plan_utterances(declaration, run, candidate)
    folder = run.candidate(candidate)
    total = len(plan.utterances)
    if is_current(plan, run):
        progress(total, total, "up to date")
        return folder.utterances_json
    remove_utterances(folder)
    progress(0, total, f"loading {candidate}")
    speaker = _speaker(plan, declaration, device)
    records = []
    for done, wanted in enumerate(plan.utterances):
        progress(done, total, f"{wanted.id}, seed {wanted.seed}")
        speech = speaker.speak(wanted.text, wanted.language, declaration.utterances.inference, wanted.seed)
        write_wav(folder.utterances / wanted.file, speech)
        records.append(_utterance_record(wanted, speech))
    write_json_atomic(folder.utterances_json, _record(plan, speaker.sample_rate, device, records))
    progress(total, total, "spoken")
    return folder.utterances_json


def remove_utterances(folder: CandidateFolder) -> None:
    """Take away an outdated record, and then the files that it names."""
    old = read_record(folder.utterances_json).get("utterances", [])
    folder.utterances_json.unlink(missing_ok=True)
    for utterance in old:
        # Only the name counts: a record that was tampered with must not reach out of the folder.
        (folder.utterances / Path(utterance["file"]).name).unlink(missing_ok=True)


def write_wav(path: Path, speech: Speech) -> None:
    """Write 16-bit PCM, whole or not at all."""
    import soundfile  # noqa: PLC0415  heavy

    with atomic_path(path) as temporary:
        soundfile.write(
            str(temporary), speech.wave.clip(-1.0, 1.0), speech.sample_rate, subtype="PCM_16", format="WAV"
        )


def read_references(files: Sequence[Path]) -> list[Wave]:
    """Recordings of the voice, (samples,) each at 22 050 Hz. Raises UserError for one that cannot be read."""
    from xtts_finetune.data.audio import AudioError, read_audio  # noqa: PLC0415  heavy

    waves = []
    for file in files:
        try:
            waves.append(read_audio(file))
        except AudioError as error:
            raise UserError(f"utterances: reference: {file}: {error}") from None
    return waves


def _speaker(plan: UtterancePlan, declaration: Declaration, device: str) -> Speaker:
    """The candidate's model with the voice of the references."""
    from xtts_finetune.xtts.model import load_model  # noqa: PLC0415  heavy
    from xtts_finetune.xtts.speech import Speaker  # noqa: PLC0415  heavy

    waves = read_references(plan.references)
    model = load_model(plan.base, plan.checkpoint, device)
    return Speaker(plan.base, model, declaration.pipeline.vocoder, waves)


def _utterance_record(wanted: WantedUtterance, speech: Speech) -> dict[str, Any]:
    return {
        **asdict(wanted),
        "seconds": round(speech.seconds, 3),
        "codes": speech.codes,
        "pieces": list(speech.pieces),
        "cut": speech.reached_limit,
    }


def _record(
    plan: UtterancePlan, sample_rate: int, device: str, utterances: list[dict[str, Any]]
) -> dict[str, Any]:
    return {
        "candidate": plan.candidate,
        "fingerprint": plan.fingerprint,
        "model_sha": plan.model_sha,
        "vocoder": plan.vocoder,
        "sample_rate": sample_rate,
        "reference": [str(file) for file in plan.references],
        "settings": plan.settings,
        "device": device,
        "versions": {package: _version(package) for package in PACKAGES},
        "utterances": utterances,
    }


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
