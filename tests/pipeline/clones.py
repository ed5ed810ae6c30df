"""Fresh clones of the project, each with a home, a cache and a locale of its own."""

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from ruamel.yaml import YAML

ROOT = Path(__file__).resolve().parents[2]
OUTPUT_FOLDERS = (
    *(f"data/{name}" for name in ("collect", "unify", "dedupe", "sample", "pack", "model")),
    *("data/evaluate", "data/rejected", "metrics", "plots"),
)
_LONGEST_RUN_S = 1500


class Clone(NamedTuple):
    """A checkout of the project and the environment in which its commands run."""

    root: Path
    environment: Mapping[str, str]

    def run(self, *command: str, succeeds: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a command in the clone; fail unless it ends as expected."""
        found = subprocess.run(
            command,
            cwd=self.root,
            env=dict(self.environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="surrogateescape",
            timeout=_LONGEST_RUN_S,
            check=False,
        )
        if succeeds != (found.returncode == 0):
            raise AssertionError(
                f"{' '.join(command)} in {self.root} ended with {found.returncode}:\n"
                f"{found.stdout[-6000:]}"
            )
        return found

    def dvc(self, *arguments: str, succeeds: bool = True) -> str:
        """Return what a dvc command prints."""
        return self.run("dvc", *arguments, succeeds=succeeds).stdout

    def git(self, *arguments: str) -> str:
        """Return what a git command prints."""
        return self.run("git", *arguments).stdout

    def copied_to(self, folder: Path) -> "Clone":
        """Return a copy, outputs and cache included, that may be changed at will."""
        shutil.copytree(self.root, folder, symlinks=True)
        return Clone(folder, _environment(folder, self.environment))

    def params(self) -> dict[str, Any]:
        """Return the parameter file."""
        document: dict[str, Any] = YAML(typ="safe").load(self.root / "params.yaml")
        return document

    def set_param(self, name: str, value: Any) -> None:
        """Change one value of the parameter file, by its dotted name; all else stays in place."""
        yaml = YAML()
        document = yaml.load(self.root / "params.yaml")
        *sections, leaf = name.split(".")
        place = document
        for section in sections:
            place = place[section]
        assert leaf in place, f"params.yaml has no {name}"
        assert place[leaf] != value, f"{name} is {value} already"
        place[leaf] = value
        yaml.dump(document, self.root / "params.yaml")


def ran(output: str) -> list[str]:
    """Return the stages that `dvc repro` or `dvc exp run` started, in their order."""
    return re.findall(r"^Running stage '([^']+)'", output, flags=re.MULTILINE)


def digests(root: Path, folders: tuple[str, ...] = OUTPUT_FOLDERS) -> dict[str, str]:
    """Return the SHA-256 of every file in the folders, by its path in the clone."""
    paths = [path for folder in folders for path in (root / folder).rglob("*") if path.is_file()]
    return {
        path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(paths)
    }


def make_clone(folder: Path, *, locale: Mapping[str, str], reverse: bool = False) -> Clone:
    """Return a clone of the working tree with the toy profile, as one commit without outputs.

    `reverse` creates files in the opposite order, and so, on many file systems, lists folders.
    """
    folder.mkdir(parents=True)
    clone = Clone(folder, _environment(folder, locale))
    names = _project_files()
    for name in reversed(names) if reverse else names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, folder / name)
    shutil.copyfile(ROOT / "profiles" / "toy.yaml", folder / "params.yaml")
    clone.git("init", "--quiet", "--initial-branch=main")
    clone.git("config", "user.name", "clone")
    clone.git("config", "user.email", "clone@example.org")
    clone.git("add", "--all")
    clone.git("commit", "--quiet", "--message", "The project as it is")
    return clone


def built_once(folder: Path, build: Callable[[Path], Clone], locale: Mapping[str, str]) -> Clone:
    """Return the clone in `folder`, built by whichever worker asks first; others wait for it."""
    verdict = folder.with_name(folder.name + ".built")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with _locked(folder.with_name(folder.name + ".lock")):
        if not verdict.exists():
            verdict.write_text("the clone could not be built; another worker reports why")
            build(folder)
            verdict.write_text("")
        assert not verdict.read_text(), verdict.read_text()
    return Clone(folder, _environment(folder, locale))


def _project_files() -> list[str]:
    """Return the files that are committed or would be, were everything committed now."""
    command = ("git", "ls-files", "--cached", "--others", "--exclude-standard", "-z")
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout
    names = {os.fsdecode(name) for name in listed.split(b"\0") if name}
    return sorted(name for name in names if (ROOT / name).is_file())


def _environment(folder: Path, more: Mapping[str, str]) -> dict[str, str]:
    """Return an environment with nothing of the user's but the path to this interpreter."""
    home = folder.with_name(folder.name + ".home")
    home.mkdir(exist_ok=True)
    return {
        **more,
        "PATH": f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin",
        "HOME": str(home),
        "DVC_SITE_CACHE_DIR": str(home / "site"),
        "GIT_CONFIG_NOSYSTEM": "1",
        # The clone's code, not that of the project in which the package was installed.
        "PYTHONPATH": f"{folder / 'src'}:{folder}",
        # Two clones may train at once: threads that spin while they wait would starve each other.
        "OMP_WAIT_POLICY": "passive",
    }


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield
