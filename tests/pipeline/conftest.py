"""Two clones of the project, each built once a session and shared by all workers.

Tests of one clone belong to one group (`--dist loadgroup`), so that the two are built side by
side. Whoever changes something works in a copy.
"""

import os
from pathlib import Path

import pytest
from pipeline.clones import Clone, built_once, make_clone

FIRST = {"LANG": "C", "LC_ALL": "C", "TZ": "UTC", "PYTHONHASHSEED": "1"}
SECOND = {"LANG": "C.UTF-8", "LC_ALL": "C.UTF-8", "TZ": "Asia/Kathmandu", "PYTHONHASHSEED": "77"}


@pytest.fixture(scope="session")
def clones_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder that all workers of this session share."""
    base = tmp_path_factory.getbasetemp()
    return (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "clones"


@pytest.fixture(scope="session")
def first(clones_root: Path) -> Clone:
    """Return a clone after `dvc repro` of the toy profile; do not change it."""

    def build(folder: Path) -> Clone:
        clone = make_clone(folder, locale=FIRST)
        clone.dvc("repro")
        return clone

    return built_once(clones_root / "a", build, FIRST)


@pytest.fixture(scope="session")
def second(clones_root: Path) -> Clone:
    """Return another clone, elsewhere and under another locale, clock and hash seed."""

    def build(folder: Path) -> Clone:
        clone = make_clone(folder, locale=SECOND, reverse=True)
        clone.dvc("repro")
        return clone

    return built_once(clones_root / "another, with a longer name" / "project", build, SECOND)
