"""`pipeline.yaml`: the voice's data, the base, the phases in their order, and how the chosen model ships."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from xtts_finetune.spec.formats import TABLES, Column, Format, encoding_problem
from xtts_finetune.spec.model import Contradiction, Device, Name, Seed, Spec, number

Precision = Literal["auto", "half", "full"]
Others = Literal["keep", "thin"]


Recordings = Annotated[tuple[Path, ...], Field(min_length=1, max_length=100)]


class ShipSpec(Spec):
    """The model that ships, and the rule for what it leaves behind."""

    name: Name | None = Field(
        None, description="Names the shipped folder and the voice in it; left out: the pipeline's name."
    )
    precision: Precision = Field(
        "auto",
        description="'auto': half precision where greedy speech stays the same code for code, else full; 'half': "
        "also where it differs at codes that were equally likely; 'full': float32.",
    )
    others: Others = Field(
        "keep",
        description="What happens to the rest once the shipped model is verified. 'keep': nothing is deleted; 'thin': "
        "every candidate keeps its best model and its records; checkpoints and further models go.",
    )
    voices: dict[Name, Recordings] = Field(
        default_factory=dict,
        description="Further voices in the shipped model, such as moods: a name, and recordings that it is taken from.",
    )


Vocoder = Literal["hifigan", "preview"]


class DatasetSpec(Spec):
    """One folder of recordings with its texts."""

    name: Name = Field(description="Name of the data set, used in records and messages.")
    path: Path = Field(description="Folder of the data set, relative to this file.")
    format: Format = Field(description="How the texts are stored; config.md shows each.")
    metadata: Path | None = Field(
        None, description="File with the texts, in 'path', if it does not have the format's usual name."
    )
    encoding: str | None = Field(None, description="Encoding of the texts, such as 'cp1250'; left out: it is found.")
    separator: Annotated[str, Field(min_length=1, max_length=1)] | None = Field(
        None, description="What stands between the columns of a 'table': '|', ';', ',', or a tab as \"\\t\"."
    )
    header: bool | None = Field(None, description="Whether a 'table' begins with the names of its columns.")
    columns: Annotated[tuple[Column, ...], Field(min_length=2)] | None = Field(
        None, description="What the columns of a 'table' hold, in their order; 'other' is not read."
    )
    held_out: bool = Field(False, description="All its clips are held out: they are the eval set, or part of it.")
    speaker: Name | None = Field(None, description="Speaker's name where the data set does not give one.")
    language: str | None = Field(None, description="Language where it differs from the pipeline's.")
    weight: Annotated[float, Field(gt=0, le=100)] = Field(
        1.0, description="How often each of its clips comes in an epoch; 0.5: every other epoch."
    )

    @classmethod
    def contradictions(cls, given: Mapping[str, Any]) -> list[Contradiction]:
        if given.get("format") == "folder" and given.get("metadata") is not None:
            message = "the format 'folder' has no metadata file: each text is next to its sound"
            return [(("format", "metadata"), message)]
        found: list[Contradiction] = []
        for key in ("separator", "header", "columns"):
            if given.get(key) is not None and given.get("format") not in TABLES:
                found.append((("format", key), f"'{key}' is for the format 'table'; write 'format: table'"))
        columns = given.get("columns")
        if isinstance(columns, (list, tuple)) and not {"audio", "text"} <= set(map(str, columns)):
            found.append((("columns",), "name the columns 'audio' and 'text', such as [audio, speaker, text]"))
        if problem := encoding_problem(given.get("encoding")):
            found.append((("encoding",), problem))
        return found


class EvalSetSpec(Spec):
    """The held-out clips: chosen once for the whole pipeline, never changed by a phase."""

    fraction: Annotated[float, Field(gt=0, lt=0.5)] = Field(0.1, description="Share of the clips held out.")
    at_least: Annotated[int, Field(ge=1, le=1_000_000)] = Field(16, description="Hold out at least this many clips.")
    seed: Seed = Field(1, description="Seed of the choice.")


class ClipLimits(Spec):
    """Which clips can be trained on; what falls outside is named in dropped.jsonl."""

    min_seconds: Annotated[float, Field(gt=0)] = Field(0.5, description="Shortest clip, in seconds.")
    max_seconds: Annotated[float, Field(gt=0, le=30)] = Field(11.6, description="Longest clip, in seconds.")
    max_text_tokens: Annotated[int, Field(gt=0, le=400)] = Field(200, description="Longest text, in tokens.")

    @classmethod
    def contradictions(cls, given: Mapping[str, Any]) -> list[Contradiction]:
        shortest, longest = number(given.get("min_seconds")), number(given.get("max_seconds"))
        if shortest is not None and longest is not None and shortest >= longest:
            message = f"no clip is longer than min_seconds {shortest:g} and shorter than max_seconds {longest:g}"
            return [(("min_seconds", "max_seconds"), message)]
        return []


class TrackingSpec(Spec):
    """Where else the run is logged, in addition to its folder."""

    mlflow: Annotated[str, Field(min_length=1)] = Field(
        description="MLflow's server (http://...), a database (sqlite:///mlflow.db) or a folder, relative to this file."
    )
    experiment: Annotated[str, Field(min_length=1, max_length=200)] = Field(
        "xtts-finetune",
        description="Experiment that the run is logged under; it is made where there is none.",
    )

    @classmethod
    def contradictions(cls, given: Mapping[str, Any]) -> list[Contradiction]:
        address = given.get("mlflow")
        _, scheme, rest = address.partition("://") if isinstance(address, str) else ("", "", "")
        if scheme and "@" in rest.partition("/")[0]:
            message = (
                "a config must not contain a name or password; leave them out, and set "
                "MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD in the environment"
            )
            return [(("mlflow",), message)]
        return []


def _as_word(value: object) -> object:
    """YAML reads a bare on or off as yes or no."""
    return ("on" if value else "off") if isinstance(value, bool) else value


Check = Annotated[Literal["auto", "on", "off"], BeforeValidator(_as_word)]


class PipelineSpec(Spec):
    """The whole undertaking."""

    name: Name = Field(description="Name of the run: its folder is run/<name>.")
    base: str = Field(description="Folder with the base's five files, or a known name such as 'xtts_v2'.")
    language: str = Field(description="Language of the voice, as XTTS names it: 'en', 'hu', 'zh-cn' ...")
    datasets: Annotated[tuple[DatasetSpec, ...], Field(min_length=1)] = Field(description="Where the clips are.")
    eval_set: EvalSetSpec = Field(default_factory=EvalSetSpec, description="The held-out clips.")
    clips: ClipLimits = Field(default_factory=ClipLimits, description="Which clips can be trained on.")
    phases: Annotated[tuple[Name, ...], Field(min_length=1)] = Field(
        description="Phases in the order they run; each has its file phases/<name>.yaml."
    )
    utterances: Path = Field(Path("eval/utterances.yaml"), description="What the candidates say.")
    decision: Path = Field(Path("eval/decision_matrix.yaml"), description="How the shipped phase is chosen.")
    vocoder: Vocoder = Field("hifigan", description="'hifigan', or 'preview' for a base without a trained one.")
    device: Device = Field(
        "auto", description="Where to train and speak: 'cuda:1' is the second card, as nvidia-smi counts them."
    )
    check_texts: Check = Field(
        "auto",
        description="Whether a recogniser reads each clip and compares it with its text. 'auto': where one is "
        "installed that reads the language; 'on': refuse to start without one; 'off': never.",
    )
    recogniser: Annotated[str, Field(min_length=1)] | None = Field(
        None,
        description="Which one: a name such as 'small', which is fetched once, or a folder with a faster-whisper "
        "model; left out: the best that is installed.",
    )
    tracking: TrackingSpec | None = Field(
        None, description="A server that the run is also logged on; none unless you name one. See tracking.md."
    )
    ship: ShipSpec = Field(
        default_factory=ShipSpec,
        description="How the model that ships is written, and what else is kept.",
    )
