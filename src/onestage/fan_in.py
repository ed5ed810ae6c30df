"""Folders that gather one sub-folder a key: all keys must be there and no other.

DVC hands a consumer whatever lies in such a folder, also after a partial pull or when a key
has left params.yaml; so the consumer checks it against its parameters before it reads.
"""

from collections.abc import Iterable
from pathlib import Path

from onestage.errors import InputError
from onestage.outputs import PARTIAL_SUFFIX


def keyed_folders(root: Path, keys: Iterable[str], stage: str) -> dict[str, Path]:
    """Return the folder of each key, in the order of the keys.

    Raises:
        InputError: a key has no folder, or a folder has no key.
    """
    folders = {key: root / key for key in keys}
    for key, folder in folders.items():
        if not folder.is_dir():
            raise InputError(
                f"{folder}: missing; run dvc repro {stage}@{key}, or dvc pull {stage}@{key}"
            )
    for path in sorted(root.iterdir()):
        if path.name not in folders and path.suffix != PARTIAL_SUFFIX:
            raise InputError(
                f"{path}: no key of params.yaml has this name; a former run left it: rm -r {path}"
            )
    return folders
