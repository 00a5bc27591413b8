"""What the repository promises about itself: documents, commands, packaging."""

from __future__ import annotations

import ast
import functools
import re
import runpy
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from xtts_finetune import errors
from xtts_finetune.cli.main import ALIASES

if sys.version_info >= (3, 11):
    import tomllib
else:
    tomllib = pytest.importorskip("tomli")

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
LONGEST_MODULE = 300


def tracked_files() -> list[Path]:
    """What a commit would hold: tracked files and new ones that git does not ignore."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("not a git checkout")
    paths = [ROOT / name for name in listed.stdout.decode("utf-8").split("\0") if name]
    return [path for path in paths if path.is_file()]


def text_of(path: Path) -> str | None:
    """The text of a file, None for a binary one."""
    content = path.read_bytes()
    return None if b"\0" in content else content.decode("utf-8")


def prose_and_code(document: Path) -> tuple[str, str]:
    """A document without its code blocks, and the code blocks."""
    text = document.read_text(encoding="utf-8")
    blocks = re.findall(r"^```.*?^```", text, flags=re.DOTALL | re.MULTILINE)
    return re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE), "\n".join(blocks)


def code_of(document: Path) -> str:
    """Everything that a document sets as code, in blocks and in lines."""
    prose, blocks = prose_and_code(document)
    return blocks + "\n" + "\n".join(re.findall(r"`([^`]+)`", prose))


def anchors_of(document: Path) -> set[str]:
    """Anchors of a document's headings, as GitHub makes them."""
    prose, _ = prose_and_code(document)
    headings = re.findall(r"^#+ (.+)$", prose, flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_relative_links_lead_somewhere(document: Path) -> None:
    prose, _ = prose_and_code(document)
    broken = []
    for target in re.findall(r"\]\(([^)\s]+)\)", prose):
        if re.match(r"[a-z]+://", target):
            continue
        name, _, anchor = target.partition("#")
        file = (document.parent / name).resolve() if name else document
        if not file.exists() or (anchor and anchor not in anchors_of(file)):
            broken.append(target)
    assert broken == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_make_targets_in_the_documents_exist(document: Path) -> None:
    rules = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE)
    mentioned = re.findall(r"(?:^|`)make ([a-z][a-z-]*)", code_of(document), flags=re.MULTILINE)
    assert set(mentioned) <= set(rules)


def test_make_help_lists_every_target() -> None:
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    (phony,) = re.findall(r"^\.PHONY: (.+)$", text, flags=re.MULTILINE)
    assert sorted(re.findall(r"^([a-z-]+):.* ## ", text, flags=re.MULTILINE)) == sorted(phony.split())


@functools.cache
def help_of(module: str) -> str:
    """What a command prints with --help."""
    shown = subprocess.run([sys.executable, "-m", module, "--help"], cwd=ROOT, capture_output=True, check=True)
    return shown.stdout.decode("utf-8")


def verbs_of_cli() -> set[str]:
    _, _, listed = help_of("xtts_finetune.cli.main").partition("Commands:")
    return set(re.findall(r"^  ([a-z][a-z-]*)", listed, flags=re.MULTILINE))


def options_of_run_pipeline() -> set[str]:
    return set(re.findall(r"--[a-z][a-z-]*", help_of("xtts_finetune.cli.run_pipeline")))


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_verbs_in_the_documents_exist(document: Path) -> None:
    mentioned = re.findall(r"(?:^|`|/|\\|: )xtts-finetune ([a-z][a-z-]*)", code_of(document), flags=re.MULTILINE)
    assert not mentioned or set(mentioned) <= verbs_of_cli() | set(ALIASES)


def test_readme_lists_every_verb() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    verbs = verbs_of_cli()
    assert "run" in verbs
    missing = [verb for verb in verbs - {"run"} if f"`xtts-finetune {verb}" not in readme]
    assert missing == []


def test_options_in_the_documents_exist() -> None:
    options = options_of_run_pipeline()
    assert "--plan" in options
    for document in DOCUMENTS:
        lines = [line for line in code_of(document).splitlines() if "run_pipeline" in line]
        mentioned = {option for line in lines for option in re.findall(r"--[a-z][a-z-]*", line)}
        assert mentioned <= options, document.name


def test_reference_is_current() -> None:
    build = runpy.run_path(str(ROOT / "docs" / "build_reference.py"))
    written = (ROOT / "docs" / "reference.md").read_text(encoding="utf-8")
    assert written == build["page"](), "run `make reference`"
    written = (ROOT / "docs" / "stopping.md").read_text(encoding="utf-8")
    assert written == build["stopping_page"](), "run `make reference`"


def test_the_reference_of_commands_is_current() -> None:
    build = runpy.run_path(str(ROOT / "docs" / "build_commands.py"))
    written = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
    assert written == build["page"](), "run `make reference`"


