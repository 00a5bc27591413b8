"""Settings of inference from the command line, under the limits and in the words of the declaration."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from xtts_finetune.errors import DeclarationError, Problem
from xtts_finetune.spec.reading.document import Document
from xtts_finetune.spec.reading.overrides import parse_overrides
from xtts_finetune.spec.reading.problems import check
from xtts_finetune.spec.utterances import InferenceSpec


def settings_with(judged: Mapping[str, Any], options: Mapping[str, str]) -> InferenceSpec:
    """The settings that a model was judged with, and over them those that were asked for, as they were typed.

    Raises DeclarationError with everything that is wrong with `options`.
    """
    document, problems = Document("inference", Path(), dict(judged)), []
    for key, written in options.items():
        option = f"--{key.replace('_', '-')} {written[:40]}"
        values, wrong = parse_overrides([f"{key}={written}"])
        problems += [Problem(option, problem.message) for problem in wrong]
        for value in values:
            assert document.data is not None
            document.data[key] = value.value
            for keys, place in value.written.items():
                document.places[(key, *keys)] = type(place)(option, 0, place.text, place.quoted)
    spec = check(InferenceSpec, document)
    problems += document.problems()
    if problems or spec is None:
        raise DeclarationError(problems)
    return spec
