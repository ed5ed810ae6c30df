"""What determines a result besides its inputs: the code and the libraries that ran."""

import hashlib
import sys
from functools import cache
from pathlib import Path


def file_digest(path: Path) -> str:
    """Return a hash (24 hex digits) of a file's bytes."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, lambda: hashlib.blake2b(digest_size=12)).hexdigest()


@cache
def code_digest() -> str:
    """Return a hash of this package's source files and of the versions of all libraries."""
    package = Path(__file__).parent
    digest = hashlib.blake2b(digest_size=12)
    for path in sorted(package.rglob("*.py")):
        digest.update(path.relative_to(package).as_posix().encode() + b"\0" + path.read_bytes())
    # Their folders' names tell names and versions; to parse all their metadata takes a second.
    installed = {found.name for place in sys.path for found in Path(place).glob("*.dist-info")}
    digest.update("\n".join(sorted(installed)).encode())
    return digest.hexdigest()
