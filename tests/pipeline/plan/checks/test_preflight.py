"""What is looked at before a run, one check at a time."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.child import heavy_after
from tests.pipeline.project import Project, weights_file
from xtts_finetune.errors import UserError
from xtts_finetune.pipeline.children.lock import run_lock
from xtts_finetune.pipeline.plan.checks import preflight
from xtts_finetune.pipeline.plan.checks.check import Check, Verdict
from xtts_finetune.pipeline.plan.checks.machine import check_versions, libraries_check, python_check
from xtts_finetune.pipeline.plan.checks.memory import Estimate, Longest, Memory, check_memory, estimate, longest_clip
from xtts_finetune.pipeline.plan.checks.model_files import check_base
from xtts_finetune.pipeline.plan.checks.plan_checks import check_disk, check_folder, check_nobody_at_work
from xtts_finetune.pipeline.plan.checks.preflight import all_checks, quick_checks
from xtts_finetune.pipeline.plan.disk import DiskUse
from xtts_finetune.pipeline.plan.plan import make_plan
from xtts_finetune.pipeline.plan.stages import Plan, Stage, State
from xtts_finetune.spec.phase import PhaseSpec

OK, WARNING, ERROR = Verdict.OK, Verdict.WARNING, Verdict.ERROR


def test_this_environment_is_as_it_was_tested() -> None:
    assert [check.verdict for check in check_versions()] == [OK, OK]


@pytest.mark.parametrize(
    ("version", "verdict"), [("3.11.7", OK), ("3.12.0rc1", OK), ("3.13.1", ERROR), ("3.9.2", ERROR)]
)
def test_python(version: str, verdict: Verdict) -> None:
    assert python_check(version, ">=3.10,<3.13").verdict is verdict


@pytest.mark.parametrize(
    ("needed", "verdict", "said"),
    [
        (["pyyaml>=5"], OK, ""),
        (["pyyaml>=99"], WARNING, "pyyaml"),
        (["no-such-library"], ERROR, "not installed: no-such-library"),
        (["no-such-library; extra == 'dev'", "no-such-library; python_version < '3'"], OK, ""),
        (["pyyaml>=99", "no-such-library"], ERROR, "no-such-library"),
    ],
)
def test_libraries(needed: list[str], verdict: Verdict, said: str) -> None:
    check = libraries_check([Requirement(line) for line in needed])
    assert check.verdict is verdict
    assert said in check.found


@pytest.fixture
def base(project: Project) -> Path:
    return project.folder / "base"


def test_a_whole_base(base: Path, demo_folder: Path) -> None:
    assert check_base(str(base)).verdict is OK
    assert check_base(str(demo_folder / "base"), deep=True).verdict is OK


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("model.pth", weights_file()[:3000], "model.pth: this file is not whole: it ends after 3 kB"),
        ("model.pth", b"<html>not found</html>", "model.pth: a web page was saved instead of the file"),
        ("dvae.pth", b"", "dvae.pth: this file is empty"),
        ("vocab.json", b"{", "vocab.json: this is not readable JSON"),
        ("config.json", b"[]", "config.json"),
        ("config.json", b'{"model_args": {"gpt_layers": "x"}}', "gpt_layers: expected a positive number"),
        ("config.json", b'{"model_args": {"gpt_n_heads": -1}}', "but got -1"),
        ("mel_stats.pth", None, "lacks mel_stats.pth"),
    ],
)
def test_a_base_that_is_not_whole_is_named(base: Path, name: str, content: bytes | None, said: str) -> None:
    (base / name).unlink()
    if content is not None:
        (base / name).write_bytes(content)
    check = check_base(str(base))
    assert check.verdict is ERROR
    assert said in check.found


def test_only_a_deep_look_sees_a_flipped_bit(base: Path) -> None:
    content = bytearray((base / "model.pth").read_bytes())
    content[-2000] ^= 1  # among the weights
    (base / "model.pth").write_bytes(content)
    assert check_base(str(base)).verdict is OK
    check = check_base(str(base), deep=True)
    assert check.verdict is ERROR
    assert "model.pth: this file is damaged" in check.found


XTTS_V2 = 1_870_000_000
CONFIG = {"model_args": {"gpt_layers": 30, "gpt_n_model_channels": 1024, "gpt_n_heads": 16}}


def phase(**declared: object) -> PhaseSpec:
    return PhaseSpec.model_validate({"learning_rate": 1e-6, "steps": 9, **declared})


@pytest.mark.parametrize(
    ("declared", "gigabytes"),
    [
        ({"precision": "fp32", "batch_size": 12}, 4.89),
        ({"precision": "fp32", "batch_size": 24, "train": {"lora": {}}}, 4.73),
        ({"precision": "bf16", "batch_size": 24}, 5.32),
    ],
    ids=str,
)
def test_the_estimate_is_near_what_was_measured(declared: dict[str, object], gigabytes: float) -> None:
    config = {"model_args": {"gpt_layers": 12, "gpt_n_model_channels": 768, "gpt_n_heads": 12}}
    made = estimate(598_000_000, config, phase(**declared), Longest(tokens=135, frames=258))
    assert made.total == pytest.approx(gigabytes * 1e9, rel=0.1)


def test_the_estimate_follows_batch_precision_and_length() -> None:
    def total(seconds: float = 8.0, **declared: object) -> int:
        return estimate(XTTS_V2, CONFIG, phase(**declared), Longest.of(seconds, 100)).total

    assert total(batch_size=1) < total(batch_size=2) < total(batch_size=8)
    assert total(precision="bf16") < total(precision="fp32")
    assert total(gradient_checkpointing=True) < total()
    assert total(max_tokens=700) < total(batch_size=3)
    assert total(seconds=3.0) < total()
    assert longest_clip([]) == Longest.of(11.6, 150)


GB = 10**9


@pytest.mark.parametrize(
    ("needed", "total", "free", "verdict"),
    [
        (Estimate(7 * GB, 10 * GB, 3), 12 * GB, 11.5 * GB, OK),
        (Estimate(7 * GB, 10 * GB, 3), 12 * GB, 11 * GB, WARNING),  # more than nine tenths
        (Estimate(7 * GB, 10 * GB, 3), 8 * GB, 8 * GB, WARNING),
        (Estimate(7 * GB, 10 * GB, 3), 6 * GB, 6 * GB, ERROR),
    ],
)
def test_memory(needed: Estimate, total: float, free: float, verdict: Verdict) -> None:
    assert check_memory("phase1", needed, Memory("a card", int(total), int(free))).verdict is verdict


def test_disk() -> None:
    stage = Stage("phase", "phase1", State.TO_RUN, disk=DiskUse(stays=7, writing=5))
    assert check_disk(Plan((stage,), disk_free=12)).verdict is OK
    assert check_disk(Plan((stage,), disk_free=11)).verdict is ERROR


def test_a_run_folder_that_is_a_file(tmp_path: Path) -> None:
    assert check_folder(tmp_path / "run" / "trial").verdict is OK
    (tmp_path / "run").write_text("in the way", encoding="utf-8")
    assert check_folder(tmp_path / "run" / "trial").verdict is ERROR
    assert not (tmp_path / "run").is_dir()


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_the_right_to_write(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    assert check_folder(tmp_path / "run").verdict is ERROR


def test_somebody_at_work(tmp_path: Path) -> None:
    assert check_nobody_at_work(tmp_path / "run").verdict is OK
    with run_lock(tmp_path / "run"):
        check = check_nobody_at_work(tmp_path / "run")
    assert check.verdict is WARNING
    assert str(os.getpid()) in check.found


def named(checks: list[Check], name: str) -> Check:
    return next(check for check in checks if check.name == name)


def test_the_quick_checks_write_nothing_and_need_no_torch(project: Project) -> None:
    before = sorted(project.folder.rglob("*"))
    checks = quick_checks(project.declaration(), "cpu", project.plan())
    assert all(check.verdict is not ERROR for check in checks)
    assert [named(checks, name).verdict for name in ("device", "memory of phase1")] == [OK, OK]
    assert sorted(project.folder.rglob("*")) == before
    assert not project.run_folder.root.exists()


def test_the_quick_checks_import_nothing_heavy(project: Project) -> None:
    code = (
        "import sys; from pathlib import Path; from xtts_finetune.spec.declaration import load_declaration\n"
        "from xtts_finetune.pipeline.plan.plan import make_plan\n"
        "from xtts_finetune.pipeline.plan.checks.preflight import quick_checks\n"
        "declared = load_declaration(Path(sys.argv[1])); quick_checks(declared, 'cpu', make_plan(declared))"
    )
    assert heavy_after(code, project.file) == set()


def test_a_damaged_record_leaves_the_other_checks_to_read(finished: Project) -> None:
    finished.run_folder.clips.write_bytes(b"{\n")
    checks = all_checks(finished.declaration("phase2.learning_rate=3e-6"), "cpu")
    assert "clips.jsonl:1: damaged" in named(checks, "clips").found
    assert named(checks, "disk").verdict is OK


def test_a_run_is_refused_with_everything_that_is_wrong(project: Project) -> None:
    (project.folder / "base" / "dvae.pth").write_bytes(b"spoiled")
    (project.folder / "run").write_text("in the way", encoding="utf-8")
    with pytest.raises(UserError) as error:
        project.run()
    assert "dvae.pth: this is a text file ('spoiled...')" in str(error.value)
    assert "is a file, not a folder" in str(error.value)
    assert project.started == []


@pytest.mark.parametrize(
    ("device", "small", "asked", "starts"),
    [("auto", False, True, False), ("cpu", False, False, True), ("auto", True, False, True)],
)
def test_before_days_on_a_cpu_that_nobody_asked_for_comes_a_question(
    device: str, small: bool, asked: bool, starts: bool, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preflight, "find_gpu", lambda device: None)
    monkeypatch.setattr(preflight, "is_small", lambda base: small)
    work, questions = replace(project.work(), device=device), []

    def no(question: str) -> bool:
        questions.append(question)
        return False

    def check() -> None:
        preflight.check_first(work, make_plan(work.declaration), no)

    if starts:
        check()
    else:
        with pytest.raises(UserError, match=r"nothing was started; .*--device cpu"):
            check()
    assert bool(questions) is asked
    assert not (project.folder / "run").exists()


def test_all_checks_name_the_phases_and_what_they_start_from(finished: Project) -> None:
    checks = all_checks(finished.declaration(), "cpu")
    assert [check for check in checks if check.verdict is ERROR] == []
    assert "starts from phase1" in named(checks, "phase2").found
    assert "40 clips" in named(checks, "data").found
    shutil.rmtree(finished.run_folder.candidate("phase1").path)
    assert "to run" in named(all_checks(finished.declaration(), "cpu"), "phase1").found
