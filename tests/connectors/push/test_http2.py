"""HTTP/2: what the protocol itself says about a request that was not answered."""

import asyncio
import time

import pytest

from connectors.errors import TryAgain
from connectors.push.http2 import Http2Client
from tests.connectors.conformance.http2 import GoAway, Held, Http2Vendor, RefusedStream
from tests.connectors.conformance.vendor import Answer

FINE = Answer(200, {"fine": True})


@pytest.fixture
def apple(request):
    with Http2Vendor(most_streams=getattr(request, "param", 3)).running() as vendor:
        yield vendor


@pytest.fixture
def posts(apple):
    """`posts(3)`: the statuses (or TryAgain) of so many calls at once; `body` is what each one carries."""

    def run(count, body=b"{}", tls=apple.trust):
        async def once():
            client = Http2Client(tls=tls, timeout_seconds=5)
            try:
                url = f"https://127.0.0.1:{apple.port}/3/device/abc"
                return await asyncio.gather(
                    *(client.post(url, body, {"apns-id": str(number)}) for number in range(count)),
                    return_exceptions=True,
                )
            finally:
                await client.close()

        return [answer if isinstance(answer, TryAgain) else answer.status for answer in asyncio.run(once())]

    return run


def test_a_refused_stream_was_not_taken(apple, posts):
    apple.answers(RefusedStream)
    (answer,) = posts(1)
    assert str(answer) == "not_taken: refused_stream"


def test_a_server_that_leaves_answers_what_it_has_taken_and_nothing_else(apple, posts):
    apple.answers([Held(FINE), GoAway])
    first, second = posts(2)
    assert (first, str(second)) == (200, "not_taken: goaway")


def test_no_more_streams_than_the_server_allows(apple, posts):
    apple.answers(Held(FINE))
    assert posts(9) == [200] * 9
    assert (apple.most_at_once, apple.connections) == (3, 1)


@pytest.mark.parametrize("apple", [100], indirect=True)
def test_no_more_bytes_than_the_server_takes(apple, posts):
    apple.answers(FINE)
    assert posts(40, body=b"x" * 4096) == [200] * 40
    assert {len(request.body) for request in apple.requests} == {4096}


def test_a_server_that_nobody_vouches_for_gets_nothing(apple, posts):
    (answer,) = posts(1, tls=None)
    assert str(answer).startswith("not_connected: SSLCertVerificationError")
    assert apple.requests == []


def test_after_leaving_the_next_call_takes_a_new_connection(apple):
    async def run():
        client = Http2Client(tls=apple.trust, timeout_seconds=5)
        url = f"https://127.0.0.1:{apple.port}/3/device/abc"
        try:
            with pytest.raises(TryAgain):
                await client.post(url, b"{}", {})
            return (await client.post(url, b"{}", {})).status
        finally:
            await client.close()

    apple.answers([GoAway, FINE])
    assert (asyncio.run(run()), apple.connections) == (200, 2)
    deadline = time.monotonic() + 2
    while apple.open_connections and time.monotonic() < deadline:
        time.sleep(0.02)
    assert apple.open_connections == 0
