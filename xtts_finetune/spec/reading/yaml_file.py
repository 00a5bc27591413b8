"""YAML to plain data with the line of every value: numbers as people write them, no tags, no bombs, faults in words."""

from __future__ import annotations

import re
from pathlib import Path
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


_resolve("bool", r"^(?:yes|Yes|YES|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|OFF)$", "yYnNtTfFoO")
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
            raise TooMuch(line, "the file has too many or too deeply nested values for a config file")
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
                self._complain(line, f"the key '{key}' is there twice; the first is in line {lines[key]}")
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
            return int(digits) if kind == "int" else float(digits.replace(".inf", "inf").replace(".nan", "nan"))
        except ValueError:  # only an explicit tag comes here: !!int abc
            self._document.complain(keys, f"'{text[:40]}' is not a number")
            return None

    def _complain(self, line: int, message: str) -> None:
        self._document.complain_at(line, f"{self._document.name}:{line}", message)


def _is_unfit(character: str) -> bool:
    """Control characters and lone halves of surrogate pairs: no name, path or sentence has them."""
    if character < " ":
        return character not in "\n\t"
    return "\x7f" <= character <= "\x9f" or "\ud800" <= character <= "\udfff"


LARGEST_FILE = 1_000_000  # bytes; a declaration is a few kilobytes


def read_document(file: Path, name: str) -> Document:
    """The file as a document. If it cannot be read, `data` is None and the document holds the problem."""
    document = Document(name, file)
    text = _read_text(document)
    if text is not None:
        parse_into(document, text)
    return document


def _read_text(document: Document) -> str | None:
    try:
        if document.file.is_dir():
            document.complain_at(0, document.name, "expected a file but this is a folder")
            return None
        if not document.file.is_file():
            document.complain_at(0, document.name, "there is no such file")
            return None
        with document.file.open("rb") as stream:
            content = stream.read(LARGEST_FILE + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        document.complain_at(0, document.name, f"cannot be read: {reason}")
        return None
    if len(content) > LARGEST_FILE:
        message = f"has more than {LARGEST_FILE:,} bytes; that is not a config file. Is it the right file?"
        document.complain_at(0, document.name, message)
        return None
    return _decode(document, content)


def _decode(document: Document, content: bytes) -> str | None:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\x00" in content[:4]:
        document.complain_at(1, f"{document.name}:1", "the file is in UTF-16 (or not text); save it as UTF-8")
        return None
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        message = f"the byte 0x{content[error.start]:02x} is not UTF-8; save the file as UTF-8"
        document.complain_at(line, f"{document.name}:{line}", message)
        return None


def parse_into(document: Document, text: str) -> None:
    """Fill `document` from YAML text; a fault of the text becomes a problem and leaves `data` None."""
    converter = Converter(document)
    try:
        loader = DeclarationLoader(text)
        node = loader.get_single_node()
        if node is None:
            message = "the file is empty; it needs a mapping of keys to values"
            document.complain_at(1, f"{document.name}:1", message)
            return
        value = converter.convert(node)
    except TooMuch as error:
        _complain_at(document, error.line, str(error))
    except yaml.reader.ReaderError as error:
        line = text[: error.position].count("\n") + 1
        _complain_at(document, line, f"the character U+{ord(text[error.position]):04X} is not allowed in YAML")
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        _complain_at(document, mark.line + 1 if mark else 1, _in_words(error))
    except RecursionError:
        _complain_at(document, 1, "brackets or indentation are nested too deeply for a config file")
    except (yaml.YAMLError, ValueError, ArithmeticError, LookupError, AttributeError, TypeError):
        # PyYAML lets errors of Python through on rare input, such as an escape beyond Unicode.
        _complain_at(document, 1, "this is not valid YAML")
    else:
        if isinstance(value, dict):
            document.data = value
        else:
            kind = "a list" if isinstance(value, list) else "a single value"
            _complain_at(document, node.start_mark.line + 1, f"expected a mapping of keys to values but got {kind}")


def _complain_at(document: Document, line: int, message: str) -> None:
    document.complain_at(line, f"{document.name}:{line}", message)


def _in_words(error: yaml.MarkedYAMLError) -> str:
    problem = error.problem or "something is wrong here"
    if "'\\t'" in problem:
        return "not valid YAML: there is a tab where YAML wants spaces; indent with spaces"
    if "but found another document" in problem or "expected a single document" in (error.context or ""):
        return "the file holds more than one document; remove the line '---' and what follows it"
    known = {
        "mapping values are not allowed here": "one ':' too many; quote text with ': ', check the indentation",
        "could not find expected ':'": "a key without ':', or text that continues without indentation",
        "did not find expected key": "a key was expected; check the indentation here and above",
        "expected <block end>": "the indentation does not match the lines above",
        "expected ',' or": "a list or mapping in brackets is not closed, or a ',' is missing",
        "found unexpected end of stream": "a quotation mark or bracket is not closed",
        "found undefined alias": "there is no '&anchor' for this '*'; quote text that starts with '*'",
        "cannot start any token": "a character that cannot start a value; put the text in quotes",
    }
    for phrase, words in known.items():
        if phrase in problem:
            return f"not valid YAML: {words}"
    return f"not valid YAML: {problem}"
