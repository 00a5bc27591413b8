"""Every way a command can end has its exit code, and none shows a traceback."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from xtts_finetune.cli.exits import run_app
from xtts_finetune.cli.terminal import command_again
from xtts_finetune.errors import DeclarationError, Problem, UserError, WorkFailed
from xtts_finetune.pipeline.children import process
from xtts_finetune.pipeline.children.process import Interrupted, something_is_kept


def raising(error: BaseException, after: Callable[[], object] = lambda: None) -> Callable[[], object]:
    def app() -> object:
        after()
        raise error

    return app


@pytest.mark.parametrize(
    ("app", "code", "said"),
    [
        (lambda: None, 0, ""),
        (raising(SystemExit(0)), 0, ""),
        (raising(SystemExit(2)), 2, ""),
        (raising(UserError("pipeline.yaml: no")), 2, "pipeline.yaml: no\n"),
        (raising(DeclarationError([Problem("a:1", "b")])), 2, "a:1: b\n1 error; nothing was started.\n"),
        (
            raising(WorkFailed("phase1 failed: NaN", Path("logs/phase1.log"))),
            1,
            "NaN\n  log: logs/phase1.log\n",
        ),
        (
            raising(Interrupted("phase1 was interrupted")),
            130,
            "phase1 was interrupted. Start again with:\n  run_pipeline phase1 --fresh\n",
        ),
        (raising(KeyboardInterrupt()), 130, "interrupted. Start again with:\n  run_pipeline phase1 --fresh\n"),
        (raising(SystemExit(130)), 130, "interrupted. Start again with:\n  run_pipeline phase1 --fresh\n"),
        (
            raising(Interrupted("phase1 was interrupted"), after=something_is_kept),
            130,
            "phase1 was interrupted; what is done is kept. Continue with:\n  run_pipeline phase1\n",
        ),
    ],
)
def test_exit_codes(
    app: Callable[[], object],
    code: int,
    said: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(process, "_kept", [])
    monkeypatch.setattr(sys, "argv", ["/usr/bin/run_pipeline", "phase1", "--fresh"])
    with pytest.raises(SystemExit) as end:
        run_app(app)
    assert end.value.code == code
    errors = capsys.readouterr().err
    assert said in errors
    assert bool(errors) == bool(said)


def test_a_fault_of_ours_is_one_line_and_a_log(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        run_app(raising(ZeroDivisionError("division by zero")))
    assert end.value.code == 1
    first, second = capsys.readouterr().err.splitlines()
    assert first == "unexpected ZeroDivisionError: division by zero"
    log = Path(second.removeprefix("  log: "))
    assert "Traceback" in log.read_text(encoding="utf-8")
    log.unlink()


@pytest.mark.skipif(sys.platform == "win32", reason="quotes as a POSIX shell wants them")
def test_the_command_that_goes_on_can_be_copied() -> None:
    typed = ["/usr/bin/run_pipeline", "-f", "my voice/pipeline.yaml", "--fresh", "--set", "a.b={c: 1}"]
    assert command_again(typed) == "run_pipeline -f 'my voice/pipeline.yaml' --set 'a.b={c: 1}'"
