"""Who may import whom, and that dvc.yaml says what the code does."""

import ast
import re
from pathlib import Path
from typing import Any

import pytest
from import_closure import (
    ROOT,
    closure,
    imported_modules,
    imported_names,
    module_file,
    names_imported_first,
)

from onestage import params

SRC = ROOT / "src" / "onestage"
MODULES = sorted(SRC.rglob("*.py"))
STAGES = sorted(path for path in (ROOT / "stages").glob("*.py") if path.stem != "__init__")
FEATURES = ("collect", "unify", "dedupe", "pack", "train", "evaluate", "sample", "comparison")
# These stand above the features: they look at everything from the command line.
TOOLS = {
    "check",
    "cli",
    "convert_commands",
    "filter_commands",
    "filter_recipe",
    "lexicon_weights",
    "mixture_commands",
    "pack_commands",
    "results_commands",
    "unify_commands",
}
HEAVY = {
    "torch", "transformers", "lm_eval", "accelerate", "deepspeed", "datasets", "safetensors",
    "sentence_transformers", "usearch", "peft",
}  # fmt: skip
# Only a function that is asked for vectors may import these: without them nothing waits.
HEAVY_LATER = {
    "dedupe/embeddings.py": {"torch", "transformers", "sentence_transformers"},
    "dedupe/neighbours.py": {"torch", "usearch"},
}
# What writes a base works on its tensors.
CONVERTING = {"baichuan2.py", "gemma3.py", "gguf_file.py"}
DVC = params.load_document(ROOT / "dvc.yaml")["stages"]


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def _feature(path: str) -> str | None:
    """Return the feature that a file belongs to, or None for a base module."""
    first = path.removeprefix("src/onestage/").split("/")[0].removesuffix(".py")
    return first if first in FEATURES else None


def test_every_feature_is_there() -> None:
    assert {_feature(_name(path)) for path in MODULES} - {None} == set(FEATURES)


@pytest.mark.parametrize("path", MODULES, ids=_name)
def test_the_library_imports_downwards_only(path: Path) -> None:
    own = _feature(_name(path))
    for other in sorted(imported_modules(path)):
        assert not other.startswith("stages/")
        if path.stem not in TOOLS:
            assert _feature(other) in (None, own), f"{_name(path)} imports {other}"
            assert Path(other).stem not in TOOLS


@pytest.mark.parametrize("path", STAGES, ids=_name)
def test_stages_do_not_import_one_another(path: Path) -> None:
    stages = {other for other in imported_modules(path) if other.startswith("stages/")}
    assert stages <= {"stages/__init__.py"}


@pytest.mark.parametrize("path", MODULES, ids=_name)
def test_only_training_and_scoring_code_imports_the_heavy_libraries(path: Path) -> None:
    found = {name.split(".")[0] for name in imported_names(path)} & HEAVY
    name = _name(path).removeprefix("src/onestage/")
    if name in CONVERTING or name == "checkpoint.py" or name.startswith("train/"):
        found -= HEAVY - {"lm_eval", "sentence_transformers", "usearch"}
    if name in ("collect/classifier.py", "base_folder.py"):  # numpy's part, without torch
        found -= {"safetensors"}
    if name == "evaluate/harness.py":
        found -= {"torch", "lm_eval"}
    if name in HEAVY_LATER:
        found -= HEAVY_LATER[name]
        found |= {one.split(".")[0] for one in names_imported_first(path)} & HEAVY
    assert not found


@pytest.mark.parametrize("path", STAGES, ids=_name)
def test_stages_import_nothing_heavy_at_module_scope(path: Path) -> None:
    """`--help` and wrong usage must not wait for torch."""
    waiting, seen = [*names_imported_first(path)], set()
    while waiting:
        name = waiting.pop()
        if name.split(".")[0] == "safetensors" and not name.startswith("safetensors.torch"):
            continue  # no torch behind it
        assert name.split(".")[0] not in HEAVY, f"{_name(path)} imports {name}"
        file = module_file(name)
        if file and file not in seen:
            seen.add(file)
            waiting += names_imported_first(file)


def _each(stage: str) -> dict[str, Any]:
    entry: dict[str, Any] = DVC[stage]
    body: dict[str, Any] = entry.get("do", entry)
    return body


def test_dvc_has_the_stages_that_there_are() -> None:
    assert set(DVC) == {path.stem for path in STAGES}


@pytest.mark.parametrize("path", STAGES, ids=_name)
def test_the_code_dependencies_of_a_stage_are_what_it_imports(path: Path) -> None:
    listed = [dep for dep in _each(path.stem)["deps"] if str(dep).endswith(".py")]
    assert sorted(listed) == closure(path)
    assert len(listed) == len(set(listed))


def _sections_read(path: Path) -> set[str]:
    """Return the names that a script hands to params.section and params.mapping."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr in ("section", "mapping")
        ):
            name = node.args[1]
            if isinstance(name, ast.JoinedStr):
                found.add("".join(
                    part.value if isinstance(part, ast.Constant) else "${key}"
                    for part in name.values
                ))  # fmt: skip
            else:
                assert isinstance(name, ast.Constant)
                found.add(name.value)
    return found


@pytest.mark.parametrize("path", STAGES, ids=_name)
def test_the_params_of_a_stage_are_the_sections_that_it_reads(path: Path) -> None:
    listed = _each(path.stem)["params"]
    assert set(listed) == _sections_read(path)
    assert all("." not in name or name.endswith(".${key}") for name in listed)


@pytest.mark.parametrize("path", STAGES, ids=_name)
def test_commands_hold_no_machine_path_and_no_count_of_workers(path: Path) -> None:
    command = _each(path.stem)["cmd"]
    assert command.split()[:3] == ["python", "-m", f"stages.{path.stem}"]
    assert not re.search(r"(^|\s)/|workers|jobs", command)
    assert _each(path.stem).get("desc") or DVC[path.stem].get("desc")


def test_no_name_says_nothing() -> None:
    hollow = re.compile(r"utils?|managers?|process(or|ing)?|helpers?|common|misc", re.IGNORECASE)
    names: set[str] = set()
    for path in (*MODULES, *STAGES):
        names |= {path.stem, path.parent.name}
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef):
                names.add(node.name)
    words = {
        name: re.sub(r"([a-z])([A-Z])", r"\1_\2", name).strip("_").split("_") for name in names
    }
    found = {
        name
        for name, parts in words.items()
        if hollow.fullmatch(parts[0]) or hollow.fullmatch(parts[-1])
    }
    assert found <= {"process_results"}  # which lm-eval calls


@pytest.mark.parametrize("path", STAGES, ids=_name)
def test_a_stage_is_thin_and_tells_its_conservation(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text)
    assert len(text.splitlines()) <= 120
    assert "Conservation" in (ast.get_docstring(tree) or "")
    allowed = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.Assign, ast.Expr, ast.If)
    assert all(isinstance(node, allowed) for node in tree.body)


def test_importing_a_module_by_its_name_reads_the_file_in_src() -> None:
    assert module_file("onestage.train") == SRC / "train" / "__init__.py"
    assert module_file("torch") is None
