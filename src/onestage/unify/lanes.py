"""How many requests each endpoint gets at once: as many as it bears, up to a ceiling."""

import asyncio
from collections import deque
from collections.abc import Sequence

# The limit is looked at anew each time as many requests have ended as it lets in at once, or 60: it
# falls where more than a third of them met an overloaded endpoint, and otherwise grows. A few
# refusals among many answers are cheaper than a lane that stands half empty.
_TOO_MANY = 1 / 3
_FALL = 0.7
_GROWTH = 0.05
_LEAST_SEEN = 60


class Lane:
    """One endpoint's share of the load: `limit` requests at once, never more than `ceiling`."""

    def __init__(self, base_url: str, ceiling: int) -> None:
        self.base_url = base_url
        self._ceiling = ceiling
        self.limit = float(ceiling)
        self.in_flight = 0
        self._ended = 0
        self._overloaded = 0

    @property
    def load(self) -> float:
        """Return the share of the limit that is in use."""
        return self.in_flight / self.limit

    def ended(self, *, overloaded: bool) -> None:
        """Count how a request ended, and adapt the limit."""
        self._ended += 1
        self._overloaded += overloaded
        if self._ended < max(self.limit, _LEAST_SEEN):
            return
        if self._overloaded > _TOO_MANY * self._ended:
            self.limit = max(1.0, self.limit * _FALL)
        else:
            self.limit = min(self._ceiling, self.limit + max(1.0, self.limit * _GROWTH))
        self._ended = self._overloaded = 0


class Lanes:
    """Hands out places: the least loaded lane first; who finds none waits in turn."""

    def __init__(self, lanes: Sequence[Lane]) -> None:
        self._lanes = lanes
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def enter(self) -> Lane:
        """Wait for a place and take it."""
        while (lane := min(self._lanes, key=lambda lane: lane.load)).load >= 1:
            place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append(place)
            try:
                await place
            except asyncio.CancelledError:
                self._wake()
                raise
        lane.in_flight += 1
        self._wake_if_free()
        return lane

    def leave(self, lane: Lane) -> None:
        """Give the place back."""
        lane.in_flight -= 1
        self._wake()

    def _wake_if_free(self) -> None:
        if any(lane.load < 1 for lane in self._lanes):
            self._wake()

    def _wake(self) -> None:
        while self._waiting:
            place = self._waiting.popleft()
            if not place.done():
                place.set_result(None)
                return
