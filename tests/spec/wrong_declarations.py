"""Wrong declarations and what must be said of them: data for the tests of the check and of the commands.

Each is a whole folder of files, as a right declaration with something broken in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

PIPELINE = """\
name: trial
base: base
language: en
datasets:
  - {name: first, path: data/first, format: ljspeech}
  - {name: second, path: data/second, format: coqui, speaker: anna}
eval_set: {fraction: 0.1, at_least: 8, seed: 1}
phases: [phase1, phase2]
utterances: eval/utterances.yaml
decision: eval/decision_matrix.yaml
"""
PHASE1 = """\
goal: Learn the voice
learning_rate: 5e-6
batch_size: 3
steps: 1000
stop_when:
  - {rule: text_ce_above, limit: 0.04}
  - {rule: no_improvement, metric: mel_ce, steps: 500}
  - rule: overfitting
    evals: 3
"""
PHASE2 = """\
goal: Refine it
resume_from: {phase: phase1, checkpoint: step 500}
learning_rate: 1.0e-6
epochs: 30
success:
  minimum: {mel_ce: 3.0}
"""
UTTERANCES = """\
sentences:
  - {id: one, text: Hello.}
  - {id: two, text: Good morning.}
seeds: [1, 2]
"""
DECISION = """\
read: phase2
rows:
  - mel_ce: {below: 2.5}
    quality: {at_least: 9.0}
    ship: phase2
    verdict: excellent
  - {ship: phase1, verdict: no improvement}
"""
BASE_FILES = ("model.pth", "dvae.pth", "mel_stats.pth", "vocab.json", "config.json")
RIGHT: dict[str, bytes] = {
    "pipeline.yaml": PIPELINE.encode(),
    "phases/phase1.yaml": PHASE1.encode(),
    "phases/phase2.yaml": PHASE2.encode(),
    "eval/utterances.yaml": UTTERANCES.encode(),
    "eval/decision_matrix.yaml": DECISION.encode(),
    "data/first/metadata.csv": b"a|Hello.|Hello.\n",
    "data/second/metadata.csv": b"wavs/b.wav|Hello.|anna\n",
    **{f"base/{name}": b"{}" for name in BASE_FILES},
}


@dataclass(frozen=True)
class Wrong:
    """One wrong declaration."""

    name: str
    files: dict[str, bytes]
    """The whole folder: contents by path relative to it."""
    expected: tuple[str, ...]
    """Each must be in the message: one for every problem, unless `others` says that there are more."""
    overrides: tuple[str, ...] = ()
    """Values for --set."""


def write_files(files: Mapping[str, bytes], folder: Path) -> Path:
    """Write the files into `folder` and return the path of its pipeline.yaml."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder / "pipeline.yaml"


def _replaced(name: str, file: str, old: str, new: str, *expected: str) -> Wrong:
    """The right declaration with one piece of text replaced."""
    text = RIGHT[file].decode()
    if old not in text:
        raise ValueError(f"{name}: {file} has no {old!r}")
    return Wrong(name, {**RIGHT, file: text.replace(old, new, 1).encode()}, expected)


def _with(name: str, file: str, content: bytes, *expected: str) -> Wrong:
    return Wrong(name, {**RIGHT, file: content}, expected)


def _without(name: str, files: tuple[str, ...], *expected: str) -> Wrong:
    return Wrong(name, {path: text for path, text in RIGHT.items() if path not in files}, expected)


def _set(name: str, override: str, *expected: str) -> Wrong:
    return Wrong(name, dict(RIGHT), expected, (override,))


PIPE, ONE, TWO = "pipeline.yaml", "phases/phase1.yaml", "phases/phase2.yaml"
SAY, MATRIX = "eval/utterances.yaml", "eval/decision_matrix.yaml"

