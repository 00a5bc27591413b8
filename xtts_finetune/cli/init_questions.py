"""The questions of `xtts-finetune init`, each answered by a flag, by somebody at the keyboard, or by what is usual."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from xtts_finetune.cli.terminal import agrees, ask, tell
from xtts_finetune.data.first_look import FirstLook, first_look
from xtts_finetune.errors import UserError
from xtts_finetune.look.commands import command, quoted
from xtts_finetune.machine.cards import find_gpu
from xtts_finetune.numbers.usual import little_data
from xtts_finetune.pipeline.plan.checks.memory import computer_memory
from xtts_finetune.records.clips import skipped_lines
from xtts_finetune.records.stretches import read_stretches
from xtts_finetune.setup.data_sets import FoundSet, find_data
from xtts_finetune.setup.found_data import Answers, FoundBase, look_at_base
from xtts_finetune.setup.numbers import FEWEST_CLIPS
from xtts_finetune.setup.set_languages import each_its_own, language_notes, languages_of, main_language
from xtts_finetune.spec.languages import LANGUAGES, as_xtts_names_it, language_problem
from xtts_finetune.spec.made_names import slug
from xtts_finetune.spec.model import NAME_PATTERN
from xtts_finetune.xtts.cleaning import package_problem
from xtts_finetune.xtts.foreseen_tokenizer import ForeseenTokenizer

GB = 1_000_000_000
Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Asked:
    """What was given on the command line; None is asked about."""

    data: tuple[Path, ...]
    language: str | None
    base: str | None
    gpu_memory: float | None
    name: str | None


class Questions:
    """Asks in a terminal; with --yes, or with nobody there, what is found and usual counts."""

    def __init__(self, yes: bool) -> None:
        self.asks = not yes and sys.stdin.isatty()

    def answers(self, folder: Path, asked: Asked) -> Answers:
        """All answers. Raises UserError for one that cannot be, or that nothing tells and nobody can be asked."""
        data = self._data(asked.data)
        for found in data:
            tell(f"found {found}")
            for file in found.not_taken:
                tell(f"  not taken: {file}")
            if waiting := sum(one.state == "doubtful" for one in read_stretches(found.spec.path)):
                clips = f"{waiting} doubtful clip{'s' if waiting != 1 else ''}"
                tell(f"  not taken: {clips}, until you have checked them:")
                tell(f"  {command(quoted(['review', str(found.spec.path)]))}")
        language, why = self._language(asked.language, data)
        data = each_its_own(data, language, said=asked.language is not None or language != main_language(data))
        for found in data:
            if found.spec.language:
                tell(f"language of {found.spec.name}: {found.spec.language}, {LANGUAGES[found.spec.language]}")
        for note in language_notes(data, language):
            tell(f"warning: {note}")
        languages = languages_of(data, language)
        for problem in filter(None, map(package_problem, languages)):
            tell(f"warning: {problem}")
        base = self._base(asked.base)
        for spoken in languages:
            if not ForeseenTokenizer(base.vocab).speaks(spoken):
                raise UserError(
                    f"language: the base {base.declared} cannot read {LANGUAGES[spoken]} ('{spoken}'): name another "
                    "base with --base, or the texts' own language with --language"
                )
        look = first_look([found.spec for found in data], language, base.vocab)
        _say_what_is_kept(look)
        memory, on_gpu = self.memory(asked.gpu_memory)
        name = self._name(asked.name, folder, data)
        return Answers(folder, name, data, language, why, base, memory, on_gpu, look)

    def may_replace(self, there: Sequence[str]) -> bool:
        """Whether somebody says that files may be written over."""
        if not self.asks:
            return False
        tell(f"already there, with other content: {', '.join(there)}")
        return agrees("Write new ones? The old ones are kept as NAME.old")

    def _data(self, given: Sequence[Path]) -> list[FoundSet]:
        if given or not self.asks:
            if not given:
                raise UserError("say where the recordings are: --data FOLDER")
            return find_data([path.expanduser() for path in given])
        return self._ask(
            "Folder with your recordings and their texts",
            None,
            lambda text: find_data([Path(text).expanduser()]),
        )

    def _language(self, given: str | None, data: Sequence[FoundSet]) -> tuple[str, str]:
        if given is not None:
            return _known_language(given), "as you said"
        guessed = main_language(data)
        if self.asks:
            return self._ask("Language of the recordings", guessed, _known_language), "as you said"
        if guessed is None:
            raise UserError(f"the texts do not tell their language: say it with --language ({', '.join(LANGUAGES)})")
        tell(f"language: {guessed}, {LANGUAGES[guessed]}, as the texts look")
        return guessed, "as the texts look"

    def _base(self, given: str | None) -> FoundBase:
        if given is not None or not self.asks:
            return look_at_base(given or "xtts_v2")
        return self._ask("Model to start from: xtts_v2, or the folder of another base", "xtts_v2", look_at_base)

    def memory(self, given: float | None) -> tuple[int, bool]:
        """Bytes of the GPU, or of the computer where there is none, and whether it is a GPU's."""
        gpu = find_gpu() if given is None else None
        usual = 0.0 if gpu is None else round(gpu.total / GB, 1)
        if given is None and self.asks:
            given = self._ask("GPU memory in GB (0 if there is no GPU)", f"{usual:g}", _gigabytes)
        size = usual if given is None else given
        return (round(size * GB), True) if size > 0 else (computer_memory().total, False)

    def _name(self, given: str | None, folder: Path, data: Sequence[FoundSet]) -> str:
        usual = slug(folder.name) if folder.name and folder != Path.cwd() else data[0].spec.name
        if given is not None:
            return _good_name(given)
        return self._ask("Name of the voice", usual, _good_name) if self.asks else usual

    def _ask(self, question: str, usual: str | None, take: Callable[[str], Answer]) -> Answer:
        """Ask until the answer can be taken, saying each time why not."""
        while True:
            try:
                return take(ask(question, usual))
            except UserError as error:
                tell(f"  {error}")


def _say_what_is_kept(look: FirstLook) -> None:
    """How much there is to train on, each clip that is left out and why, and what to expect of little data."""
    total = len(look.kept) + len(look.left_out)
    all_of = f"{total} clips" if not look.left_out else f"{len(look.kept)} of {total} clips"
    about = "" if look.all_heard else "about "
    tell(f"{about}{all_of} can be used, {look.minutes:.1f} minutes of speech")
    for line in skipped_lines(look.left_out, "xtts-finetune prepare names each of them in DATA.html"):
        tell(f"  {line}")
    if len(look.kept) >= FEWEST_CLIPS and (warning := little_data(look.minutes)):
        tell(f"warning: {warning}")


def _known_language(text: str) -> str:
    code = as_xtts_names_it(text)
    if problem := language_problem(code):
        raise UserError(f"language: {problem}")
    return code


def _gigabytes(text: str) -> float:
    try:
        size = float(text.lower().removesuffix("gb").replace(",", "."))
    except ValueError:
        size = -1.0
    if not 0 <= size <= 10_000:
        raise UserError(f"expected a number of GB such as 8, or 0, but got '{text}'")
    return size


def _good_name(text: str) -> str:
    if not re.fullmatch(NAME_PATTERN.rstrip("$"), text) or len(text) > 64:
        raise UserError(
            f"name: '{text[:64]}' cannot be one: letters without accents, digits, '-' and '_', at most 64; for "
            f"example {slug(text)}"
        )
    return text
