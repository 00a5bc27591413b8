"""Whether the texts of the clips will be compared with their sound, and by which recogniser."""

from __future__ import annotations

from xtts_finetune.data.hearing.models import is_fetched_first
from xtts_finetune.data.text.checks import recogniser_for
from xtts_finetune.errors import UserError
from xtts_finetune.pipeline.plan.checks.check import Check, error, found_and_cure, ok, warning
from xtts_finetune.spec.declaration import Declaration

NAME = "texts"


def text_check(declaration: Declaration) -> Check:
    """What `prepare` will do; an error where pipeline.yaml asks for a recogniser that is not there."""
    spec = declaration.pipeline
    if spec.check_texts == "off":
        return ok(NAME, "not compared with their sound: check_texts is off")
    if spec.recogniser is not None and is_fetched_first(spec.recogniser):
        return ok(NAME, f"compared with their sound by the recogniser {spec.recogniser}, which is fetched first")
    languages = dict.fromkeys([spec.language, *(each.language for each in spec.datasets if each.language)])
    try:
        models = dict.fromkeys(recogniser_for(spec, language).name for language in languages)
    except UserError as fault:
        found, cure = found_and_cure(str(fault))
        report = error if spec.check_texts == "on" else warning
        return report(NAME, f"not compared with their sound: {found}", cure)
    return ok(NAME, f"compared with their sound by the recogniser {' and '.join(models)}")
