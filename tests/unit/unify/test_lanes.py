"""Each endpoint gets as many requests at once as it bears."""

import asyncio

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
