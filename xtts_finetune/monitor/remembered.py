"""Small records that are written whole: read again only when the file has changed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from xtts_finetune.records.values import parse_object

# Larger than any record of these; what is larger is none of ours.
MOST_BYTES = 64 << 20


class RememberedFile:
    """The mapping in a JSON or YAML file, or an empty one while there is none that can be read."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.version = 0
        self._stamp: tuple[int, int] | None = None
        self._content: dict[str, Any] = {}

    def read(self) -> dict[str, Any]:
        """The content as it is now."""
        stamp = self._now()
        if stamp != self._stamp:
            content = self._parsed() if stamp is not None else {}
            if content is None:  # being replaced, or torn: what was known stays until it can be read
                return self._content
            self._content, self._stamp = content, stamp
            self.version += 1
        return self._content

    def _now(self) -> tuple[int, int] | None:
        try:
            status = self.path.stat()
        except OSError:
            return None
        return status.st_mtime_ns, status.st_size

    def _parsed(self) -> dict[str, Any] | None:
        try:
            if self.path.stat().st_size > MOST_BYTES:
                return {}
            text = self.path.read_text(encoding="utf-8")
            content = _yaml(text) if self.path.suffix == ".yaml" else parse_object(text)
        except (OSError, ValueError):
            return None
        return content if isinstance(content, dict) else {}


def _yaml(text: str) -> Any:
    import yaml  # noqa: PLC0415  (only phases have one)

    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from None
