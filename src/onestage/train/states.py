"""The state of a run, kept in scratch so that an interrupted run goes on from it."""

import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

from onestage.base import Base
from onestage.errors import InputError
from onestage.fingerprint import file_digest
from onestage.train import ranks
from onestage.train.settings import Train

_MANIFEST = "manifest.json"
_WRITING = "writing"
_FOLDER = Path("scratch/train")


def fingerprint(choices: dict[str, Any], files: Iterable[Path], *, ranks: int) -> str:
    """Return a hash (24 hex digits) of all that determines the weights of a run.

    `choices` are the parameter sections, `files` rows and base: their names and content count,
    not their place. So do the code of training, the versions of torch and transformers, and the
    number of ranks, since a state is that of a topology.
    """
    digest = hashlib.blake2b(digest_size=12)
    versions = {library: version(library) for library in ("torch", "transformers")}
    facts = {"choices": choices, "ranks": ranks, "versions": versions}
    digest.update(json.dumps(facts, sort_keys=True, ensure_ascii=False).encode())
    for path in [*sorted(Path(__file__).parent.glob("*.py")), *files]:
        digest.update(f"\0{path.name}\0{file_digest(path)}".encode())
    return digest.hexdigest()


class States:
    """A folder with the last states of one run, named by their steps.

    A state is written in `writing`, gets a manifest of its files' sizes and hashes, and is
    renamed to `step-00000040`. What a kill leaves unfinished or a disk mangles fails its
    manifest and counts as absent.
    """

    def __init__(self, folder: Path, *, keep: int) -> None:
        self.folder = folder
        self._keep = keep

    @property
    def writing(self) -> Path:
        """Where the parts of the next state are put."""
        return self.folder / _WRITING

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Hold the folder for this process, first removing what is no whole state.

        Raises:
            InputError: another process trains in it.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "lock").open("wb") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise InputError(
                    f"{self.folder}: another process is training this very run; wait for it or "
                    "end it"
                ) from None
            shutil.rmtree(self.writing, ignore_errors=True)
            for state in self.kept():
                if not is_whole(state):
                    shutil.rmtree(state)
            yield

    def kept(self) -> list[Path]:
        """Return the states, oldest first; once taken all of them are whole."""
        return sorted(self.folder.glob("step-*"))

    def last(self) -> str:
        """Return in words which state a run would go on from."""
        kept = self.kept()
        return f"kept is {kept[-1]}" if kept else "no earlier state is kept"

    def publish(self, written: Path, step: int) -> None:
        """Make a folder that was written in `writing` the state at `step`; drop the oldest."""
        write_manifest(written)
        target = self.folder / f"step-{step:08d}"
        shutil.rmtree(target, ignore_errors=True)
        written.rename(target)
        _to_disk(self.folder)
        for old in self.kept()[: -self._keep]:
            shutil.rmtree(old)

    def remove(self) -> None:
        """Remove the folder: the run has ended well."""
        shutil.rmtree(self.folder)


def step_of(state: Path) -> int:
    """Return the number of steps that a state has behind it."""
    return int(state.name.removeprefix("step-"))


def write_manifest(state: Path) -> None:
    """Bring a state's files to the disk and write down their sizes and hashes."""
    files = sorted(path for path in state.rglob("*") if path.is_file())
    facts = {}
    for path in files:
        _to_disk(path)
        facts[path.relative_to(state).as_posix()] = [path.stat().st_size, file_digest(path)]
    manifest = state / _MANIFEST
    manifest.write_text(json.dumps(facts, indent=1), encoding="utf-8")
    _to_disk(manifest)


def is_whole(state: Path) -> bool:
    """Return whether a state has all files of its manifest, unchanged."""
    try:
        facts = json.loads((state / _MANIFEST).read_text(encoding="utf-8"))
        return all(
            (state / name).stat().st_size == size and file_digest(state / name) == digest
            for name, (size, digest) in facts.items()
        )
    except (OSError, ValueError):
        return False


def _to_disk(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def base_files(base: Base) -> list[Path]:
    """Return the files that determine the weights to start from."""
    folder = Path(base.path)
    weights = sorted(folder.glob("*.safetensors")) if base.init == "pretrained" else []
    return [folder / "config.json", *weights]


def states_of(sections: dict[str, Any], files: Iterable[Path], choices: Train) -> States:
    """Return the states of the run that these parameters, files and the ranks determine."""
    name = fingerprint(sections, files, ranks=ranks.ranks())
    return States(_FOLDER / name, keep=max(2, choices.average_last))