def test_no_paths_of_one_machine() -> None:
    # Put together here, so that this file does not name them.
    roots = [
        "/" + "home/",
        "/" + "root/",
        "/" + "Users/",
        "/" + "tmp/",
        "/" + "work/",
        "/" + "mnt/",
        ":\\" + "Users",
    ]
    found = []
    for path in tracked_files():
        text = text_of(path)
        for line in (text or "").splitlines():
            if any(re.search(rf"(?<![\w.~}}/-]){re.escape(root)}", line) for root in roots):
                found.append(f"{path.relative_to(ROOT)}: {line.strip()}")
    assert found == []


def test_modules_stay_short() -> None:
    lengths = {
        path: len(path.read_text(encoding="utf-8").splitlines()) for path in (ROOT / "xtts_finetune").rglob("*.py")
    }
    assert {str(path): length for path, length in lengths.items() if length > LONGEST_MODULE} == {}


def test_the_tree_of_errors_is_the_one_in_the_docstring() -> None:
    """Each exception of the package stands in errors.py with its module, below the one that it is a kind of."""
    written: set[tuple[str, str, str]] = set()
    kinds: list[str] = []
    for indent, name, module in re.findall(r"^((?: {4})+)(\w+) +([a-z][\w.]+)  ", errors.__doc__ or "", re.MULTILINE):
        kinds[len(indent) // 4 - 1 :] = [name]
        written.add((name, module, kinds[-2] if len(kinds) > 1 else "Exception"))
    package = ROOT / "xtts_finetune"
    defined: set[tuple[str, str, str]] = set()
    for file in package.rglob("*.py"):
        classes = [node for node in ast.walk(ast.parse(file.read_text("utf-8"))) if isinstance(node, ast.ClassDef)]
        module = ".".join(file.relative_to(package).with_suffix("").parts).removesuffix(".__init__")
        defined |= {(each.name, module, ast.unparse(base)) for each in classes for base in each.bases}
    found = {"Exception"}
    while more := {name for name, _, kind in defined if kind in found} - found:
        found |= more
    assert written == {each for each in defined if each[2] in found}


def defined_in(tree: ast.AST) -> dict[str, ast.AST]:
    """Functions, classes and values that a module or a class holds, by their names."""
    found: dict[str, ast.AST] = {}
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found[node.name] = node
        elif isinstance(node, ast.Assign):
            found |= {target.id: node for target in node.targets if isinstance(target, ast.Name)}
    return found


def test_places_that_the_documents_name_exist() -> None:
    named = {place for text in DOCUMENTS for place in re.findall(r"([\w/]+\.py):([A-Za-z_][\w.]*)", code_of(text))}
    assert len(named) > 30
    missing = []
    for file, names in named:
        path = next((path for path in (ROOT / "xtts_finetune" / file, ROOT / file) if path.is_file()), None)
        place: ast.AST | None = ast.parse(path.read_text(encoding="utf-8")) if path else None
        for name in names.split("."):
            place = defined_in(place).get(name) if place else None
        missing += [] if place else [f"{file}:{names}"]
    assert sorted(missing) == []


def test_design_names_every_room_and_the_way_of_imports() -> None:
    _, design = prose_and_code(ROOT / "docs" / "design.md")
    with (ROOT / "pyproject.toml").open("rb") as file:
        contract = tomllib.load(file)["tool"]["importlinter"]["contracts"][0]["layers"]
    layers = [{room.removeprefix("xtts_finetune.") for room in re.split(r" [|:] ", layer)} for layer in contract]
    blocks = [block.splitlines() for block in re.findall(r"```\n(.*?)```", design, flags=re.DOTALL)]
    assert [set(line.split(", ")) for line in blocks[1]] == layers
    assert {line.split()[0] for line in blocks[0]} == {room for layer in layers for room in layer}
    package = ROOT / "xtts_finetune"
    rooms = {path.stem for path in package.iterdir() if path.suffix == ".py" or (path / "__init__.py").is_file()}
    assert rooms - {"__init__"} == {room for layer in layers for room in layer}


def test_no_room_has_more_than_twenty_doors() -> None:
    package = ROOT / "xtts_finetune"
    doors: dict[Path, set[str]] = {}
    for module in package.rglob("*.py"):
        if module.name != "__init__.py":
            for inner in (module, *list(module.parents)[: list(module.parents).index(package)]):
                doors.setdefault(inner.parent, set()).add(inner.name)
    assert {str(room): len(names) for room, names in doors.items() if len(names) > 20} == {}


def test_every_folder_of_tests_is_that_of_a_room() -> None:
    folders = {path.name for path in (ROOT / "tests").iterdir() if any(path.glob("*.py"))}
    rooms = {path.name for path in (ROOT / "xtts_finetune").iterdir()}
    assert folders - rooms == {"benchmarks", "documents", "endurance", "launchers"}


def test_tests_and_benchmarks_share_through_the_testbed_alone() -> None:
    both = "tests|benchmarks"
    forbidden = {
        "tests": "benchmarks",
        "benchmarks": "tests",
        "testbed": both,
        "xtts_finetune": f"{both}|testbed",
    }
    found = [
        str(path.relative_to(ROOT))
        for folder, others in forbidden.items()
        for path in (ROOT / folder).rglob("*.py")
        if path.parent != ROOT / "tests" / "benchmarks"
        and re.search(rf"^\s*(from|import) ({others})\b", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    ]
    assert found == []


def project() -> dict[str, object]:
    with (ROOT / "pyproject.toml").open("rb") as file:
        return tomllib.load(file)["project"]  # type: ignore[no-any-return]


def constraints() -> dict[str, Requirement]:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [Requirement(line) for line in lines if line and not line.startswith("#")]
    return {canonicalize_name(pin.name): pin for pin in pins}


def declared_requirements() -> list[Requirement]:
    values = project()
    extras = values["optional-dependencies"]
    assert isinstance(extras, dict) and isinstance(values["dependencies"], list)
    lines = [*values["dependencies"], *(one for group in extras.values() for one in group)]
    # One extra takes in another by the project's own name, which has no version to pin.
    return [one for one in map(Requirement, lines) if one.name != values["name"]]


@pytest.mark.parametrize("requirement", declared_requirements(), ids=lambda one: one.name)
def test_constraints_pin_every_dependency(requirement: Requirement) -> None:
    pin = constraints()[canonicalize_name(requirement.name)]
    (specifier,) = pin.specifier
    assert specifier.operator == "=="
    assert requirement.specifier.contains(specifier.version)


def test_torch_and_torchaudio_are_of_one_version() -> None:
    assert constraints()["torch"].specifier == constraints()["torchaudio"].specifier


def test_launchers_have_windows_line_ends() -> None:
    launchers = sorted(ROOT.glob("*.bat"))
    names = {"TRAIN_PHASE2.bat", "breakthrough_training.bat", "run_plateau_solutions.bat"}
    assert names <= {path.name for path in launchers}
    attributes = (ROOT / ".gitattributes").read_text(encoding="utf-8").splitlines()
    assert "*.bat text eol=crlf" in attributes
    for path in launchers:
        content = path.read_bytes()
        assert content.count(b"\n") == content.count(b"\r\n") > 0
        content.decode("ascii")


@pytest.mark.parametrize("path", [*ROOT.glob("*.bat"), *(ROOT / "scripts").glob("*.bat")], ids=lambda path: path.name)
def test_launchers_jump_to_labels_that_exist(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    labels = set(re.findall(r"^:(\w+)", text, flags=re.MULTILINE))
    assert set(re.findall(r"\bgoto (\w+)", text)) <= labels


def test_hooks_need_no_network() -> None:
    import yaml

    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    assert [repository["repo"] for repository in hooks["repos"]] == ["local"]
    assert {hook["language"] for repository in hooks["repos"] for hook in repository["hooks"]} == {"system"}


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """The wheel, built by the backend that is installed: no network, no isolation."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (path,) = folder.glob("*.whl")
    return zipfile.ZipFile(path)


def test_wheel_holds_the_whole_package(wheel: zipfile.ZipFile) -> None:
    package = ROOT / "xtts_finetune"
    files = [path for path in tracked_files() if path.is_relative_to(package)]
    expected = {path.relative_to(ROOT).as_posix() for path in files}
    assert expected and expected <= set(wheel.namelist())


@pytest.mark.parametrize("name", ["pipeline.yaml", "phases", "eval", "data", "base"])
def test_wheel_holds_the_demo(wheel: zipfile.ZipFile, name: str) -> None:
    demo = ROOT / "samples" / "demo"
    part = demo / name
    files = [path for path in tracked_files() if path == part or path.is_relative_to(part)]
    expected = {f"xtts_finetune/setup/demo/{path.relative_to(demo).as_posix()}" for path in files}
    assert expected and expected <= set(wheel.namelist())


def test_wheel_holds_the_optimization_levels(wheel: zipfile.ZipFile) -> None:
    levels = [path.name for path in (ROOT / "phases" / "levels").glob("*.yaml")]
    assert levels
    assert {f"xtts_finetune/spec/level_files/{name}" for name in levels} <= set(wheel.namelist())


def test_wheel_has_the_commands_and_the_licence(wheel: zipfile.ZipFile) -> None:
    (points,) = [name for name in wheel.namelist() if name.endswith("entry_points.txt")]
    text = wheel.read(points).decode("utf-8")
    assert "run_pipeline = " in text and "xtts-finetune = " in text
    assert any(name.endswith("licenses/LICENSE") for name in wheel.namelist())
