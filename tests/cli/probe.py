"""Commands of the package in a process that tells what they imported.

`python probe.py PROGRAM ARGUMENT...` ends like the command, with the heavy packages in its last line;
`python probe.py` runs `run_pipeline` with the arguments of each line it is given, a list in JSON, and answers each by
[exit code, errors, output, whether torch is there]: a start costs a third of a second.
"""

from __future__ import annotations

import contextlib
import io
import json
import sys

HEAVY = {"torch", "TTS", "trainer", "librosa", "matplotlib", "transformers"}


def run(program: str, arguments: list[str]) -> None:
    """Run the command in this process; raises SystemExit as it does."""
    if program == "run_pipeline":
        from xtts_finetune.cli.run_pipeline import main
    else:
        from xtts_finetune.cli.main import main
    sys.argv = [program, *arguments]
    main()


def answer(arguments: list[str]) -> list[object]:
    errors, output = io.StringIO(), io.StringIO()
    code: object = None
    with contextlib.redirect_stderr(errors), contextlib.redirect_stdout(output):
        try:
            run("run_pipeline", arguments)
        except SystemExit as end:
            code = end.code
    return [code, errors.getvalue(), output.getvalue(), "torch" in sys.modules]


if __name__ == "__main__":
    if len(sys.argv) > 1:
        try:
            run(sys.argv[1], sys.argv[2:])
        finally:
            print("\nHEAVY", sorted(HEAVY & set(sys.modules)))
    else:
        for line in sys.stdin:
            print(json.dumps(answer(json.loads(line))))
