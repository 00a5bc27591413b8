"""Write docs/reference.md, and the rules in docs/stopping.md, from the models that check a declaration.

`python docs/build_reference.py` does; a test keeps both current, so that no key can be added, renamed or given another
default without them.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, get_args

from xtts_finetune.spec.decision import DecisionSpec
from xtts_finetune.spec.model import NAME_PATTERN, Spec
from xtts_finetune.spec.phase import PhaseSpec
from xtts_finetune.spec.pipeline import PipelineSpec
from xtts_finetune.spec.stop_rules import StopRule
from xtts_finetune.spec.utterances import UtterancesSpec

PAGE = Path(__file__).parent / "reference.md"
STOPPING = Path(__file__).parent / "stopping.md"

FILES: dict[str, type[Spec]] = {
    "pipeline.yaml": PipelineSpec,
    "phases/NAME.yaml": PhaseSpec,
    "eval/utterances.yaml": UtterancesSpec,
    "eval/decision_matrix.yaml": DecisionSpec,
}

HEAD = """<!-- Written by docs/build_reference.py; change the models in xtts_finetune/spec instead. -->
# Every key of the config files

There are four kinds of config files, in YAML. A relative path is relative to the folder of the file that it is written
in, so in `phases/` and `eval/` it usually begins with `../`. A key that is not listed here is an error, and all errors
in all files are reported at once. You can leave out a key that has a default. [config.md](config.md)
shows whole files and says how to use them.
"""

# JSON Schema's bounds as words.
BOUNDS = {
    "exclusiveMinimum": "above {}",
    "minimum": "at least {}",
    "exclusiveMaximum": "below {}",
    "maximum": "at most {}",
    "maxLength": "at most {} characters",
}

# Bounds from here on only catch slips of the keyboard.
UNSAID = 100_000

KINDS = {"integer": "whole number", "number": "number", "boolean": "`true` or `false`", "null": "`null`"}


def page() -> str:
    """The whole page."""
    return HEAD + "".join(_file(name, model.model_json_schema()) for name, model in FILES.items())


def stopping_page() -> str:
    """docs/stopping.md as it is, with a row for each rule: what it does, when to use it, where its keys stand."""
    rows = ["| rule | stops | use it |", "|---|---|---|"]
    for model in get_args(get_args(StopRule)[0]):
        (name,) = get_args(model.model_fields["rule"].annotation)
        does, *more = map(_one_line, model.model_json_schema()["description"].split("\n\n"))
        anchor = _words(model.__name__).lower().replace(" ", "-")
        use = "".join(more[-1:]).removeprefix("Use it ").rstrip(".")
        does = does.removeprefix("Stop ").rstrip(".")
        rows.append(f"| [`{name}`](reference.md#{anchor}) | {does} | {use[:1].lower()}{use[1:]} |")
    text = STOPPING.read_text(encoding="utf-8")
    return re.sub(r"(?s)(<!-- rules: .*? -->\n).*(<!-- end of the rules -->)", rf"\1{chr(10).join(rows)}\n\2", text)


def _file(name: str, schema: dict[str, Any]) -> str:
    """One file's section: its own keys, then those of its parts in the order they are mentioned."""
    definitions = schema.get("$defs", {})
    parts = [_section(f"## `{name}`", schema)]
    for part in _mentioned(schema, definitions):
        parts.append(_section(f"### {_words(part)}", definitions[part]))
    return "".join(parts)


def _mentioned(schema: dict[str, Any], definitions: dict[str, Any]) -> list[str]:
    """Names of all parts that `schema` refers to, directly or through another part."""
    found: list[str] = []
    for name in re.findall(r"'\$ref': '#/\$defs/(\w+)'", str(schema.get("properties", {}))):
        for each in [name, *_mentioned(definitions[name], definitions)]:
            if each not in found:
                found.append(each)
    return found


def _section(heading: str, schema: dict[str, Any]) -> str:
    required = schema.get("required", [])
    lines = [
        "",
        heading,
        "",
        _one_line(schema["description"]),
        "",
        "| key | value | default | |",
        "|---|---|---|---|",
    ]
    for key, value in schema["properties"].items():
        default = "**required**" if key in required else _default(value)
        if default == "none" and "anyOf" in value:  # to leave it out says more than null
            value["anyOf"] = [one for one in value["anyOf"] if one.get("type") != "null"]
        words = value.get("description", "").replace("|", "or").replace("<", "&lt;")
        lines.append(f"| `{key}` | {_value(value)} | {default} | {words} |")
    return "\n".join([*lines, ""])


def _value(schema: dict[str, Any]) -> str:
    """What may stand there, in words."""
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[-1]
        return f"[{_words(name).lower()}](#{_words(name).lower().replace(' ', '-')})"
    for several in ("anyOf", "oneOf"):
        if several in schema:
            return " or ".join(_value(one) for one in schema[several])
    if "const" in schema:
        return f"`{schema['const']}`"
    if "enum" in schema:
        return ", ".join(f"`{one}`" for one in schema["enum"])
    return _plain(schema) + _bounds(schema)


def _plain(schema: dict[str, Any]) -> str:
    kind = schema.get("type")
    if not schema:
        return "value"
    if kind == "array":
        least = f" ({schema['minItems']} or more)" if "minItems" in schema else ""
        return f"list{least} of: {_value(schema['items'])}"
    if kind == "object":
        (values,) = schema.get("patternProperties", {"": schema.get("additionalProperties")}).values()
        return f"mapping of names to: {_value(values)}"
    if kind == "string":
        return "name" if schema.get("pattern") == NAME_PATTERN else "path" if schema.get("format") == "path" else "text"
    return {"integer": "whole number", "number": "number", "boolean": "`true` or `false`", "null": "`null`"}[str(kind)]


def _bounds(schema: dict[str, Any]) -> str:
    if schema.get("pattern") == NAME_PATTERN:
        return ""
    given = [(words, schema[key]) for key, words in BOUNDS.items() if key in schema]
    found = [words.format(_number(bound)) for words, bound in given if bound < UNSAID]
    return ", " + ", ".join(found) if found else ""


def _default(schema: dict[str, Any]) -> str:
    if "default" not in schema:
        return "as listed there" if "$ref" in schema else "none"
    default = schema["default"]
    if default is None or default in ("", []):
        return "none"
    if isinstance(default, bool):
        return f"`{str(default).lower()}`"
    if isinstance(default, list):
        return f"`[{', '.join(str(one) for one in default)}]`"
    return f"`{_number(default)}`"


def _number(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _words(name: str) -> str:
    """'TextCeAbove' -> 'Text ce above'."""
    return " ".join(re.findall(r"[A-Z][a-z]*", name.removesuffix("Spec"))).capitalize()


def _one_line(text: str) -> str:
    return " ".join(text.split())


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8", newline="\n")
    STOPPING.write_text(stopping_page(), encoding="utf-8", newline="\n")
