"""Each endpoint gets as many requests at once as it bears."""

import asyncio
from contextlib import suppress
from math import ceil
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onestage.unify.lanes import Lane, Lanes


def _end(lane: Lane, count: int, overloaded: int) -> None:
    for number in range(count):
        lane.ended(overloaded=number < overloaded)


def test_the_limit_falls_under_overload_and_grows_back() -> None:
    lane = Lane("a", 100)
    _end(lane, 99, 99)
    assert lane.limit == 100  # not looked at yet
    _end(lane, 1, 1)
    assert lane.limit == 70
    _end(lane, 70, 23)  # less than a third
    assert lane.limit == 73.5
    for _ in range(40):
        _end(lane, 100, 0)
    assert lane.limit == 100
    for _ in range(60):
        _end(lane, 100, 100)
    assert lane.limit == 1


def test_never_more_at_once_than_the_limits_and_nobody_waits_for_ever() -> None:
    lanes = [Lane("a", 3), Lane("b", 5)]
    doors = Lanes(lanes)
    most = {"a": 0, "b": 0}
    done = 0

    async def one() -> None:
        nonlocal done
        lane = await doors.enter()
        most[lane.base_url] = max(most[lane.base_url], lane.in_flight)
        await asyncio.sleep(0)
        doors.leave(lane)
        done += 1

    async def all_of_them() -> None:
        await asyncio.wait_for(asyncio.gather(*(one() for _ in range(200))), 20)

    asyncio.run(all_of_them())
    assert (done, most) == (200, {"a": 3, "b": 5})
    assert [lane.in_flight for lane in lanes] == [0, 0]


def test_who_is_cancelled_hands_on_the_place() -> None:
    lane = Lane("a", 1)
    doors = Lanes([lane])

    async def scene() -> None:
        held = await doors.enter()
        first, second = asyncio.create_task(doors.enter()), asyncio.create_task(doors.enter())
        await asyncio.sleep(0)
        doors.leave(held)
        first.cancel()
        assert await asyncio.wait_for(second, 5) is lane

    asyncio.run(scene())


@pytest.mark.parametrize(
    ("ceiling", "ended", "overloaded", "limit"),
    [
        (100, 100, 33, 100),  # a third at most is borne, and there is nowhere to grow
        (100, 100, 34, 70),
        (10, 59, 59, 10),  # too few to judge by
        (10, 60, 20, 10),
        (10, 60, 21, 7),
        (1, 60, 60, 1),  # one at least
        (200, 199, 199, 200),
        (200, 200, 200, 140),
    ],
)
def test_the_limit_falls_where_more_than_a_third_were_refused(
    ceiling: int, ended: int, overloaded: int, limit: float
) -> None:
    lane = Lane("a", ceiling)
    _end(lane, ended, overloaded)
    assert lane.limit == pytest.approx(limit)


@given(st.integers(1, 300), st.lists(st.booleans(), max_size=900))
def test_the_limit_stays_between_one_and_the_ceiling(ceiling: int, ends: list[bool]) -> None:
    lane = Lane("a", ceiling)
    for overloaded in ends:
        before = lane.limit
        lane.ended(overloaded=overloaded)
        assert 1 <= lane.limit <= ceiling
        assert lane.limit in (before, max(1.0, before * 0.7)) or lane.limit > before


def test_a_limit_that_fell_grows_by_a_twentieth_and_by_one_at_least() -> None:
    lane = Lane("a", 1000)
    _end(lane, 1000, 1000)
    _end(lane, 700, 0)
    assert lane.limit == pytest.approx(735)
    small = Lane("b", 10)
    _end(small, 60, 60)
    _end(small, 60, 0)
    assert small.limit == pytest.approx(8)


def test_the_least_loaded_lane_comes_first() -> None:
    narrow, wide = Lane("narrow", 2), Lane("wide", 8)

    async def scene() -> list[str]:
        doors = Lanes([narrow, wide])
        return [(await doors.enter()).base_url for _ in range(10)]

    taken = asyncio.run(scene())
    assert taken[:3] == ["narrow", "wide", "wide"]
    assert taken[:5].count("narrow") == 1
    assert (narrow.load, wide.load) == (1, 1)


def test_who_waits_is_let_in_in_turn() -> None:
    order: list[int] = []

    async def scene() -> None:
        doors = Lanes([Lane("a", 1)])
        held = await doors.enter()

        async def one(number: int) -> None:
            lane = await doors.enter()
            order.append(number)
            doors.leave(lane)

        tasks = [asyncio.create_task(one(number)) for number in range(20)]
        await asyncio.sleep(0)
        assert not order
        doors.leave(held)
        await asyncio.wait_for(asyncio.gather(*tasks), 5)

    asyncio.run(scene())
    assert order == list(range(20))


