"""The pace of a provider: never above what it publishes, slower when it objects, back again later."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.delivery.limits import Limiter
from connectors.delivery.sender import Rate


class Clock:
    """Time that passes only when somebody waits."""

    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now

    async def sleep(self, seconds):
        self.now += seconds
        await asyncio.sleep(0)


@pytest.fixture
def clock():
    return Clock()


def limiter(clock, per_second=10.0):
    return Limiter(Rate(per_second), clock, clock.sleep)


def pass_through(limit, clock, *sizes):
    """When each call of so many messages may leave, in seconds from the first."""

    async def calls():
        times = []
        for size in sizes:
            await limit.acquire(size)
            times.append(round(clock.now - 1000.0, 6))
        return times

    return asyncio.run(calls())


def test_a_second_of_messages_may_leave_at_once_and_then_the_rate_holds(clock):
    assert pass_through(limiter(clock), clock, 5, 5, 5, 5) == [0.0, 0.0, 0.5, 1.0]


def test_a_batch_larger_than_a_second_of_messages_leaves_and_is_paid_for_by_the_next(clock):
    assert pass_through(limiter(clock), clock, 30, 10) == [0.0, 3.0]


def test_without_a_published_limit_nobody_waits(clock):
    assert pass_through(limiter(clock, None), clock, 500, 500) == [0.0, 0.0]


def test_too_many_pauses_for_as_long_as_the_provider_asks_and_halves_the_rate(clock):
    limit = limiter(clock)
    limit.throttled(7)
    assert (limit.per_second, limit.paused_seconds) == (5.0, 7.0)
    assert pass_through(limit, clock, 1, 5)[0] >= 7.0


def test_several_answers_of_one_moment_shrink_the_rate_once(clock):
    limit = limiter(clock)
    for _ in range(20):
        limit.throttled(2)
    assert limit.per_second == 5.0


def test_successes_bring_the_rate_back_up_to_the_declared_one_and_no_further(clock):
    limit = limiter(clock)
    limit.throttled(0)
    rates = []
    for _ in range(15):
        clock.now += 1
        limit.succeeded()
        rates.append(limit.per_second)
    assert rates[:3] == [5.5, 6.0, 6.5]
    assert rates[-1] == 10.0


def test_many_successes_within_a_second_count_as_a_second(clock):
    limit = limiter(clock)
    limit.throttled(0)
    clock.now += 1
    for _ in range(1000):
        limit.succeeded()
    assert limit.per_second == 5.5


def test_an_unlimited_provider_that_objects_gets_half_of_what_it_got_and_is_unlimited_again_later(clock):
    limit = limiter(clock, None)
    pass_through(limit, clock, *[1] * 40)
    limit.throttled(0)
    assert limit.per_second == 20.0
    for _ in range(12):
        clock.now += 1
        limit.succeeded()
    assert limit.per_second is None


def test_the_next_run_goes_on_with_the_learnt_rate_and_the_rest_of_the_pause(clock):
    limit = limiter(clock)
    limit.resume(2.5, 30)
    assert (limit.per_second, limit.paused_seconds) == (2.5, 30.0)
    limit.resume(99.0, -5)
    assert (limit.per_second, limit.paused_seconds) == (10.0, 0.0)


@given(
    per_second=st.floats(0.5, 200),
    sizes=st.lists(st.integers(1, 50), min_size=1, max_size=30),
    pauses=st.lists(st.floats(0, 3), max_size=30),
)
def test_no_window_ever_sees_more_than_the_rate_a_second_of_burst_and_one_batch(per_second, sizes, pauses):
    clock = Clock()
    limit = limiter(clock, per_second)
    left = []

    async def calls():
        for number, size in enumerate(sizes):
            clock.now += pauses[number] if number < len(pauses) else 0
            await limit.acquire(size)
            left.append((clock.now, size))

    asyncio.run(calls())
    for begin, (start, _) in enumerate(left):
        for end in range(begin, len(left)):
            inside = [size for _, size in left[begin : end + 1]]
            allowed = per_second * (left[end][0] - start) + max(per_second, 1) + max(inside)
            assert sum(inside) <= allowed + 1e-6
