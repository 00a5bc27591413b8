"""Scripts to be spoken: text, Markdown, tables, JSON, subtitles and books, read into lines."""

from xtts_finetune.speaking.script.reading import KINDS, read_script
from xtts_finetune.speaking.script.script import Script, ScriptLine

__all__ = ["KINDS", "Script", "ScriptLine", "read_script"]
