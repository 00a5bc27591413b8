"""The verbs as typer parses them, its errors in plain words; the text of `say` may begin with a minus."""

from __future__ import annotations

from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from xtts_finetune.errors import UserError

# How the library that checks values says it, and how we do.
_LIBRARYS = (("Value error, ", ""), ("Input should be", "it must be"))


class Verb(TyperCommand):
    """A command whose errors are said in words of their own."""

    def get_help(self, ctx: Any) -> str:
        """Ours, imported only when somebody asks."""
        return _help(self, ctx)

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """As typer does it."""
        try:
            return super().parse_args(ctx, args)
        except typer.BadParameter as error:
            for theirs, ours in _LIBRARYS:
                error.message = error.message.replace(theirs, ours, 1)
            raise


class Verbs(TyperGroup):
    """The command with all its verbs."""

    def get_help(self, ctx: Any) -> str:
        """Ours as well."""
        return _help(self, ctx)


def _help(command: Any, ctx: Any) -> str:
    from xtts_finetune.cli.help import help_text  # noqa: PLC0415

    return help_text(command, ctx)


class Say(Verb):
    """`say`: what cannot be an option is text, even if it begins with a minus: '-5 degrees', '- Good morning'."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Options first, then '--' and the text. Raises UserError for one of its options after '--'."""
        with_value = {name for each in self.params if not getattr(each, "is_flag", False) for name in each.opts}
        known = {name for each in self.get_params(ctx) for name in each.opts if name.startswith("-")}
        options: list[str] = []
        text: list[str] = []
        rest = list(args)
        while rest:
            word = rest.pop(0)
            if word == "--":
                _refuse_options(rest, known)
                text += rest
                break
            if _is_text(word, known):
                text.append(word)
                continue
            options.append(word)
            if word in with_value and word in known and rest:
                options.append(rest.pop(0))
        return super().parse_args(ctx, [*options, "--", *text] if text else options)


def _is_text(word: str, known: set[str]) -> bool:
    """Whether it cannot be an option, right or misspelt: those begin with a letter and have no blank in their name."""
    if not word.startswith("-") or word == "-":
        return True
    if word[:2] in known:  # a short one with its value: -osaid.wav
        return False
    name = word.partition("=")[0]
    return not name.lstrip("-")[:1].isalpha() or len(name.split()) > 1


def _refuse_options(words: list[str], known: set[str]) -> None:
    wrong = next((word for word in words if word.partition("=")[0] in known), None)
    if wrong is not None:
        raise UserError(
            f"'{wrong}' stands after '--', where everything is text to be spoken; put the options before it, as in: "
            'xtts-finetune say -o said.wav -- "-5 degrees"'
        )
