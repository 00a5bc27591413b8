"""Whether XTTS can read what is declared: the languages of the clips, and every sentence that is to be spoken."""

from __future__ import annotations

from collections.abc import Iterator

from xtts_finetune.errors import UserError
from xtts_finetune.pipeline.plan.checks.check import Check, error, found_and_cure, ok, warning
from xtts_finetune.spec.declaration import Declaration
from xtts_finetune.spec.languages import LANGUAGES
from xtts_finetune.xtts.base import find_base
from xtts_finetune.xtts.text.cleaning import (
    cleaning_problem,
    foreseen_problem,
    language_fault,
    package_problem,
    unread_digits,
)
from xtts_finetune.xtts.text.speakable import foreseen_unspeakable

NAME = "languages"


def language_checks(declaration: Declaration, deep: bool = False) -> list[Check]:
    """One check for each language whose texts cannot be read, one for each sentence; one in all where all is well.

    `deep` asks Coqui's cleaner itself, which imports torch; else the same is found without.
    """
    fault_of = language_fault if deep else package_problem
    faults = {language: fault_of(language) for language in declared_languages(declaration)}
    checks = [
        error(NAME, fault, f"until then no text in {LANGUAGES[language]} can be trained on or spoken")
        for language, fault in faults.items()
        if fault is not None
    ]
    readable = {language for language, fault in faults.items() if fault is None}
    checks += _sentence_checks(declaration, readable, deep)
    if not checks:
        names = ", ".join(LANGUAGES[language] for language in faults)
        count = len(declaration.utterances.sentences)
        return [ok(NAME, f"XTTS can read {names} here, and all {count} sentences")]
    return checks


def declared_languages(declaration: Declaration) -> list[str]:
    """Every language that the declaration names, the pipeline's first."""
    pipeline = declaration.pipeline
    more = [dataset.language for dataset in pipeline.datasets]
    more += [sentence.language for sentence in declaration.utterances.sentences]
    return list(dict.fromkeys([pipeline.language, *(language for language in more if language)]))


def _sentence_checks(declaration: Declaration, readable: set[str], deep: bool) -> Iterator[Check]:
    problem_of = cleaning_problem if deep else foreseen_problem
    where = declaration.pipeline.utterances.name
    for sentence in declaration.utterances.sentences:
        language = sentence.language or declaration.pipeline.language
        if language not in readable:
            continue
        name = f"sentence {sentence.id}"
        if (problem := problem_of(sentence.text, language)) is not None:
            yield error(name, problem, f"the sentence is in {where}")
        elif (unknown := _unknown_to_base(declaration, sentence.text, language)) is not None:
            found, cure = found_and_cure(unknown)
            yield warning(
                name,
                f"in {LANGUAGES[language]} the base knows {found}",
                f"{cure}; the sentence is in {where}",
            )
        elif (word := unread_digits(sentence.text, language)) is not None:
            found = f'the digits of "{word}" are not turned into words, and XTTS may leave them out'
            yield warning(name, found, f"write them out in words in {where}")


def _unknown_to_base(declaration: Declaration, text: str, language: str) -> str | None:
    """What of a sentence the base does not know, where that is all of it; of a base that is not there, nothing."""
    try:
        return foreseen_unspeakable(text, language, find_base(declaration.pipeline.base).vocab)
    except UserError:  # the base's own check says what it is
        return None