# A row a line, however long.
# fmt: off
# ruff: noqa: E501
WRONG: tuple[Wrong, ...] = (
    # Keys
    _replaced("unknown key", ONE, "batch_size", "batchsize", f"{ONE}:3: unknown key 'batchsize'; did you mean 'batch_size'?"),
    _replaced("key in other letter case", ONE, "batch_size", "Batch-Size", f"{ONE}:3: unknown key 'Batch-Size'; did you mean 'batch_size'?"),
    _replaced("initials", ONE, "learning_rate", "lr", f"{ONE}:2: unknown key 'lr'; did you mean 'learning_rate'?", f"{ONE}:1: learning_rate: missing, but required: Peak learning rate"),
    _replaced("key that is like no other", ONE, "goal", "qqqq", f"{ONE}:1: unknown key 'qqqq'; allowed: goal, resume_from, optimization_level,"),
    _replaced("unknown nested key", PIPE, "at_least", "atleast", f"{PIPE}:7: eval_set: unknown key 'atleast'; did you mean 'at_least'?"),
    _replaced("missing key", PIPE, "language: en\n", "", f"{PIPE}:1: language: missing, but required: Language of the voice"),
    _replaced("missing nested key", PIPE, "path: data/first, ", "", f"{PIPE}:5: datasets[0].path: missing, but required: Folder of the data set"),
    _replaced("the same key twice", ONE, "steps: 1000", "batch_size: 4\nsteps: 1000", f"{ONE}:4: the key 'batch_size' is there twice; the first is in line 3"),
    # Values
    _replaced("a password in the declaration", PIPE, "phases:", "tracking: {mlflow: 'https://anna:secret@ml.example'}\nphases:", f"{PIPE}:8: tracking: a config must not contain a name or password"),
    _replaced("text for a number", ONE, "5e-6", "fast", f"{ONE}:2: learning_rate: expected a positive number but got 'fast'"),
    _replaced("negative learning rate", ONE, "5e-6", "-1e-6", f"{ONE}:2: learning_rate: expected a positive number but got -1e-6"),
    _replaced("quoted number", ONE, "5e-6", "'5e-6'", f"{ONE}:2: learning_rate: expected a positive number but got '5e-6' in quotes; write it without quotes"),
    _replaced("a word for a number that is none", ONE, "5e-6", "nan", f"{ONE}:2: learning_rate: expected a positive number but got 'nan'\n"),
    _with("recordings and clips for the voice", SAY, UTTERANCES.encode() + b"reference: {files: [utterances.yaml], clips: 3}\n", f"{SAY}:5: reference: the voice comes from 'files' or from training clips; leave out 'clips' or 'files'"),
    _replaced("decimal comma", ONE, "5e-6", "0,000005", f"{ONE}:2: learning_rate: expected a positive number but got '0,000005'; write a decimal point"),
    _replaced("infinity", ONE, "5e-6", ".inf", f"{ONE}:2: learning_rate: expected a positive number but got .inf"),
    _replaced("not a number", ONE, "5e-6", ".nan", f"{ONE}:2: learning_rate: expected a positive number but got .nan"),
    _replaced("true for a number", ONE, "1000", "true", f"{ONE}:4: steps: expected a whole number of at least 1 but got true"),
    _replaced("part of a step", ONE, "1000", "1e3", f"{ONE}:4: steps: expected a whole number of at least 1 but got 1e3; write 1000"),
    _replaced("more steps than any run", ONE, "1000", "1000000000", f"{ONE}:4: steps: expected a whole number"),
    _replaced("a number without end", ONE, "1000", "9" * 40, f"{ONE}:4: the number 999999999999... is too large"),
    _replaced("part that there is none of", ONE, "steps: 1000", "steps: 1000\ntrain: [gpt, head]", f"{ONE}:5: train[1]: expected one of 'gpt', 'heads', 'embeddings', 'conditioning' but got 'head'; did you mean 'heads'?"),
    _replaced("a part without brackets", ONE, "steps: 1000", "steps: 1000\ntrain: gpt", f"{ONE}:5: train: expected 'all', a list with at least one entry of 'gpt', 'heads', 'embeddings', 'conditioning', or a mapping with lora but got 'gpt'; put it in brackets: [gpt]"),
    _replaced("no part at all", ONE, "steps: 1000", "steps: 1000\ntrain: []", f"{ONE}:5: train: expected a list with at least one entry of 'gpt', 'heads', 'embeddings', 'conditioning' but got an empty list"),
    _replaced("neither word nor list", ONE, "steps: 1000", "steps: 1000\ntrain: 5", f"{ONE}:5: train: expected 'all', a list"),
    _replaced("adapters of another kind", ONE, "steps: 1000", "steps: 1000\ntrain: {dora: {rank: 8}}", f"{ONE}:5: train: unknown key 'dora'; did you mean 'lora'?", f"{ONE}:5: train.lora: missing, but required"),
    _replaced("rank of nothing", ONE, "steps: 1000", "steps: 1000\ntrain: {lora: {rank: 0}}", f"{ONE}:5: train.lora.rank: expected a whole number of at least 1 and of at most 1024 but got 0"),
    _replaced("layers that there are none of", ONE, "steps: 1000", "steps: 1000\ntrain: {lora: {targets: [attn]}}", f"{ONE}:5: train.lora.targets[0]: expected one of 'attention', 'mlp' but got 'attn'"),
    Wrong("moments of earlier adapters", {**RIGHT, ONE: f"{PHASE1}train: {{lora: {{rank: 2}}}}\n".encode(), TWO: PHASE2.replace("step 500", "step 500, optimizer: keep").encode()}, (f"{TWO}:2: resume_from.optimizer: 'phase1' trains adapters",)),
    _replaced("moments for new adapters", TWO, "checkpoint: step 500}", "checkpoint: step 500, optimizer: keep}\ntrain: {lora: {}}", f"{TWO}:3: adapters start anew, so there are no moments to keep"),
    _replaced("batch of nothing", ONE, "batch_size: 3", "batch_size: 0", f"{ONE}:3: batch_size: expected a whole number of at least 1 and of at most 4096 but got 0"),
    _replaced("no value", ONE, "5e-6", "", f"{ONE}:2: learning_rate: expected a positive number but got nothing"),
    _replaced("list for a number", ONE, "5e-6", "[1e-6]", f"{ONE}:2: learning_rate: expected a positive number but got a list"),
    _replaced("language no", PIPE, "language: en", "language: no", f"{PIPE}:3: language: expected text but got no, which YAML reads as false; put it in quotes: 'no'"),
    _replaced("number for a name", PIPE, "name: trial", "name: 2024", f"{PIPE}:1: name: expected a name (at most 64 letters, digits, '-' and '_', the first a letter or digit) but got 2024, a number; put it in quotes: '2024'"),
    _replaced("name that is a path", PIPE, "name: trial", "name: ../x", f"{PIPE}:1: name: expected a name (at most 64 letters"),
    _replaced("unknown choice", PIPE, "ljspeech", "LJ-Speech", f"{PIPE}:5: datasets[0].format: expected one of 'ljspeech', 'coqui', 'folder', 'common_voice', 'jsonl', 'audiofolder', 'table', 'parquet' but got 'LJ-Speech'; did you mean 'ljspeech'?"),
    _replaced("empty list", PIPE, "[phase1, phase2]", "[]", f"{PIPE}:8: phases: expected a list with at least one entry but got an empty list"),
    _replaced("text for a list", SAY, "[1, 2]", "1", f"{SAY}:4: seeds: expected a list with at least one entry but got 1; put it in brackets: [1]"),
    _replaced("wrong entry of a list", SAY, "[1, 2]", "[1, -2]", f"{SAY}:4: seeds[1]: expected a whole number of at least 0 but got -2"),
    _replaced("empty sentence", SAY, "Hello.", '""', f"{SAY}:2: sentences[0].text: expected text that is not empty but got ''"),
    _replaced("mark beyond ten", MATRIX, "read: phase2", "quality: {phase1: 11}", f"{MATRIX}:1: quality.phase1: expected a number of at least 0 and of at most 10 but got 11"),
    _replaced("level that is no name", TWO, "minimum:", "a level:", f"{TWO}:6: success: 'a level' is not a name"),
    # Stop rules and ranges
    _replaced("half of no batch", ONE, "batch_size: 3", "max_tokens: 2000\non_out_of_memory: halve_batch", f"{ONE}:4: 'halve_batch' divides batch_size, which has no effect with 'max_tokens'"),
    _replaced("unknown rule", ONE, "rule: overfitting", "rule: over_fitting", f"{ONE}:8: stop_when[2].rule: expected one of 'exploding', 'no_improvement', 'no_op', 'not_finite', 'overfitting', 'quality_falling', 'target_reached', 'text_ce_above', 'time_limit' but got 'over_fitting'; did you mean 'overfitting'?"),
    _replaced("rule without a name", ONE, "rule: overfitting\n    evals", "evals", f"{ONE}:8: stop_when[2].rule: missing, but required: one of 'exploding', 'no_improvement'"),
    _replaced("rule that is only a word", ONE, "{rule: text_ce_above, limit: 0.04}", "overfitting", f"{ONE}:6: stop_when[0]: expected a rule: one of 'exploding', 'no_improvement', 'no_op', 'not_finite', 'overfitting', 'quality_falling', 'target_reached', 'text_ce_above', 'time_limit' but got 'overfitting'"),
    _replaced("wrong value in a rule", ONE, "limit: 0.04", "limit: low", f"{ONE}:6: stop_when[0].limit: expected a positive number but got 'low'"),
    _replaced("unknown key in a rule", ONE, "evals: 3", "evaluations: 3", f"{ONE}:9: stop_when[2]: unknown key 'evaluations'; did you mean 'evals'?"),
    _replaced("rule without a limit", ONE, ", limit: 0.04", "", f"{ONE}:6: stop_when[0]: text_ce_above needs 'limit'"),
    _replaced("two patiences", ONE, "steps: 500", "steps: 500, evals: 5", f"{ONE}:7: stop_when[1]: 'steps' and 'evals' are both given; keep one of them"),
    _replaced("rule that watches nothing", ONE, "rule: overfitting\n    evals: 3", "{rule: exploding, grad_norm: null, loss: null, mel_ce: null}", f"{ONE}:8: stop_when[2]: exploding has nothing to watch: give at least one of grad_norm, loss, mel_ce, of_start"),
    _replaced("target without a value", ONE, "rule: overfitting\n    evals: 3", "{rule: target_reached}", f"{ONE}:8: stop_when[2]: target_reached needs 'below'"),
    # Candidates
    _replaced("candidate of no phase", MATRIX, "read: phase2\n", "read: phase2\ncandidates:\n  - phase2\n  - phase1\n  - phase3\n", f"{MATRIX}:5: candidates[2]: there is no phase 'phase3'; did you mean 'phase2'?"),
    _replaced("candidate twice", MATRIX, "read: phase2\n", "read: phase2\ncandidates:\n  - phase2\n  - phase1\n  - phase1\n", f"{MATRIX}:5: candidates[2]: there are two candidates named 'phase1'"),
    _replaced("candidate that is a number", MATRIX, "read: phase2\n", "read: phase2\ncandidates:\n  - phase2\n  - phase1\n  - 7\n", f"{MATRIX}:5: candidates[2]: expected a name"),
    _replaced("candidate made of nothing", MATRIX, "read: phase2\n", "read: phase2\ncandidates:\n  - phase2\n  - phase1\n  - {name: mix}\n", f"{MATRIX}:5: candidates[2]: what is it made of? give one of average, best, checkpoint, model"),
    _replaced("candidate that is another one", MATRIX, "read: phase2\n", "read: phase2\ncandidates:\n  - phase2\n  - phase1\n  - {name: mix, model: phase2}\n", f"{MATRIX}:5: candidates[2]: it is 'phase2' once more; say in what it differs: 'inference' or 'reference'"),
    _replaced("candidate with the model of the unknown", MATRIX, "read: phase2\n", "read: phase2\ncandidates:\n  - phase2\n  - phase1\n  - {name: mix, model: later, inference: {speed: 0.9}}\n", f"{MATRIX}:5: candidates[2].model: there is no 'later' above it; it can be made of 'base', 'phase1', 'phase2'"),
    _replaced("candidate too hot", MATRIX, "read: phase2\n", "read: phase2\ncandidates:\n  - phase2\n  - phase1\n  - {name: mix, model: phase2, inference: {temperature: 5}}\n", f"{MATRIX}:5: candidates[2].inference.temperature: expected a number above 0 and of at most 2 but got 5"),
    _replaced("candidate made in two ways", MATRIX, "read: phase2\n", "read: phase2\ncandidates:\n  - phase2\n  - phase1\n  - {name: mix, average: [phase1, phase2], checkpoint: ../base/model.pth}\n", f"{MATRIX}:5: candidates[2]: 'average' and 'checkpoint' are two ways to make it; keep one"),
    _replaced("average of one", MATRIX, "read: phase2\n", "read: phase2\ncandidates:\n  - phase2\n  - phase1\n  - {name: mix, average: [phase1]}\n", f"{MATRIX}:5: candidates[2]: an average needs at least two candidates"),
    _replaced("average of the unknown", MATRIX, "read: phase2\n", "read: phase2\ncandidates:\n  - phase2\n  - phase1\n  - {name: mix, average: [phase1, later]}\n", f"{MATRIX}:5: candidates[2].average[1]: there is no 'later' above it; it can be made of 'base', 'phase1', 'phase2'"),
    _replaced("weights of an average that do not fit", MATRIX, "read: phase2\n", "read: phase2\ncandidates:\n  - phase2\n  - phase1\n  - {name: mix, average: [phase1, phase2], weights: [1]}\n", f"{MATRIX}:5: candidates[2]: 'weights' has 1 numbers for the 2 candidates of 'average'"),
    _replaced("candidate named as a phase", MATRIX, "read: phase2\n", "read: phase2\ncandidates:\n  - phase2\n  - phase1\n  - {name: Phase1, average: [phase1, phase2]}\n", f"{MATRIX}:5: candidates[2].name: a candidate cannot be named 'Phase1': a phase has that name"),
    _replaced("candidate named as a folder", MATRIX, "read: phase2\n", "read: phase2\ncandidates:\n  - phase2\n  - phase1\n  - {name: cache, average: [phase1, phase2]}\n", f"{MATRIX}:5: candidates[2].name: a candidate cannot be named 'cache': the run's folder has one of that name"),
    _replaced("more best models than are kept", MATRIX, "read: phase2\n", "read: phase2\ncandidates:\n  - phase2\n  - phase1\n  - {name: mix, phase: phase2, best: 3}\n", f"{MATRIX}:5: candidates[2].best: 'phase2' keeps 1 of its best models; write 'keep: {{best: 3}}' in phases/phase2.yaml"),
    _replaced("best models of no phase", MATRIX, "read: phase2\n", "read: phase2\ncandidates:\n  - phase2\n  - phase1\n  - {name: mix, best: 3}\n", f"{MATRIX}:5: candidates[2]: 'best' needs 'phase': the best models of which phase?"),
    _replaced("checkpoint beyond the end", MATRIX, "read: phase2\n", "read: phase2\ncandidates:\n  - phase2\n  - phase1\n  - {name: late, phase: phase1, checkpoint: step 2000}\n", f"{MATRIX}:5: candidates[2].checkpoint: 'step 2000' is beyond the end of 'phase1', which has 1000 steps"),
    _replaced("checkpoint without its phase", MATRIX, "read: phase2\n", "read: phase2\ncandidates:\n  - phase2\n  - phase1\n  - {name: late, checkpoint: step 5}\n", f"{MATRIX}:5: candidates[2].checkpoint: 'step 5' needs 'phase': of which phase?"),
    _replaced("ships what is no candidate", MATRIX, "read: phase2\n", "read: phase2\ncandidates: [phase2]\n", f"{MATRIX}:8: rows[1].ship: 'phase1' is not a candidate; did you mean 'phase2'?"),
    _replaced("range without a bound", MATRIX, "{below: 2.5}", "{}", f"{MATRIX}:3: rows[0].mel_ce: the range has no bound"),
    _replaced("empty range", MATRIX, "{below: 2.5}", "{below: 2.5, at_least: 2.5}", f"{MATRIX}:3: rows[0].mel_ce: the range is empty: no number is at_least 2.5 and below 2.5"),
    _replaced("no length", ONE, "steps: 1000\n", "", f"{ONE}:1: how long to train is missing: give 'epochs' (passes over the clips) or 'steps'"),
    _replaced("both lengths", ONE, "steps: 1000", "steps: 1000\nepochs: 3", f"{ONE}:5: 'epochs' and 'steps' are both given; keep one of them"),
    _replaced("clips of no length", PIPE, "language: en", "language: en\nclips: {min_seconds: 12}", f"{PIPE}:4: clips: no clip is longer than min_seconds 12 and shorter than max_seconds 11.6"),
    # Files of the declaration
    _without("no phase file", (TWO,), f"{PIPE}:8: phases: 'phase2' is listed, but there is no {TWO}; did you mean 'phase1.yaml'?"),
    _without("no utterances", (SAY,), f"{PIPE}:9: utterances: 'eval/utterances.yaml': there is no such file"),
    _without("no pipeline", (PIPE,), f"{PIPE}: there is no such file; name "),
    _replaced("a folder for a file", PIPE, "eval/decision_matrix.yaml", "eval", f"{PIPE}:10: decision: 'eval': expected a file but this is a folder"),
    _without("no data folder", ("data/first/metadata.csv",), f"{PIPE}:5: datasets[0].path: the folder 'data/first' is missing"),
    Wrong("no metadata", {**{k: v for k, v in RIGHT.items() if not k.startswith("data/first")}, "data/first/x.wav": b""}, (f"{PIPE}:5: datasets[0].path: the folder 'data/first' has no metadata.csv",)),
    _without("base without its files", ("base/dvae.pth", "base/vocab.json"), f"{PIPE}:2: base: the folder 'base' lacks 'dvae.pth', 'vocab.json'"),
    _replaced("unknown base", PIPE, "base: base", "base: xtts-v2", f"{PIPE}:2: base: there is no folder 'xtts-v2', and no base of that name is known; did you mean 'xtts_v2'?"),
    _replaced("base folder that is not there", PIPE, "base: base", "base: ./bases/mine", f"{PIPE}:2: base: there is no folder './bases/mine'"),
    _replaced("sentence of dots", SAY, "Good morning.", "...", f"{SAY}:3: sentences[1]: '...' has no word to say: neither a letter nor a digit; write a sentence"),
    _replaced("sentence of white space", SAY, "Good morning.", "' '", f"{SAY}:3: sentences[1]: ' ' has no word to say"),
    _replaced("sentence of an emoji", SAY, "Good morning.", "'🙂 —'", f"{SAY}:3: sentences[1]: '🙂 —' has no word to say"),
    _set("sentence without words, set", "utterances.sentences[0].text='?!'", "--set utterances.sentences[0].text='?!': sentences[0]: '?!' has no word to say"),
    _replaced("speaker that is a number", SAY, "seeds: [1, 2]", "reference: {speaker: 225}", f"{SAY}:4: reference.speaker: expected text that is not empty but got 225, a number; put it in quotes: '225'"),
    _replaced("reference that is not there", SAY, "seeds: [1, 2]", "reference: {files: [voice.wav]}", f"{SAY}:4: reference.files[0]: there is no file 'voice.wav'"),
    # Phases among each other
    _replaced("resuming from itself", TWO, "phase: phase1", "phase: phase2", f"{TWO}:2: resume_from.phase: a phase cannot resume from itself; phases before it: 'phase1'"),
    _replaced("resuming from a later phase", ONE, "goal: Learn the voice", "resume_from: {phase: phase2}", f"{ONE}:1: resume_from.phase: 'phase2' comes after 'phase1' in pipeline.yaml"),
    _replaced("resuming from an undeclared phase", TWO, "phase: phase1", "phase: phase_1", f"{TWO}:2: resume_from.phase: there is no phase 'phase_1'; did you mean 'phase1'?"),
    _replaced("unknown checkpoint", TWO, "step 500", "bset", f"{TWO}:2: resume_from.checkpoint: expected 'best', 'last' or 'step N' with 'phase: phase1' but got 'bset'; did you mean 'best'?"),
    _replaced("step zero", TWO, "step 500", "step 0", f"{TWO}:2: resume_from.checkpoint: expected 'best', 'last' or 'step N'"),
    _replaced("step beyond the end", TWO, "step 500", "step 1500", f"{TWO}:2: resume_from.checkpoint: 'step 1500' is beyond the end of 'phase1', which has 1000 steps"),
    _replaced("checkpoint of nothing", TWO, "phase: phase1, ", "", f"{TWO}:2: resume_from.checkpoint: 'step 500' needs 'phase': of which phase?"),
    _replaced("checkpoint file that is not there", TWO, "phase: phase1, checkpoint: step 500", "checkpoint: old.pth", f"{TWO}:2: resume_from.checkpoint: there is no file 'old.pth'"),
    _replaced("optimizer that is not kept", TWO, "checkpoint: step 500", "checkpoint: best, optimizer: keep", f"{TWO}:2: resume_from.optimizer: 'best' is kept without the optimizer's state"),
    # Names
    _replaced("phase twice", PIPE, "[phase1, phase2]", "[phase1, phase2, phase1]", f"{PIPE}:8: phases[2]: there are two phases named 'phase1'; the first is at {PIPE}:8"),
    _replaced("data set twice", PIPE, "name: second", "name: First", f"{PIPE}:6: datasets[1].name: there are two data sets named 'First'; the first is at {PIPE}:5"),
    _replaced("data folder twice", PIPE, "path: data/second", "path: data/../data/first", f"{PIPE}:6: datasets[1].path: datasets[0] reads the same folder"),
    _replaced("sentence twice", SAY, "id: two", "id: one", f"{SAY}:3: sentences[1].id: there are two sentences named 'one'; the first is at {SAY}:2"),
    _replaced("recogniser without a file", SAY, "seeds: [1, 2]", "recogniser: {command: [whisper, -q]}", f"{SAY}:4: recogniser: no word of the command has {{file}}, where the sound's file goes"),
    _replaced("recogniser that is none", SAY, "seeds: [1, 2]", "recogniser: wisper", f"{SAY}:4: recogniser: expected one of 'whisper', 'pocketsphinx', or a mapping with command but got 'wisper'"),
    _replaced("sentence named as a held-out line", SAY, "id: two", "id: held-out-2", f"{SAY}:3: sentences[1].id: no name may begin with 'held-out-'"),
    Wrong("phase named base", {**RIGHT, PIPE: PIPELINE.replace("[phase1, phase2]", "[phase1, phase2, base]").encode(), "phases/base.yaml": b"{learning_rate: 1e-6, steps: 1}"}, (f"{PIPE}:8: phases[2]: a phase cannot be named 'base': it is the model that the first phase starts from",)),
    _replaced("name that Windows keeps", PIPE, "name: trial", "name: NUL", f"{PIPE}:1: name: Windows cannot have a file or folder named 'NUL'"),
    _replaced("language by its name", PIPE, "language: en", "language: Hungarian", f"{PIPE}:3: language: 'Hungarian' is not a language of XTTS; did you mean 'hu'?"),
    _replaced("language of one sentence", SAY, "{id: one,", "{id: one, language: xx,", f"{SAY}:2: sentences[0].language: 'xx' is not a language of XTTS"),
    _replaced("shipping what is no candidate", MATRIX, "ship: phase2", "ship: phase3", f"{MATRIX}:5: rows[0].ship: 'phase3' is not a candidate; did you mean 'phase2'?"),
    _replaced("reading what is no candidate", MATRIX, "read: phase2", "read: best", f"{MATRIX}:1: read: 'best' is not a candidate"),
    _replaced("mark for what is no candidate", MATRIX, "read: phase2", "quality: {baseline: 7.5}", f"{MATRIX}:1: quality: 'baseline' is not a candidate; did you mean 'base'?"),
    # YAML
    _replaced("tab", ONE, "  - {rule: text", "\t- {rule: text", f"{ONE}:6: not valid YAML: there is a tab where YAML wants spaces"),
    _replaced("indentation", ONE, "batch_size", "  batch_size", f"{ONE}:3: not valid YAML"),
    _replaced("open bracket", PIPE, "[phase1, phase2]", "[phase1, phase2", f"{PIPE}:9: not valid YAML: a list or mapping in brackets is not closed"),
    _replaced("open quotation mark", PIPE, "name: trial", "name: 'trial", "pipeline.yaml:", "not valid YAML"),
    _replaced("unknown anchor", PIPE, "name: trial", "name: *trial", f"{PIPE}:1: not valid YAML: there is no '&anchor' for this '*'"),
    _replaced("tag", PIPE, "name: trial", "name: !!python/name:os.system trial", f"{PIPE}:1: the tag 'tag:yaml.org,2002:python/name:os.system' has no meaning here"),
    _with("empty file", ONE, b"", f"{ONE}:1: the file is empty"),
    _with("only comments", ONE, b"# later\n", f"{ONE}:1: the file is empty"),
    _with("list at the top", SAY, b"# x\n- a\n- b\n", f"{SAY}:2: expected a mapping of keys to values but got a list"),
    _with("word at the top", SAY, b"hello\n", f"{SAY}:1: expected a mapping of keys to values but got a single value"),
    _with("two documents", SAY, UTTERANCES.encode() + b"---\na: b\n", f"{SAY}:", "more than one document"),
    _with("not UTF-8", SAY, UTTERANCES.replace("Good", "Jó").encode("cp1250"), f"{SAY}:3: the byte 0xf3 is not UTF-8; save the file as UTF-8"),
    _with("UTF-16", SAY, UTTERANCES.encode("utf-16"), f"{SAY}:1: the file is in UTF-16"),
    _with("control character", SAY, UTTERANCES.replace("Hello", "He\x07llo").encode(), f"{SAY}:2: the character U+0007 is not allowed in YAML"),
    _with("escaped control character", SAY, UTTERANCES.replace("Hello.", '"He\\0llo"').encode(), f"{SAY}:2: the text contains a control character"),
    _with("fault behind a byte order mark", SAY, b"\xef\xbb\xbf" + UTTERANCES.replace("Hello.", "7").encode(), f"{SAY}:2: sentences[0].text: expected text that is not empty but got 7, a number"),
    _with("large file", ONE, b"#" * 1_100_000, f"{ONE}: has more than 1,000,000 bytes"),
    _with("anchor in itself", ONE, b"goal: &a [*a]\n", f"{ONE}:1: an anchor contains itself"),
    _with("aliases that explode", ONE, b"a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + b"".join(b"a%d: &a%d [%s]\n" % (n, n, b", ".join([b"*a%d" % (n - 1)] * 9)) for n in range(1, 9)), f"{ONE}:", "too many or too deeply nested values"),
    _with("nested without end", ONE, b"goal: " + b"[" * 5000, f"{ONE}:1: brackets or indentation are nested too deeply"),
    # The command line
    _set("set a wrong value", "phase2.learning_rate=fast", "--set phase2.learning_rate=fast: learning_rate: expected a positive number but got 'fast'"),
    _set("set an unknown key", "phase2.lr=2e-6", "--set phase2.lr=2e-6: unknown key 'lr'; did you mean 'learning_rate'?"),
    _set("set an unknown part", "phase_2.learning_rate=2e-6", "--set phase_2.learning_rate=2e-6: 'phase_2' is neither a phase nor a part of the config; did you mean 'phase2'?"),
    _set("set a phase's key alone", "learning_rate=1e-6", "--set learning_rate=1e-6: 'learning_rate' is a value of a phase; name the phase: --set phase1.learning_rate=1e-6"),
    _set("set a key within a phase's alone", "schedule.kind=cosine", "--set schedule.kind=cosine: 'schedule' is a value of a phase; name the phase: --set phase1.schedule.kind=cosine"),
    _set("set a pipeline key that is unknown", "langauge=en", "--set langauge=en: unknown key 'langauge'; did you mean 'language'?"),
    _set("set without a value", "phase2.learning_rate", "--set phase2.learning_rate: expected KEY=VALUE"),
    _set("set nothing", "=3", "--set =3: '' is not a key"),
    _set("set beyond a list", "phase1.stop_when[3].limit=1", "--set phase1.stop_when[3].limit=1: stop_when has 3 entries, counted from 0: there is no [3]"),
    _set("set within a number", "phase1.batch_size.x=1", "--set phase1.batch_size.x=1: batch_size is not a mapping here, so it has no key 'x'"),
    _set("set against the file", "phase1.epochs=2", "--set phase1.epochs=2: 'epochs' and 'steps' are both given; keep one of them"),
    _set("set bad YAML", "phase1.goal=[a", "--set phase1.goal=[a: not valid YAML"),
    _set("set a language", "language=no", "--set language=no: language: expected text but got no, which YAML reads as false"),
    # Several at once
    Wrong(
        "everything at once",
        {
            **RIGHT,
            PIPE: PIPELINE.replace("language: en", "language: english")
            .replace("phase2]", "phase2, phase3]")
            .encode(),
            ONE: PHASE1.replace("5e-6", "fast").replace("evals: 3", "evals: 1").encode(),
            TWO: PHASE2.replace("epochs", "epoch").replace("phase: phase1", "phase: phase2").encode(),
            SAY: b"sentences: []\n",
            MATRIX: DECISION.replace("ship: phase1", "ship: nothing").encode(),
        },
        (
            f"{PIPE}:3: language: 'english' is not a language of XTTS; did you mean 'en'?",
            f"{PIPE}:8: phases: 'phase3' is listed, but there is no phases/phase3.yaml",
            f"{ONE}:2: learning_rate: expected a positive number but got 'fast'",
            f"{ONE}:9: stop_when[2].evals: expected a whole number of at least 2 but got 1",
            f"{TWO}:2: resume_from.phase: a phase cannot resume from itself",
            f"{TWO}:4: unknown key 'epoch'; did you mean 'epochs'?",
            f"{SAY}:1: sentences: expected a list with at least one entry but got an empty list",
            f"{MATRIX}:7: rows[1].ship: 'nothing' is not a candidate",
            "8 errors; nothing was started.",
        ),
    ),
)
# fmt: on
