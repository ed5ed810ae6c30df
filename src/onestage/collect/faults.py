"""A file that cannot be read as what its source says is one clear line, whatever library fails."""

import csv
import lzma
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as arrow
import zstandard
from lxml import etree

from onestage.errors import InputError
from onestage.sources import Source

_FAULTS = (
    *(OSError, EOFError, LookupError, RecursionError),
    *(ValueError, csv.Error, etree.LxmlError, arrow.ArrowException),  # wrong bytes, JSON, numbers
    *(zlib.error, lzma.LZMAError, zstandard.ZstdError),
)


@contextmanager
def container_faults(path: Path, source: Source) -> Iterator[None]:
    """Turn whatever reading a file raises into an `InputError` that names it and the remedy."""
    try:
        yield
    except _FAULTS as error:
        raise InputError(
            f"{path}: cannot be read as {source.format} in {source.encoding} "
            f"({' '.join(str(error).split())}); "
            "mend the file, or the source's format and encoding in params.yaml"
        ) from error
