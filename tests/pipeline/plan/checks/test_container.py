"""The limits of control groups, from folders that look like Linux' own."""

from __future__ import annotations

from pathlib import Path

import pytest

from xtts_finetune.pipeline.plan.checks.memory import Limit, Memory, computer_memory, memory_limit, memory_within

GB = 10**9
UNLIMITED = 2**63 - 4096  # what version 1 says where there is no limit
V2 = "0::/user/session\n"
V1 = "9:name=systemd:/\n8:cpu,cpuacct:/other\n4:memory:/docker/abc\n0::/\n"


def group(max_name: str, total: object, now: str, used: int, stat: str = "") -> dict[str, str]:
    return {max_name: f"{total}\n", now: f"{used}\n", "memory.stat": stat}


def v2(total: object, used: int, stat: str = "") -> dict[str, str]:
    return group("memory.max", total, "memory.current", used, stat)


def v1(total: object, used: int, stat: str = "") -> dict[str, str]:
    return group("memory.limit_in_bytes", total, "memory.usage_in_bytes", used, stat)


@pytest.mark.parametrize(
    ("own", "groups", "limit"),
    [
        (V2, {"user/session": v2(8 * GB, 3 * GB)}, Limit(8 * GB, 5 * GB)),
        (V2, {"user/session": v2("max", 3 * GB)}, None),
        (V2, {"user/session": v2("max", GB), "user": v2(6 * GB, 2 * GB)}, Limit(6 * GB, 4 * GB)),
        (V2, {"user/session": v2(8 * GB, GB), "user": v2(9 * GB, 8 * GB)}, Limit(8 * GB, GB)),
        (V2, {"": v2(4 * GB, GB)}, Limit(4 * GB, 3 * GB)),  # as a container sees its own
        (
            V2,
            {"user/session": v2(8 * GB, 3 * GB, f"anon {GB}\ninactive_file {2 * GB}\n")},
            Limit(8 * GB, 7 * GB),
        ),
        (V2, {"user/session": v2(2 * GB, 3 * GB)}, Limit(2 * GB, 0)),
        (V1, {"memory/docker/abc": v1(8 * GB, 3 * GB)}, Limit(8 * GB, 5 * GB)),
        (V1, {"memory": v1(8 * GB, 3 * GB, f"total_inactive_file {GB}\n")}, Limit(8 * GB, 6 * GB)),
        (V1, {"memory": v1(UNLIMITED, 3 * GB)}, Limit(UNLIMITED, UNLIMITED - 3 * GB)),
        (V1, {"other": v1(GB, 0), "memory/other": v1(GB, 0)}, None),  # groups of other controllers
        (V2, {}, None),
        ("", {"": v2(4 * GB, GB)}, None),
        ("nonsense\n\n:::\n", {}, None),
    ],
)
def test_the_tightest_limit_counts(
    tmp_path: Path, own: str, groups: dict[str, dict[str, str]], limit: Limit | None
) -> None:
    for name, files in groups.items():
        (tmp_path / "cgroup" / name).mkdir(parents=True, exist_ok=True)
        for file, text in files.items():
            (tmp_path / "cgroup" / name / file).write_text(text, encoding="utf-8")
    (tmp_path / "own").write_text(own, encoding="utf-8")
    assert memory_limit(tmp_path / "cgroup", tmp_path / "own") == limit


def test_no_linux(tmp_path: Path) -> None:
    assert memory_limit(tmp_path, tmp_path / "own") is None


@pytest.mark.parametrize(
    ("limit", "memory"),
    [
        (None, Memory("this computer", 16 * GB, 12 * GB)),
        (Limit(UNLIMITED, UNLIMITED), Memory("this computer", 16 * GB, 12 * GB)),
        (Limit(8 * GB, 5 * GB), Memory("this container", 8 * GB, 5 * GB)),
        (Limit(14 * GB, 13 * GB), Memory("this container", 14 * GB, 12 * GB)),
    ],
)
def test_a_limit_below_what_the_computer_has_counts(limit: Limit | None, memory: Memory) -> None:
    assert memory_within(16 * GB, 12 * GB, limit) == memory


def test_this_computer_has_memory() -> None:
    memory = computer_memory()
    assert 0 < memory.free <= memory.total