@pytest.mark.parametrize("when", ["while it waits", "when its turn has come", "after others"])
def test_a_cancelled_one_never_takes_a_place_with_it(when: str) -> None:
    lane = Lane("a", 1)

    async def scene() -> None:
        doors = Lanes([lane])
        held = await doors.enter()
        waiting = [asyncio.create_task(doors.enter()) for _ in range(3)]
        await asyncio.sleep(0)
        if when == "after others":
            waiting[1].cancel()
            await asyncio.sleep(0)
        if when == "while it waits":
            waiting[0].cancel()
            await asyncio.sleep(0)
        doors.leave(held)
        waiting[0].cancel()
        for task in (waiting[1], waiting[2]):
            with suppress(asyncio.CancelledError):
                doors.leave(await asyncio.wait_for(task, 5))
        with pytest.raises(asyncio.CancelledError):
            await waiting[0]

    asyncio.run(scene())
    assert lane.in_flight == 0


def test_places_that_a_grown_limit_brings_are_given_out() -> None:
    lane = Lane("a", 10)
    _end(lane, 60, 60)
    assert lane.limit == 7

    async def scene() -> None:
        doors = Lanes([lane])
        held = [await doors.enter() for _ in range(7)]
        waiting = [asyncio.create_task(doors.enter()) for _ in range(5)]
        await asyncio.sleep(0)
        for _ in range(4):
            _end(lane, 60, 0)
        assert lane.limit == 10
        doors.leave(held.pop())
        done, late = await asyncio.wait(waiting, timeout=0.05)
        assert (len(done), len(late)) == (4, 1)
        doors.leave(lane)
        await asyncio.wait_for(asyncio.gather(*late), 5)

    asyncio.run(scene())
    assert lane.in_flight == 10


@given(
    st.lists(st.integers(1, 4), min_size=1, max_size=3),
    st.integers(0, 2**20),
    st.sampled_from([0.0, 0.2, 0.9]),
    st.sampled_from([0.0, 0.3]),
)
def test_nobody_waits_for_ever_and_no_place_is_lost(
    ceilings: list[int], seed: int, overloaded: float, cancelled: float
) -> None:
    lanes = [Lane(str(number), ceiling) for number, ceiling in enumerate(ceilings)]
    doors = Lanes(lanes)
    chance = Random(seed)

    async def one() -> None:
        for _ in range(4):
            lane = await doors.enter()
            assert lane.in_flight <= ceil(lane.limit) <= ceilings[int(lane.base_url)]
            try:
                for _ in range(chance.randrange(4)):
                    await asyncio.sleep(0)
                lane.ended(overloaded=chance.random() < overloaded)
            finally:
                doors.leave(lane)

    async def scene() -> None:
        tasks = [asyncio.create_task(one()) for _ in range(40)]
        for task in tasks:
            await asyncio.sleep(0)
            if chance.random() < cancelled:
                task.cancel()
        found = await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), 20)
        assert not [end for end in found if isinstance(end, AssertionError)]
        assert [lane.in_flight for lane in lanes] == [0] * len(lanes)
        places = sum(ceil(lane.limit) for lane in lanes)
        await asyncio.wait_for(asyncio.gather(*(doors.enter() for _ in range(places))), 5)

    asyncio.run(scene())


def test_who_waits_while_a_dead_lane_is_tried_stays_asleep(monkeypatch: pytest.MonkeyPatch) -> None:
    """The rest is over and the one that tries it has no reply yet."""
    lane = Lane("a", 4, longest_rest_s=0.01)
    looked = 0
    plain = Lanes._free

    def counted(doors: Lanes, now: float, avoid: frozenset[Lane] = frozenset()) -> Lane | None:
        nonlocal looked
        looked += 1
        return plain(doors, now, avoid)

    monkeypatch.setattr(Lanes, "_free", counted)

    async def scene() -> None:
        doors = Lanes([lane])
        for _ in range(5):
            lane.failed(asyncio.get_running_loop().time())
        await asyncio.sleep(0.02)
        tries = await doors.enter()
        waiting = [asyncio.create_task(doors.enter()) for _ in range(3)]
        await asyncio.sleep(0.05)
        assert not any(task.done() for task in waiting)
        lane.replied()
        doors.leave(tries)
        await asyncio.wait_for(asyncio.gather(*waiting), 5)

    asyncio.run(scene())
    assert looked < 20
