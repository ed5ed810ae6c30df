"""One call, however often and whomever it takes, and whose fault it is that it fails."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress

from onestage.errors import InputError, OnestageError
from onestage.unify.budget import Budget
from onestage.unify.calls import Connection, Endpoint, FaultError, RefusedError, Reply, Request
from onestage.unify.lanes import LONGEST_REST_S, Lane, Lanes
from onestage.unify.responses import FAULT, Spent
from onestage.unify.settings import Limits
from onestage.unify.tokens import most_tokens

# Waiting times grow from the first to the last, each drawn between nothing and the whole of it.
_FIRST_WAIT_S = 0.5
_LAST_WAIT_S = 30.0
# So many records given up without one reply between them are no fault of the records.
_FAILED_AT_ONCE = 20
# So few requests that fail while nobody else asks may be to blame themselves.
_FEW = 3
# An overload counts as this share of a failure, where most others were answered meanwhile.
_OVERLOAD_WEIGHT = 1 / 5
# Most: so many replies for each refusal. A rate that is short for all has more refusals.
_SINGLED_OUT = 4
_LONGEST_ASKED_WAIT_S = 300.0
# Chosen by params, not by the record: what refuses one of them refuses all requests.
_CHOSEN = ("model", "temperature", "seed", "max_tokens", "max_completion_tokens")
_OVERLOAD = ("overloaded", "timeout", "connection", "status_503")


class _Case:
    """What the tries of one request have shown so far, by which it is judged whose fault it is."""

    def __init__(self) -> None:
        self.tried = 0
        self.failed = 0.0
        self.refused_by: set[Lane] = set()
        self._at_first: dict[Lane, int] = {}
        self._at_last = (0, 0)

    def begin(self, lane: Lane) -> None:
        """Note what the lane had done for others before a try."""
        self.tried += 1
        self._at_first.setdefault(lane, lane.replies)
        self._at_last = lane.replies, lane.overloads

    def others_answered(self, lane: Lane) -> bool:
        """Return whether the lane has answered others since it was first tried."""
        return lane.replies > self._at_first[lane]

    def is_singled_out(self, lane: Lane) -> bool:
        """Return whether the lane, while it refused this one, answered most of the others."""
        answered, refused = lane.replies - self._at_last[0], lane.overloads - self._at_last[1]
        return answered >= _SINGLED_OUT * refused  # itself among them


class Endpoints:
    """Asks one of several endpoints that serve the same model, each with its own number at once.

    `faults` counts by kind what went wrong, requests that were tried again included;
    `tokens_lost` what may have been paid for without a reply.
    """

    def __init__(
        self, endpoints: Sequence[Endpoint], budget: Budget, *, concurrency: int, limits: Limits
    ) -> None:
        self._budget = budget
        self._limits = limits
        keys = [endpoint.api_key for endpoint in endpoints]
        self._connections = {
            endpoint.base_url: Connection(endpoint, keys, limits.timeout_s)
            for endpoint in endpoints
        }
        rest_s = min(LONGEST_REST_S, limits.give_up_s / 4)
        self._lanes = Lanes(
            [Lane(url, concurrency, longest_rest_s=rest_s) for url in self._connections]
        )
        self._answered = time.monotonic()
        self._longest_wait_s = min(_LONGEST_ASKED_WAIT_S, limits.give_up_s / 2)
        self._given_up_since_reply = 0
        self._failing: set[Request] = set()  # since the last reply
        self._stopped: OnestageError | None = None
        self._stopping = asyncio.Event()
        self.faults: Counter[str] = Counter()
        self.tokens_lost = 0

    async def close(self) -> None:
        """Close all connections."""
        for connection in self._connections.values():
            await connection.close()

    async def ask(self, request: Request) -> Reply:
        """Return the reply; a fault of the endpoint is tried again up to `limits.attempts` times.

        An overloaded endpoint (429) is waited for; where it answers most others meanwhile, five
        such refusals count as one attempt. What one endpoint refuses is asked of the others.

        Raises:
            InputError: the key is refused, the address or model is unknown, there is no money
                left, no endpoint answers what it is asked, or not for `limits.give_up_s`.
            ParamError: a request could exceed the budget.
        """
        case = _Case()
        while True:
            lane, found = await self._tried(request, case)
            if isinstance(found, Reply):
                return found
            if isinstance(found, RefusedError):
                case.refused_by.add(lane)
                if self._lanes.living - case.refused_by:
                    continue
                is_records_own = await self._is_refused_alone(case, lane, found)
            else:
                is_records_own = await self._is_failing_alone(case, lane, found)
            if is_records_own:
                return self._given_up(lane, found)
            if death := await self._death(lane, found.kind):
                raise self._stop_all(death)
            asked_s = min(found.wait_s, self._longest_wait_s)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), _wait_s(case.tried, asked_s))

    async def _tried(self, request: Request, case: _Case) -> tuple[Lane, Reply | FaultError]:
        """Make one request, and let its lane know how it went."""
        lane = await self._lanes.enter(case.refused_by)
        case.begin(lane)
        if not self._failing and self._lanes.in_flight == 1:
            self._answered = time.monotonic()  # nothing was asked until now
        try:
            reply = await self._paid(lane, request)
        except FaultError as error:
            self.faults[error.kind] += 1
            self._note(lane, request, error)
            return lane, error
        except OnestageError as error:
            raise self._stop_all(error) from None
        else:
            self._answered = time.monotonic()
            self._given_up_since_reply = 0
            self._failing.clear()
            lane.ended(overloaded=False)
            lane.replied()
            return lane, reply
        finally:
            self._lanes.leave(lane)

    def _note(self, lane: Lane, request: Request, error: FaultError) -> None:
        """Let a lane know of a fault, which may end the run."""
        now = asyncio.get_running_loop().time()
        lane.ended(overloaded=error.kind in _OVERLOAD)
        if isinstance(error, RefusedError):
            self._answered = time.monotonic()
            lane.refused(request)
            if self._lanes.are_closed:
                raise self._stop_all(self._no_use(lane, error))
            return
        self._failing.add(request)
        if error.kind == "overloaded":
            lane.rest(now + min(error.wait_s, self._longest_wait_s))
        else:
            lane.failed(now)

    async def _is_refused_alone(self, case: _Case, lane: Lane, error: RefusedError) -> bool:
        """Return whether a refusal is the record's: others were answered, or none is under way.

        Raises:
            InputError: the endpoint refuses the key, or what params choose, and has answered
                nothing.
        """
        if case.tried == 1 and not lane.replies and await self._is_wrong_key(lane, error):
            raise self._stop_all(InputError(
                f"{lane.base_url}: the key is refused ({error}); check OPENAI_API_KEY"
            ))  # fmt: skip
        if any(case.others_answered(each) for each in case.refused_by):
            return True
        if case.tried < self._limits.attempts or self._lanes.in_flight or self._lanes.are_awaited:
            return False
        if not lane.replies and error.parameter in _CHOSEN:
            raise self._stop_all(self._no_use(lane, error))
        return True

    async def _is_failing_alone(self, case: _Case, lane: Lane, error: FaultError) -> bool:
        """Return whether a fault is the record's: others were answered, or the list of models."""
        if error.kind == "overloaded":
            case.failed += _OVERLOAD_WEIGHT * case.is_singled_out(lane)
            if case.failed >= self._limits.attempts:
                return True
            silent = time.monotonic() - self._answered
            return silent > self._limits.give_up_s and await self._are_few(lane)
        if lane.is_dead and self._lanes.living:
            return False  # another lane will have it
        case.failed += 1
        if case.failed < self._limits.attempts:
            return False
        return case.others_answered(lane) or await self._lives(lane)

    async def _lives(self, lane: Lane) -> bool:
        """Return whether the endpoint answers when it is asked for its list of models."""
        return await self._connections[lane.base_url].status_of_models() < 500

    async def _is_wrong_key(self, lane: Lane, error: RefusedError) -> bool:
        """Return what a 403 means: some say so of a key, others of a prompt that they moderate."""
        if error.kind != "status_403":
            return False
        return await self._connections[lane.base_url].status_of_models() in {401, 403}

    def _given_up(self, lane: Lane, error: FaultError) -> Reply:
        """Return what stands for a reply; too many of them without one reply end the run."""
        self._given_up_since_reply += 1
        if self._given_up_since_reply >= _FAILED_AT_ONCE:
            raise self._stop_all(self._no_use(lane, error))
        return Reply("", f"{FAULT}{error}", 0, 0)

    def _no_use(self, lane: Lane, error: FaultError) -> InputError:
        """Return why the run ends where no endpoint answers what it is asked."""
        if isinstance(error, RefusedError) and error.parameter in _CHOSEN:
            what, remedy = f"{error.parameter} is refused", "change the unify section"
        else:
            what = f"{_FAILED_AT_ONCE} requests in a row failed"
            remedy = "check the server, key, model and unify section, and run again"
        return InputError(f"{lane.base_url}: {what} (last: {error}); {remedy}")

    def _stop_all(self, error: OnestageError) -> OnestageError:
        """Let no further request begin, nor anybody wait; return the first reason."""
        self._stopped = self._stopped or error
        self._stopping.set()
        self._lanes.open()
        return self._stopped

    async def _paid(self, lane: Lane, request: Request) -> Reply:
        """Make one request within the budget.

        What failed or was cut off and may have been paid for counts as the most that it can have
        cost, and so does a reply without a count of tokens.
        """
        most = Spent(most_tokens(request.prompt), request.max_output_tokens)
        await self._set_aside(most)
        actual = most  # whatever ends it but a reply, or a fault that cost nothing
        try:
            reply = await self._connections[lane.base_url].ask(request)
            if not (reply.prompt_tokens and reply.completion_tokens):
                reply = reply._replace(**most._asdict())
            actual = Spent(reply.prompt_tokens, reply.completion_tokens)
        except FaultError as error:
            actual = most if error.paid else Spent()
            self.tokens_lost += sum(actual)
            raise
        except InputError:
            actual = Spent()
            raise
        except asyncio.CancelledError:
            self.tokens_lost += sum(most)
            raise
        finally:
            self._budget.count(most, actual)
        return reply

    async def _set_aside(self, most: Spent) -> None:
        """Reserve what a request may cost; wait while only requests under way leave no room."""
        while True:
            if self._stopped:
                raise self._stopped
            if self._budget.reserve(most):
                return
            self._budget.changed.clear()
            await self._budget.changed.wait()

    async def _death(self, lane: Lane, kind: str) -> InputError | None:
        """Return why the run ends where nothing was answered for too long.

        A few requests that fail alone do not end it while the endpoint lives.
        """
        silent = time.monotonic() - self._answered
        if silent <= self._limits.give_up_s or await self._are_few(lane):
            return None
        return InputError(
            f"{lane.base_url}: no answer from the endpoint for {silent:.0f} s (last: {kind}); "
            "check OPENAI_BASE_URL and that the server runs, and run again: all responses so far "
            "are kept"
        )

    async def _are_few(self, lane: Lane) -> bool:
        """Return whether a few requests fail while nobody else asks and the endpoint lives."""
        if len(self._failing) > _FEW or self._lanes.are_awaited:
            return False
        return await self._lives(lane)


def _wait_s(tried: int, asked_s: float) -> float:
    """Return what the endpoint asked for and a little, or a time that grows with each try."""
    growing = min(_LAST_WAIT_S, _FIRST_WAIT_S * 2 ** min(tried - 1, 16))
    longest = _FIRST_WAIT_S if asked_s else growing
    return asked_s + random.uniform(0, longest)  # noqa: S311  (spreads requests; enters no byte)
