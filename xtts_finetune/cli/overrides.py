"""`--lr`, `--epochs` and their like: shorthands for `--set`, so that they pass the same checks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xtts_finetune.spec.phase import ResumeFrom, checkpoint_step


@dataclass(frozen=True)
class Shorthands:
    """The shorthands as typed; None for those that were not given."""

    lr: str | None = None
    batch_size: str | None = None
    epochs: str | None = None
    gradient_clip: str | None = None
    resume_checkpoint: str | None = None
    optimization_level: str | None = None
    devices: str | None = None

    @property
    def given(self) -> bool:
        """Whether any was typed."""
        return self != Shorthands()


def with_shorthands(
    file: Path, wanted: Sequence[str], settings: Sequence[str], short: Shorthands
) -> list[str]:
    """All overrides as `--set` takes them; shorthands apply to the wanted phases, or to all, and come first.

    What `--set` says about one phase is more exact, so it counts more.
    """
    if not short.given:
        return list(settings)
    phases = list(wanted) or phase_names(file)
    found: list[str] = []
    for phase in phases:
        if short.optimization_level is not None:
            found.append(f"{phase}.optimization_level={short.optimization_level}")
        if short.lr is not None:
            found.append(f"{phase}.learning_rate={short.lr}")
        if short.batch_size is not None:
            found.append(f"{phase}.batch_size={short.batch_size}")
        if short.gradient_clip is not None:
            found.append(f"{phase}.gradient_clip={short.gradient_clip}")
        if short.devices is not None:
            found.append(f"{phase}.devices={short.devices}")
        if short.epochs is not None:
            # A phase has 'epochs' or 'steps', never both.
            found += [f"{phase}.steps=null", f"{phase}.epochs={short.epochs}"]
        if short.resume_checkpoint is not None:
            found += resume_settings(file, phase, short.resume_checkpoint)
    return [*found, *settings]


def resume_settings(file: Path, phase: str, checkpoint: str) -> list[str]:
    """`--resume-checkpoint` for one phase: 'best', 'last', 'step N' or 'N' of the phase that it resumes from
    as declared (or else of the one before it), or the path of a file."""
    if checkpoint.isdigit():
        checkpoint = f"step {checkpoint}"
    key = f"{phase}.resume_from"
    if checkpoint in ("best", "last") or checkpoint_step(ResumeFrom(checkpoint=checkpoint)) is not None:
        source = declared_source(file, phase)
        return ([f"{key}.phase={source}"] if source else []) + [f"{key}.checkpoint={checkpoint}"]
    # A path is typed relative to where the user stands, not to the declaration.
    path = Path(checkpoint).expanduser().absolute()
    return [f"{key}.phase=null", f"{key}.checkpoint={_quoted(str(path))}"]


def declared_source(file: Path, phase: str) -> str | None:
    """The phase that `phase` resumes from: as declared, or the one before it; None for the first."""
    resume = read_mapping(file.parent / "phases" / f"{phase}.yaml").get("resume_from")
    if isinstance(resume, Mapping) and isinstance(resume.get("phase"), str):
        return str(resume["phase"])
    names = phase_names(file)
    before = names.index(phase) if phase in names else 0
    return names[before - 1] if before else None


def phase_names(file: Path) -> list[str]:
    """The phases that the declaration lists; none when it cannot be read: loading it says why."""
    names = read_mapping(file).get("phases")
    return [name for name in names if isinstance(name, str)] if isinstance(names, list) else []


def read_mapping(file: Path) -> dict[str, Any]:
    """A YAML file's mapping, unchecked; empty when there is none."""
    import yaml  # noqa: PLC0415  (only these shorthands need it)

    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError):
        return {}
    return content if isinstance(content, dict) else {}


def _quoted(text: str) -> str:
    """As a YAML string that holds backslashes and colons as they are."""
    return "'" + text.replace("'", "''") + "'"
