"""Responses of a language model: what names them, and the store from which none is asked twice.

The store is an SQLite database. A response is in it before it is used, one transaction each,
so that a run that is killed at any moment goes on where it was.
"""

import sqlite3
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from onestage.errors import InputError
from onestage.records import Record
from onestage.unify.prompts import CallName

FAULT = "fault:"


class Response(Record, frozen=True):
    """One answer of the model, as the store and `data/responses/SOURCE` hold it.

    `key` names what was asked: model, prompt, sampling and try. `series` names all tries of a
    passage; `tries` is how many it was allowed. `finish_reason` is the endpoint's, or `fault:`
    and the kind of fault for which the call was given up. Tokens are the endpoint's count.
    """

    key: str
    series: str
    call: CallName
    attempt: int
    tries: int
    model: str
    text: str
    finish_reason: str
    prompt_tokens: int
    completion_tokens: int


class Spent(NamedTuple):
    """What a source has cost: tokens told by the endpoint, and those of requests without a reply.

    Those may have been paid for, so they count at the most that they can have cost.
    """

    prompt_tokens: int = 0
    completion_tokens: int = 0


_SCHEMA = """
CREATE TABLE IF NOT EXISTS responses (
    key TEXT PRIMARY KEY, series TEXT NOT NULL, call TEXT NOT NULL, attempt INTEGER NOT NULL,
    tries INTEGER NOT NULL, model TEXT NOT NULL, text TEXT NOT NULL, finish_reason TEXT NOT NULL,
    prompt_tokens INTEGER NOT NULL, completion_tokens INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS settled (series TEXT PRIMARY KEY, tries INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS spent (
    source TEXT PRIMARY KEY, prompt_tokens INTEGER NOT NULL, completion_tokens INTEGER NOT NULL
) WITHOUT ROWID;
"""
_INSERT = "INSERT OR IGNORE INTO responses VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
# A response takes the place of a fault that stands for one.
_TAKE_OVER = (
    _INSERT.replace("OR IGNORE ", "") + " ON CONFLICT (key) DO UPDATE SET "
    "text = excluded.text, finish_reason = excluded.finish_reason, "
    "prompt_tokens = excluded.prompt_tokens, completion_tokens = excluded.completion_tokens "
    f"WHERE responses.finish_reason GLOB '{FAULT}*' AND NOT excluded.finish_reason GLOB '{FAULT}*'"
)
_SETTLE = (
    "INSERT INTO settled VALUES (?, ?) ON CONFLICT (series) "
    "DO UPDATE SET tries = max(tries, excluded.tries)"
)
_SPEND = (
    "INSERT INTO spent VALUES (?, ?, ?) ON CONFLICT (source) DO UPDATE SET "
    "prompt_tokens = prompt_tokens + excluded.prompt_tokens, "
    "completion_tokens = completion_tokens + excluded.completion_tokens"
)
_BUSY_S = 60.0
_LOOK_AGAIN_S = 0.02


class ResponseStore:
    """All responses of a project, whichever source they are for. Close it after use."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._base = sqlite3.connect(path, timeout=_BUSY_S, isolation_level=None)
            self._use_write_ahead_log()
            # A killed process loses nothing; a machine that loses power, at most the last ones.
            self._base.execute("PRAGMA synchronous = NORMAL")
            self._base.executescript(_SCHEMA)
        except sqlite3.OperationalError as error:
            raise InputError(
                f"{path}: the store of responses cannot be opened ({error}); make space, or wait "
                "for whoever writes to it, and run again"
            ) from error
        except sqlite3.DatabaseError as error:
            raise InputError(
                f"{path}: not the store of responses ({error}); move it away, and import what "
                "data/responses holds"
            ) from error

    def _use_write_ahead_log(self) -> None:
        """Switch the mode, for which SQLite does not wait while another run makes the store."""
        end = time.monotonic() + _BUSY_S
        while True:
            try:
                self._base.execute("PRAGMA journal_mode = WAL")
            except sqlite3.OperationalError:
                if time.monotonic() > end:
                    raise
                time.sleep(_LOOK_AGAIN_S)
            else:
                return

    def close(self) -> None:
        """Give the database back."""
        self._base.close()

    def get(self, key: str) -> Response | None:
        """Return the response of that key, if there is one."""
        row = self._base.execute("SELECT * FROM responses WHERE key = ?", (key,)).fetchone()
        return Response(*row) if row else None

    def put(self, response: Response) -> Response:
        """Keep a response, in a transaction of its own.

        Return what the store holds: the first of its key, should two runs have asked at once.
        """
        with _written():
            self._base.execute(_INSERT, _row(response))
        return self.get(response.key) or response

    def charge(self, source: str, prompt_tokens: int, completion_tokens: int) -> None:
        """Count what a request costs the source; below 0, what it cost less than was counted."""
        with _written():
            self._base.execute(_SPEND, (source, prompt_tokens, completion_tokens))

    def spent(self, source: str) -> Spent:
        """Return what the source has cost since the store was made."""
        query = "SELECT prompt_tokens, completion_tokens FROM spent WHERE source = ?"
        row = self._base.execute(query, (source,)).fetchone()
        return Spent(*row) if row else Spent()

    def settle(self, series: str, tries: int) -> None:
        """Remember that a passage came to its end with that many tries allowed."""
        with _written():
            self._base.execute(_SETTLE, (series, tries))

    def settled(self, series: str) -> int:
        """Return with how many tries allowed the passage came to its end, or 0."""
        row = self._base.execute("SELECT tries FROM settled WHERE series = ?", (series,)).fetchone()
        return int(row[0]) if row else 0

    def add(self, responses: Iterable[Response]) -> tuple[int, int, int]:
        """Take responses over from elsewhere, all or none.

        Return how many there are, how many are new, and how many differ from those held here,
        which stay; a fault that is held does not.
        """
        count = new = other = 0
        with _written(), self._base:
            self._base.execute("BEGIN IMMEDIATE")
            for response in responses:
                count += 1
                taken = self._base.execute(_TAKE_OVER, _row(response)).rowcount
                new += taken
                other += not taken and not self._holds(response)
                self._base.execute(_SETTLE, (response.series, response.tries))
        return count, new, other

    def _holds(self, response: Response) -> bool:
        held = self.get(response.key)
        return held is not None and (held.text, held.finish_reason) == (
            response.text, response.finish_reason
        )  # fmt: skip


@contextmanager
def _written() -> Iterator[None]:
    """Say in one line that the database takes no more, for want of space or of a lock."""
    try:
        yield
    except sqlite3.OperationalError as error:
        raise InputError(
            f"the store of responses cannot be written ({error}); make space, and run again: all "
            "responses before this one are kept"
        ) from error


def _row(response: Response) -> tuple[str | int, ...]:
    return tuple(getattr(response, name) for name in response.__struct_fields__)
