"""Which of the project's files a stage imports, directly or not, found by reading the code."""

import ast
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def module_file(name: str) -> Path | None:
    """Return the file of a project module, or None for libraries."""
    root = ROOT / "src" if name.split(".", maxsplit=1)[0] == "onestage" else ROOT
    path = root / Path(*name.split("."))
    for candidate in (path.with_suffix(".py"), path / "__init__.py"):
        if candidate.is_file() and candidate.is_relative_to(ROOT):
            return candidate
    return None


def imported_names(file: Path) -> set[str]:
    """Return every module that a file imports anywhere, also inside of functions."""
    return _names(ast.walk(ast.parse(file.read_text(encoding="utf-8"))))


def names_imported_first(file: Path) -> set[str]:
    """Return every module that is imported as soon as a file is, before any function runs."""
    waiting: list[ast.AST] = [ast.parse(file.read_text(encoding="utf-8"))]
    found = []
    while waiting:
        node = waiting.pop()
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            found.append(node)
            waiting += ast.iter_child_nodes(node)
    return _names(found)


def _names(nodes: Iterable[ast.AST]) -> set[str]:
    names: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def with_packages(name: str) -> list[str]:
    """Return a module's name and those of the packages around it, which are imported too."""
    parts = name.split(".")
    return [".".join(parts[: i + 1]) for i in range(len(parts))]


def closure(entry: Path) -> list[str]:
    """Return the project files behind an entry script, itself included, as sorted paths."""
    found: set[Path] = set()
    waiting = [entry]
    while waiting:
        file = waiting.pop()
        if file in found:
            continue
        found.add(file)
        for name in imported_names(file):
            waiting += [path for part in with_packages(name) if (path := module_file(part))]
    return sorted(path.relative_to(ROOT).as_posix() for path in found)


def imported_modules(file: Path) -> set[str]:
    """Return the project modules that a file itself imports, by their paths."""
    files = (module_file(name) for name in imported_names(file))
    return {path.relative_to(ROOT).as_posix() for path in files if path}
