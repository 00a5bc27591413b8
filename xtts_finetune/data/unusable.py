"""Why a clip has to be left out, as its check says it."""

from __future__ import annotations

from xtts_finetune.records.clips import DropReason


class Unusable(Exception):
    """A clip that has to be left out."""

    def __init__(self, reason: DropReason, detail: str) -> None:
        super().__init__(f"{reason.value}: {detail}")
        self.reason = reason
        self.detail = detail
