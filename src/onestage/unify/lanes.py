"""How many requests each endpoint gets at once: as many as it bears, none while it is dead."""

import asyncio
from collections import deque
from collections.abc import Hashable, Sequence, Set
from typing import NamedTuple

# The limit is looked at anew each time as many requests have ended as it lets in at once, or 60: it
# falls where more than a third of them met an overloaded endpoint, and otherwise grows. A few
# refusals among many answers are cheaper than a lane that stands half empty.
_TOO_MANY = 1 / 3
_FALL = 0.7
_GROWTH = 0.05
_LEAST_SEEN = 60
# So many failures without a reply between them: the endpoint is left alone for a while, twice as
# long each time, and then asked once. One that fails at once would else draw every request.
_IN_A_ROW = 5
_FIRST_REST_S = 1.0
LONGEST_REST_S = 30.0
# So many requests refused without a reply between them: no fault of the records.
_REFUSED_IN_A_ROW = 20


class Lane:
    """One endpoint's share of the load: `limit` requests at once, never more than `ceiling`.

    `replies` and `overloads` count since the beginning.
    """

    def __init__(
        self, base_url: str, ceiling: int, *, longest_rest_s: float = LONGEST_REST_S
    ) -> None:
        self.base_url = base_url
        self._ceiling = ceiling
        self._longest_rest_s = longest_rest_s
        self.limit = float(ceiling)
        self.in_flight = 0
        self.replies = 0
        self.overloads = 0
        self._refused: set[Hashable] = set()  # since the last reply
        self._ended = 0
        self._overloaded = 0
        self._failed_in_a_row = 0
        self._rests = 0
        self.rests_until = 0.0

    @property
    def load(self) -> float:
        """Return the share of the limit that is in use."""
        return self.in_flight / self.limit

    @property
    def is_dead(self) -> bool:
        """Return whether the endpoint has failed so often in a row that it is only tried."""
        return self._failed_in_a_row >= _IN_A_ROW

    @property
    def is_closed(self) -> bool:
        """Return whether the endpoint has refused so many requests in a row that it has no use."""
        return len(self._refused) >= _REFUSED_IN_A_ROW

    def has_place(self, now: float) -> bool:
        """Return whether one more request may begin; a dead endpoint is tried by one."""
        if now < self.rests_until or self.is_closed:
            return False
        return self.in_flight == 0 if self.is_dead else self.load < 1

    def failed(self, now: float) -> None:
        """Count a request that brought no reply, other than for an overload."""
        self._failed_in_a_row += 1
        if self.is_dead and now >= self.rests_until:
            self.rests_until = now + min(self._longest_rest_s, _FIRST_REST_S * 2**self._rests)
            self._rests = min(self._rests + 1, 16)

    def refused(self, request: Hashable) -> None:
        """Count a request that the endpoint will not answer."""
        self._refused.add(request)

    def rest(self, until: float) -> None:
        """Let nobody in for as long as an endpoint asks that refuses many: all would knock."""
        if self._overloaded > _TOO_MANY * self._ended:
            self.rests_until = max(self.rests_until, until)

    def replied(self) -> None:
        """Count a reply: the endpoint lives."""
        if self.is_dead:
            self.rests_until = 0.0
        self.replies += 1
        self._refused.clear()
        self._failed_in_a_row = self._rests = 0

    def ended(self, *, overloaded: bool) -> None:
        """Count how a request ended, and adapt the limit."""
        self._ended += 1
        self._overloaded += overloaded
        self.overloads += overloaded
        if self._ended < max(self.limit, _LEAST_SEEN):
            return
        if self._overloaded > _TOO_MANY * self._ended:
            self.limit = max(1.0, self.limit * _FALL)
        else:
            self.limit = min(self._ceiling, self.limit + max(1.0, self.limit * _GROWTH))
        self._ended = self._overloaded = 0


class _Waiting(NamedTuple):
    """Who waits for a place, and on which lanes rather not."""

    place: asyncio.Future[None]
    avoid: Set[Lane]


class Lanes:
    """Hands out places: the least loaded living lane first; who finds none waits in turn."""

    def __init__(self, lanes: Sequence[Lane]) -> None:
        self._lanes = lanes
        self._waiting: deque[_Waiting] = deque()
        self._open = False

    @property
    def living(self) -> set[Lane]:
        """Return the lanes that are neither dead nor closed."""
        return {lane for lane in self._lanes if not lane.is_dead and not lane.is_closed}

    @property
    def are_closed(self) -> bool:
        """Return whether no lane is of any use."""
        return all(lane.is_closed for lane in self._lanes)

    @property
    def in_flight(self) -> int:
        """Return how many requests are under way."""
        return sum(lane.in_flight for lane in self._lanes)

    @property
    def are_awaited(self) -> bool:
        """Return whether anybody waits for a place."""
        return any(not waiting.place.done() for waiting in self._waiting)

    async def enter(self, avoid: Set[Lane] = frozenset()) -> Lane:
        """Wait for a place and take it; not on lanes to avoid while any other lives."""
        loop = asyncio.get_running_loop()
        while (lane := self._free(loop.time(), avoid)) is None:
            place: asyncio.Future[None] = loop.create_future()
            self._waiting.append(_Waiting(place, avoid))
            self._wake_now_and_after_rests()
            try:
                await place
            except asyncio.CancelledError:
                self._wake()
                raise
        lane.in_flight += 1
        self._wake()
        return lane

    def _free(self, now: float, avoid: Set[Lane] = frozenset()) -> Lane | None:
        lanes = [lane for lane in self._lanes if self._open or lane.has_place(now)]
        if avoid and self.living - avoid:
            lanes = [lane for lane in lanes if lane not in avoid]
        return min(lanes, key=lambda lane: (lane.is_dead, lane.load), default=None)

    def leave(self, lane: Lane) -> None:
        """Give the place back."""
        lane.in_flight -= 1
        self._wake_now_and_after_rests()

    def open(self) -> None:
        """Let everybody in, who will find that the run has stopped."""
        self._open = True
        self._wake()

    def _wake(self) -> None:
        """Wake the first who waits and finds a place, who will wake the next."""
        now = asyncio.get_running_loop().time()
        if self._free(now) is None:
            return
        while self._waiting and self._waiting[0].place.done():
            self._waiting.popleft()
        for waiting in self._waiting:
            if not waiting.place.done() and self._free(now, waiting.avoid):
                self._waiting.remove(waiting)
                waiting.place.set_result(None)
                return

    def _wake_now_and_after_rests(self) -> None:
        self._wake()
        loop = asyncio.get_running_loop()
        ahead = [lane.rests_until for lane in self._lanes if lane.rests_until > loop.time()]
        if ahead and self._waiting:
            loop.call_at(min(ahead), self._wake_now_and_after_rests)
