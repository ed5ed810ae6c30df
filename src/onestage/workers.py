"""Runs a function over items in order: here, on local processes, or on a Ray cluster."""

import multiprocessing
import os
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing
from functools import partial
from multiprocessing.connection import wait
from pathlib import Path
from threading import Thread
from typing import Any, TypeVar

from onestage.errors import InputError, OnestageError

WORKERS = "ONESTAGE_WORKERS"
RAY_ADDRESS = "RAY_ADDRESS"

T = TypeVar("T")
R = TypeVar("R")


def worker_count() -> int:
    """Return how many processes may work at once: ONESTAGE_WORKERS, or every usable core.

    Raises:
        InputError: the variable is no positive number.
    """
    asked = os.environ.get(WORKERS)
    if asked is None:
        return len(os.sched_getaffinity(0))
    if not asked.isdecimal() or int(asked) < 1:
        raise InputError(f"{WORKERS}: expected a number from 1, found {asked!r}; mend or unset it")
    return int(asked)


def ordered_map(function: Callable[[T], R], items: Sequence[T]) -> Generator[R]:
    """Yield `function(item)` in the order of the items, whoever computed it. Close it after use.

    With a RAY_ADDRESS in the environment the work goes to that cluster, whose nodes must see
    the same folders; otherwise to local processes; one worker or one item stays in this one.
    `function` must be importable (no lambda).

    Raises:
        OnestageError: as raised by the function, or when a worker was ended from outside.
    """
    workers = min(worker_count(), len(items))
    run = partial(_caught, function)
    if os.environ.get(RAY_ADDRESS):
        results = _on_ray(partial(_in_folder, Path.cwd(), run), items)
    elif workers < 2:
        results = (run(item) for item in items)
    else:
        results = _on_processes(function, items, workers)
    # Closed here: left to the garbage collector, a pool may be ended from within the start of
    # another one's thread, and both wait for ever.
    with closing(results):
        for result in results:
            if isinstance(result, OnestageError):
                raise result
            yield result


def _caught(function: Callable[[T], R], item: T) -> R | OnestageError:
    """Return the project's own errors: raised, each backend would wrap them in its own way."""
    try:
        return function(item)
    except OnestageError as error:
        return error


def _in_folder(folder: Path, function: Callable[[T], R], item: T) -> R:
    os.chdir(folder)
    return function(item)


def _on_processes(
    function: Callable[[T], R], items: Sequence[T], workers: int
) -> Generator[R | OnestageError]:
    # Not forked: libraries may hold threads by now. Not multiprocessing.Pool: it waits for
    # ever for the result of a worker that the system has ended.
    context = multiprocessing.get_context("forkserver")
    # What the workers need is imported once, in the process that they are forked from.
    context.set_forkserver_preload([_module(function)])
    with ProcessPoolExecutor(workers, context, initializer=_end_with_parent) as pool:
        futures = [pool.submit(_caught, function, item) for item in items]
        try:
            for future in futures:
                yield future.result()
        except BrokenProcessPool as error:
            raise InputError(
                "a worker was ended from outside, perhaps for want of memory; "
                f"run again, with fewer workers ({WORKERS}) if it recurs"
            ) from error
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _module(function: Any) -> str:
    """Return the module of a function, or of what a partial calls."""
    return str(getattr(function, "func", function).__module__)


def _end_with_parent() -> None:
    """Let no worker outlive a parent that was ended without a chance to stop it."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        Thread(target=_exit_after, args=(parent.sentinel,), daemon=True).start()


def _exit_after(sentinel: int) -> None:
    wait([sentinel])
    os._exit(1)


def _on_ray(function: Callable[[T], R], items: Sequence[T]) -> Generator[R]:
    try:
        from ray.util.multiprocessing import Pool  # noqa: PLC0415  (an optional extra)
    except ImportError as error:
        raise InputError(
            f"{RAY_ADDRESS} is set but ray is not installed; unset it, or install onestage[ray]"
        ) from error
    pool: Any = Pool(ray_address=os.environ[RAY_ADDRESS])
    try:
        yield from pool.imap(function, items, chunksize=1)
    finally:
        pool.terminate()
