"""Who reads what candidates say, as it is declared, and which model that is here. Nothing is loaded."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from xtts_finetune.data.hearing.models import (
    WEIGHTS,
    RecogniserModel,
    find_model,
    how_to_install,
    installed_models,
    is_fetched_first,
    recogniser_installed,
)
from xtts_finetune.errors import UserError
from xtts_finetune.spec.declaration import Declaration
from xtts_finetune.spec.utterances import RecogniserName, RecogniserSpec


@dataclass(frozen=True)
class Ears:
    """Who reads the samples, as it is declared.

    declared   `recogniser` of utterances.yaml
    model      `recogniser` of pipeline.yaml: Whisper's model, for clips and samples alike
    """

    declared: RecogniserName | RecogniserSpec | None = None
    model: str | None = None

    @classmethod
    def of(cls, declaration: Declaration) -> Ears:
        """What a declaration says of it."""
        return cls(declaration.utterances.recogniser, declaration.pipeline.recogniser)


def whisper_model(language: str, ears: Ears) -> RecogniserModel:
    """The model that reads samples; never fetched. Raises UserError, with the cure, where there is none."""
    if not recogniser_installed():
        raise UserError(f"no recogniser is installed; {how_to_install()}")
    if ears.model is not None and is_fetched_first(ears.model):
        there = ", ".join(model.name for model in installed_models()) or "none"
        raise UserError(
            f"the recogniser '{ears.model}' of pipeline.yaml is not on this machine; prepare fetches it, unless "
            f"check_texts is off; installed: {there}"
        )
    if ears.model is None and not any(_reads(model, language) for model in installed_models()):
        raise UserError(
            f"no recogniser on this machine reads '{language}'; name one in pipeline.yaml, which prepare fetches once: "
            "recogniser: small (480 MB)"
        )
    model = find_model(ears.model, language)
    if not _reads(model, language):
        raise UserError(f"the recogniser '{model.name}' reads English alone, not '{language}'")
    return model


def identity(languages: Iterable[str], ears: Ears) -> Any:
    """What tells who reads these languages from every other: for fingerprints of what was read. None for PocketSphinx.

    A model that is installed later reads everything anew, so that all candidates are read by the same one.
    """
    if isinstance(ears.declared, RecogniserSpec):
        return list(ears.declared.command)
    if ears.declared == "pocketsphinx":
        return None
    models = {}
    for language in sorted(set(languages)):
        try:
            model = whisper_model(language, ears)
        except UserError:
            continue
        models[language] = [model.name, (model.folder / WEIGHTS).stat().st_size]
    return models or None


def _reads(model: RecogniserModel, language: str) -> bool:
    return language.split("-")[0] == "en" or not model.english_alone
