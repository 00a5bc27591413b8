"""What listeners said, for the report. Their notes are text from outside: the page escapes them."""

from __future__ import annotations

from xtts_finetune.evaluation.decision import Decision
from xtts_finetune.pipeline.reports.model import Listening, Note
from xtts_finetune.records.listening import read_votes
from xtts_finetune.records.run_folder import RunFolder


def collect_listening(run: RunFolder, decision: Decision) -> Listening | None:
    """Listeners, qualities and notes; None where nobody has listened.

    Raises UserError for a listening test that cannot be read.
    """
    votes = read_votes(run)
    if not votes.listeners:
        return None
    marked = dict.fromkeys(
        name for mark in decision.quality.values() for name in mark.marks if name != "overall"
    )
    notes = [
        Note(vote.sentence, f"{vote.first} and {vote.second}", vote.listener, vote.note)
        for vote in votes.votes
        if vote.note.strip()
    ]
    return Listening(votes.listeners, tuple(marked), tuple(notes))
