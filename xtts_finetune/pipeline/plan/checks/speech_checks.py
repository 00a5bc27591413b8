"""What is to be read and spoken: texts and languages that XTTS can read, a voice that can be heard, a recogniser."""

from __future__ import annotations

import os
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path

from xtts_finetune.data.hearing.ears import Ears, whisper_model
from xtts_finetune.errors import UserError
from xtts_finetune.evaluation.candidates import made_candidates
from xtts_finetune.evaluation.usable_references import reference_problems
from xtts_finetune.evaluation.whose_voice import reference_files, whose_voice
from xtts_finetune.pipeline.plan.checks.check import Check, error, found_and_cure, ok, warning
from xtts_finetune.pipeline.plan.stages import Plan
from xtts_finetune.records.run_folder import RunFolder
from xtts_finetune.spec.declaration import Declaration
from xtts_finetune.spec.languages import LANGUAGES
from xtts_finetune.xtts.base import find_base
from xtts_finetune.xtts.cleaning import (
    cleaning_problem,
    foreseen_problem,
    language_fault,
    package_problem,
    unread_digits,
)
from xtts_finetune.xtts.speakable import foreseen_unspeakable

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


VOICE, RECOGNISER = "voice", "recogniser"


def voice_checks(declaration: Declaration, plan: Plan) -> list[Check]:
    """What would fail only after hours of training: a silent reference, an unknown speaker, a program that is missing.

    Nothing is said of a voice that comes from clips which are not prepared yet. Without torch.
    """
    return [*_voice(declaration, plan), *_own_voices(declaration), *_recogniser(declaration)]


def _voice(declaration: Declaration, plan: Plan) -> list[Check]:
    reference, file = declaration.utterances.reference, declaration.pipeline.utterances.name
    run = RunFolder(declaration.run_folder)
    if plan.stage("data").due and not reference.files:
        return []
    try:
        files = reference_files(declaration, run)
        problems = reference_problems(files, find_base(declaration.pipeline.base))
        if problems:
            place = f"it is under 'reference:' in {file}" if reference.files else "prepare the clips again"
            return [error(VOICE, problem, place) for problem in problems]
        if plan.stage("data").due:
            return [ok(VOICE, f"the recordings are there: {', '.join(each.name for each in files)}")]
        found = whose_voice(declaration, run).words
    except UserError as fault:
        return [error(VOICE, str(fault), f"correct 'reference:' in {file}")]
    return [ok(VOICE, found)]


def _own_voices(declaration: Declaration) -> list[Check]:
    """Recordings that single candidates take the voice from."""
    found = []
    for made in made_candidates(declaration).values():
        problems = reference_problems(made.reference, find_base(declaration.pipeline.base)) if made.reference else []
        cure = f"correct 'reference:' of {made.name} in {declaration.pipeline.decision.name}"
        found += [error(VOICE, problem, cure) for problem in problems]
    return found


def _recogniser(declaration: Declaration) -> list[Check]:
    """Check that what is declared can be had; what it hears is not tried."""
    spec = declaration.utterances.recogniser
    if spec is None or spec == "pocketsphinx":
        return []
    if spec == "whisper":
        try:
            model = whisper_model(declaration.pipeline.language, Ears.of(declaration))
        except UserError as fault:
            return [error(RECOGNISER, *found_and_cure(str(fault)))]
        return [ok(RECOGNISER, f"whisper with the model {model.name}")]
    program = spec.command[0]
    found = shutil.which(program)
    if found is not None:
        return [ok(RECOGNISER, found)]
    correct = f"correct 'recogniser.command' in {declaration.pipeline.utterances.name}"
    there = shutil.which(program, mode=os.F_OK)
    if there is not None:
        return [
            error(
                RECOGNISER,
                f"{Path(there).absolute()} is there, but it is not executable",
                f"make it executable: chmod +x {shlex.quote(there)}",
            )
        ]
    return [error(RECOGNISER, f"there is no program '{program}' {_looked_for(program)}", f"install it, or {correct}")]


def _looked_for(program: str) -> str:
    """Where a program is looked for: the system knows nothing of the declaration's folder."""
    if Path(program).is_absolute():
        return "that can be started"
    if Path(program).name == program:
        return "in the folders of PATH"
    return f"in {Path.cwd()}; a relative path counts from the folder that you start the command in"
