"""Reading YAML: text to plain data with the line of every value; each fault in words, with its line."""

from __future__ import annotations

from pathlib import Path

import yaml

from xtts_finetune.spec.reading.document import Document
from xtts_finetune.spec.reading.yaml_values import Converter, DeclarationLoader, TooMuch

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
        message = f"has more than {LARGEST_FILE:,} bytes; that is no declaration. Is it the right file?"
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
        _complain_at(
            document, line, f"the character U+{ord(text[error.position]):04X} is not allowed in YAML"
        )
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        _complain_at(document, mark.line + 1 if mark else 1, _in_words(error))
    except RecursionError:
        _complain_at(document, 1, "brackets or indentation are nested too deeply for a declaration")
    except (yaml.YAMLError, ValueError, ArithmeticError, LookupError, AttributeError, TypeError):
        # PyYAML lets errors of Python through on rare input, such as an escape beyond Unicode.
        _complain_at(document, 1, "this is not valid YAML")
    else:
        if isinstance(value, dict):
            document.data = value
        else:
            kind = "a list" if isinstance(value, list) else "a single value"
            _complain_at(
                document, node.start_mark.line + 1, f"expected a mapping of keys to values but got {kind}"
            )


def _complain_at(document: Document, line: int, message: str) -> None:
    document.complain_at(line, f"{document.name}:{line}", message)


def _in_words(error: yaml.MarkedYAMLError) -> str:
    problem = error.problem or "something is wrong here"
    if "'\\t'" in problem:
        return "not valid YAML: a tab stands where YAML wants spaces; indent with spaces"
    if "but found another document" in problem or "expected a single document" in (error.context or ""):
        return "the file holds more than one document; remove the line '---' and what follows it"
    known = {
        "mapping values are not allowed here": "a ':' too many; quote text with ': ', check the indentation",
        "could not find expected ':'": "a key without ':', or text that goes on without indentation",
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
