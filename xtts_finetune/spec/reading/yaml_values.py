"""From YAML's nodes to plain values: numbers as people write them, no tags, no bombs."""

from __future__ import annotations

import re
from typing import Any

import yaml

from xtts_finetune.spec.reading.document import Document, Keys, Place

MOST_VALUES = 20_000
DEEPEST = 40
_TAG = "tag:yaml.org,2002:"
_TRUE = {"true", "yes", "on"}


class DeclarationLoader(yaml.SafeLoader):
    """PyYAML's SafeLoader with numbers as YAML 1.2 has them.

    YAML 1.1 reads 5e-6 as text, 010 as eight and 1:30 as ninety. Dates stay text. yes/no/on/off stay
    booleans, as other YAML 1.1 tools read them: `language: no` is reported and cannot mean two things.
    """

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 - PyYAML's own name


def _resolve(name: str, pattern: str, first: str) -> None:
    DeclarationLoader.add_implicit_resolver(_TAG + name, re.compile(pattern), list(first))


_resolve(
    "bool", r"^(?:yes|Yes|YES|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|OFF)$", "yYnNtTfFoO"
)
_resolve("int", r"^[-+]?[0-9][0-9_]*$", "-+0123456789")
_resolve("float", r"^[-+]?(?:[0-9][0-9_]*\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?$", "-+.0123456789")
_resolve("float", r"^(?:[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$", "-+.")
_resolve("null", r"^(?:~|null|Null|NULL)$", "~nN")
DeclarationLoader.yaml_implicit_resolvers.setdefault("", []).append((_TAG + "null", re.compile("^$")))
_resolve("merge", r"^<<$", "<")


class TooMuch(Exception):
    """The data repeats itself, or is larger than any declaration."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line


class Converter:
    """Turns composed nodes into dicts, lists and single values; notes in the document where each stands."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._count = 0
        self._open: set[int] = set()

    def convert(self, node: yaml.Node, keys: Keys = (), line: int | None = None) -> Any:
        """The plain value of `node`, which stands at `keys`; `line` is that of its key where it has one.

        Raises TooMuch for anchors that contain themselves and for more values than a declaration can have.
        """
        line = line or node.start_mark.line + 1
        self._count += 1
        if self._count > MOST_VALUES or len(keys) > DEEPEST:
            raise TooMuch(line, "the file has too many or too deeply nested values for a declaration")
        if id(node) in self._open:
            raise TooMuch(line, "an anchor contains itself")
        if isinstance(node, yaml.ScalarNode):
            self._note(keys, line, node.value, quoted=node.style in ("'", '"'))
            return self._single(node, keys)
        self._note(keys, line)
        self._open.add(id(node))
        try:
            if isinstance(node, yaml.MappingNode):
                return self._mapping(node, keys)
            return [self.convert(entry, (*keys, index)) for index, entry in enumerate(node.value)]
        finally:
            self._open.discard(id(node))

    def _note(self, keys: Keys, line: int, text: str = "", quoted: bool = False) -> None:
        self._document.places[keys] = Place(f"{self._document.name}:{line}", line, text, quoted)

    def _mapping(self, node: yaml.MappingNode, keys: Keys) -> dict[str, Any]:
        values = self._merged(node, keys)
        lines: dict[str, int] = {}
        for key_node, value_node in node.value:
            if key_node.tag == _TAG + "merge":
                continue
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, yaml.ScalarNode) or not key_node.value.isprintable():
                self._complain(line, "a key must be plain text")
            elif key_node.value in lines:
                key = key_node.value
                self._complain(line, f"the key '{key}' stands twice; the first is in line {lines[key]}")
            else:
                key = key_node.value
                lines[key] = line
                values[key] = self.convert(value_node, (*keys, key), line)
        return values

    def _merged(self, node: yaml.MappingNode, keys: Keys) -> dict[str, Any]:
        """What `<<: *anchor` brings in; the mapping's own keys are put over it afterwards."""
        values: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if key_node.tag != _TAG + "merge":
                continue
            line = key_node.start_mark.line + 1
            parts = value_node.value if isinstance(value_node, yaml.SequenceNode) else [value_node]
            for part in reversed(parts):
                if isinstance(part, yaml.MappingNode):
                    values.update(self.convert(part, keys, line))
                else:
                    self._complain(line, "'<<' takes a mapping, such as *anchor")
        return values

    def _single(self, node: yaml.ScalarNode, keys: Keys) -> Any:
        text, kind = node.value, node.tag.removeprefix(_TAG)
        if kind == "null":
            return None
        if kind == "bool":
            return text.lower() in _TRUE
        if kind in ("int", "float"):
            return self._number(text, kind, keys)
        problem = ""
        if kind not in ("str", "merge"):
            problem = f"the tag '{node.tag[:60]}' has no meaning here; remove it, or quote the text"
        elif any(_is_unfit(character) for character in text):
            problem = "the text contains a control character; remove it"
        if problem:
            self._document.complain(keys, problem)
            return None
        return text

    def _number(self, text: str, kind: str, keys: Keys) -> int | float | None:
        digits = text.replace("_", "").lower()
        if kind == "int" and len(digits) > 18:
            self._document.complain(keys, f"the number {text[:12]}... is too large")
            return None
        try:
            return (
                int(digits) if kind == "int" else float(digits.replace(".inf", "inf").replace(".nan", "nan"))
            )
        except ValueError:  # only an explicit tag comes here: !!int abc
            self._document.complain(keys, f"'{text[:40]}' is no number")
            return None

    def _complain(self, line: int, message: str) -> None:
        self._document.complain_at(line, f"{self._document.name}:{line}", message)


def _is_unfit(character: str) -> bool:
    """Control characters and lone halves of surrogate pairs: no name, path or sentence has them."""
    if character < " ":
        return character not in "\n\t"
    return "\x7f" <= character <= "\x9f" or "\ud800" <= character <= "\udfff"
