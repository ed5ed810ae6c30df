"""Progress bars: on a terminal only, silent elsewhere."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

from tqdm import tqdm

T = TypeVar("T")
_DELAY_S = 2


def progress(items: Iterable[T], what: str, unit: str, *, total: int | None = None) -> Iterable[T]:
    """Yield the items under a bar that shows after two seconds."""
    bar: Iterable[T] = tqdm(
        items, total=total, desc=what, unit=f" {unit}", delay=_DELAY_S, disable=None
    )
    return bar


def byte_progress(
    items: Iterable[T], sizes: Sequence[int], what: str, note: Callable[[T], str]
) -> Iterator[T]:
    """Yield the items under a bar in bytes, of which each stands for its size; `note` goes last."""
    with tqdm(
        total=sum(sizes), desc=what, unit="B", unit_scale=True, delay=_DELAY_S, disable=None
    ) as bar:
        for size, item in zip(sizes, items, strict=True):
            bar.set_postfix_str(note(item), refresh=False)
            bar.update(size)
            yield item


def noted_progress(
    items: Iterable[T], total: int, what: str, unit: str, note: Callable[[], str]
) -> Iterator[T]:
    """Yield the items under a bar that knows their number; `note` says more about the run."""
    with tqdm(total=total, desc=what, unit=f" {unit}", delay=_DELAY_S, disable=None) as bar:
        for item in items:
            if not bar.disable:
                bar.set_postfix_str(note(), refresh=False)
            bar.update()
            yield item
