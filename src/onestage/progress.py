"""Progress bars: on a terminal only, silent elsewhere."""

from collections.abc import Iterable
from typing import TypeVar

from tqdm import tqdm

T = TypeVar("T")


def progress(items: Iterable[T], what: str, unit: str) -> Iterable[T]:
    """Yield the items under a bar that shows after two seconds."""
    bar: Iterable[T] = tqdm(items, desc=what, unit=f" {unit}", delay=2, disable=None)
    return bar
