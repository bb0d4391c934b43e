"""A credential is made once for all who need it, and again when it is old or refused."""

import asyncio
from itertools import count

import pytest

from connectors.push.tokens import ReusedToken


@pytest.fixture
def clock():
    """Seconds that pass when told."""
    return [0.0]


@pytest.fixture
def token(clock):
    numbers = count(1)

    async def make():
        await asyncio.sleep(0)
        return f"token-{next(numbers)}"

    return ReusedToken(make, 60, lambda: clock[0])


def test_whoever_asks_at_once_gets_the_same(token):
    async def ask():
        return await asyncio.gather(*(token.get() for _ in range(20)))

    assert set(asyncio.run(ask())) == {"token-1"}


def test_it_is_used_until_it_is_old(token, clock):
    seen = []
    for clock[0] in (0, 59, 60, 119, 120):
        seen.append(asyncio.run(token.get()))
        token.close()
    assert seen == ["token-1", "token-1", "token-2", "token-2", "token-3"]


def test_a_refused_one_is_forgotten_and_a_newer_one_kept(token):
    async def refused_twice():
        first = await token.get()
        token.drop(first)
        second = await token.get()
        token.drop(first)  # an answer that comes late speaks of the old one
        return first, second, await token.get()

    assert asyncio.run(refused_twice()) == ("token-1", "token-2", "token-2")


def test_a_failure_to_make_one_reaches_who_asked_and_the_next_tries_again():
    answers = iter([ConnectionError(), "token"])

    async def make():
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def twice():
        token = ReusedToken(make, 60)
        with pytest.raises(ConnectionError):
            await token.get()
        return await token.get()

    assert asyncio.run(twice()) == "token"
