"""The HTTP client: what may have left is in doubt, what cannot have left may be tried again."""

import asyncio
import time
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.errors import Indivisible, StopSync, TryAgain
from connectors.http import LONGEST_WAIT_SECONDS, HttpClient, Reply, Verdict, judge
from tests.connectors.conformance.far_end import FarEnd, nobody
from tests.connectors.conformance.vendor import (
    Answer,
    CutAfterRequest,
    CutAnswer,
    CutInRequest,
    Silence,
    Vendor,
)

NOW = datetime(2026, 3, 2, 10)


def post(url, *, times=1, **options):
    async def run():
        client = HttpClient({"Authorization": "secret"}, **options)
        try:
            return [await client.post(url, json={"to": "ann"}) for _ in range(times)]
        finally:
            await client.close()

    return asyncio.run(run())


def meaning(status, **about):
    """What `judge` makes of a status, in a word."""
    try:
        verdict = judge(Reply(status), "vendor", **about)
    except (TryAgain, StopSync, Indivisible) as error:
        return type(error).__name__
    return verdict.outcome if verdict else "success"


STATUSES = {
    200: "success", 202: "success", 204: "success",
    301: "StopSync", 307: "StopSync",
    400: "rejected", 413: "rejected", 422: "rejected",
    401: "StopSync", 402: "StopSync", 403: "StopSync", 404: "StopSync", 405: "StopSync", 410: "StopSync",
    408: "unknown", 409: "unknown",
    425: "TryAgain", 429: "TryAgain", 503: "TryAgain",
    500: "unknown", 502: "unknown", 504: "unknown", 520: "unknown", 599: "unknown",
    None: "unknown",
}  # fmt: skip


@pytest.mark.parametrize("status", STATUSES)
def test_a_status_means_the_same_for_every_vendor(status):
    assert meaning(status) == STATUSES[status]


def test_a_vendor_may_use_a_status_for_not_now():
    assert meaning(403, transient=frozenset({403})) == "TryAgain"


def test_a_refused_batch_is_to_be_split_until_the_message_at_fault_is_alone():
    assert (meaning(400, messages=2), meaning(400, messages=1)) == ("Indivisible", "rejected")


@given(status=st.integers(100, 599), messages=st.integers(1, 500))
def test_only_refusals_and_the_words_for_later_say_that_nothing_was_taken(status, messages):
    is_later = status in (425, 429, 503)
    assert (meaning(status, messages=messages) == "TryAgain") == is_later
    assert (meaning(status, messages=messages) == "success") == (200 <= status < 300)
    if status >= 500 and not is_later:
        assert meaning(status, messages=messages) == "unknown"


def test_a_verdict_becomes_a_receipt_without_the_vendors_words():
    receipt = judge(Reply(400, {}, b"ann@example.com is not valid"), "vendor").receipt(
        "message-ann", "vendor"
    )
    assert (receipt.outcome, receipt.reason) == ("rejected", "http 400")


WAITS = {
    "seconds": ({"retry-after": "7"}, 7),
    "a moment, by the vendor's clock": (
        {"date": "Mon, 02 Mar 2026 11:00:00 GMT", "retry-after": "Mon, 02 Mar 2026 11:01:30 GMT"},
        90,
    ),
    "a moment, by ours": ({"retry-after": "Mon, 02 Mar 2026 10:00:05 GMT"}, 5),
    "a moment that has passed": ({"retry-after": "Mon, 02 Mar 2026 09:00:00 GMT"}, 0),
    "the end of a window": ({"x-ratelimit-reset": "1772445660"}, 60),
    "seconds until the end of a window": ({"ratelimit-reset": "30"}, 30),
    "both": ({"retry-after": "7", "x-ratelimit-reset": "30"}, 7),
    "a year": ({"retry-after": "31536000"}, LONGEST_WAIT_SECONDS),
    "less than nothing": ({"retry-after": "-5"}, 0),
    "nonsense": ({"retry-after": "soon", "x-ratelimit-reset": "nan"}, None),
    "nothing": ({}, None),
}


@pytest.mark.parametrize("wait", WAITS)
def test_the_wait_that_a_vendor_asks_for(wait):
    headers, seconds = WAITS[wait]
    assert Reply(429, headers).retry_after_seconds(NOW) == seconds


@given(st.text())
def test_no_header_makes_a_wait_that_is_not_a_number_of_seconds(text):
    seconds = Reply(429, {"retry-after": text, "ratelimit-reset": text}).retry_after_seconds(NOW)
    assert seconds is None or 0 <= seconds <= LONGEST_WAIT_SECONDS


FAULTS = {
    "cut in the request": CutInRequest,
    "cut after the request": CutAfterRequest,
    "cut in the answer": CutAnswer(Answer(200, "x" * 100)),
    "silence": Silence,
    "no HTTP": Answer(200, "x", {"Content-Length": "many"}),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_may_have_left_is_in_doubt_and_is_not_repeated(fault):
    with Vendor().running() as vendor:
        vendor.answers([FAULTS[fault], Answer(200)])
        (reply,) = post(vendor.url, timeout_seconds=0.5)
        assert (reply.status, meaning(reply.status), vendor.connections) == (None, "unknown", 1)


def test_a_kept_connection_that_ends_with_the_next_request_leaves_a_doubt():
    with Vendor().running() as vendor:
        vendor.answers([Answer(200), CutAfterRequest, Answer(200)])
        replies = post(vendor.url, times=2)
        assert ([reply.status for reply in replies], vendor.connections) == ([200, None], 1)


def test_where_nobody_listens_nothing_has_left():
    with pytest.raises(TryAgain, match="not_connected"):
        post(f"http://127.0.0.1:{nobody()}")


def test_a_name_that_does_not_exist_and_a_url_that_is_none_let_nothing_leave():
    for url in ("http://vendor.invalid", "vendor"):
        with pytest.raises(TryAgain, match="not_connected"):
            post(url)


class Stranger(FarEnd):
    """Says something else where a TLS greeting is expected, or nothing."""

    def __init__(self, words):
        super().__init__()
        self._words = words

    async def talk(self, reader, writer):
        writer.write(self._words)
        await writer.drain()
        await reader.read()


@pytest.mark.parametrize("words", [b"220 mail.example ESMTP\r\n", b""], ids=["other words", "silence"])
def test_without_tls_nothing_has_left(words):
    with Stranger(words).running() as far, pytest.raises(TryAgain, match="not_connected"):
        post(f"https://127.0.0.1:{far.port}", timeout_seconds=1)


def test_a_call_that_finds_no_free_connection_in_time_has_sent_nothing():
    async def run(url):
        client = HttpClient(connections=1, timeout_seconds=0.5)
        try:
            return await asyncio.gather(
                *(client.post(url, json={}) for _ in range(6)), return_exceptions=True
            )
        finally:
            await client.close()

    with Vendor().running() as vendor:
        vendor.answers(Silence)
        first, *others = asyncio.run(run(vendor.url))
        sent_nothing = [type(other) for other in others].count(TryAgain)
        # all give up at the same moment: one more may just have been given the connection of the first
        assert (first.status, sent_nothing > 0) == (None, True)
        assert 1 <= len(vendor.requests) <= 6 - sent_nothing


def test_a_redirect_is_not_followed():
    with Vendor().running() as vendor:
        vendor.answers([Answer(307, "", {"Location": "/elsewhere"}), Answer(200)])
        (reply,) = post(vendor.url)
        assert (reply.status, len(vendor.requests)) == (307, 1)


def test_connections_are_kept_and_the_client_lives_through_several_event_loops():
    client = HttpClient()

    async def three_calls(url):
        statuses = [(await client.post(url, json={})).status for _ in range(3)]
        await client.close()
        return statuses

    with Vendor().running() as vendor:
        assert [asyncio.run(three_calls(vendor.url)) for _ in range(2)] == [[200] * 3] * 2
        assert vendor.connections == 2


def test_a_log_that_cannot_be_read_says_nothing():
    async def ask(url):
        client = HttpClient(timeout_seconds=0.5)
        try:
            return await client.ask(f"{url}/log", {"id": "1"}, "vendor")
        finally:
            await client.close()

    silences = (Answer(500), Answer(400), Answer(200, "<html>"), CutAnswer(Answer(200, "[]")), Silence)
    with Vendor().running() as vendor:
        for plan in silences:
            vendor.answers(plan)
            with pytest.raises(TryAgain):
                asyncio.run(ask(vendor.url))
        vendor.answers(Answer(200, {"messages": []}))
        assert asyncio.run(ask(vendor.url)) == {"messages": []}
        assert vendor.requests[-1].query == {"id": "1"}


def test_hundreds_of_calls_at_once_wait_for_the_vendor_together():
    async def slow(_request):
        await asyncio.sleep(0.2)
        return Answer(200)

    async def run(url):
        client = HttpClient(connections=300)
        started = time.perf_counter()
        replies = await asyncio.gather(*(client.post(url, json={"to": "x" * 2000}) for _ in range(300)))
        await client.close()
        return [reply.status for reply in replies], time.perf_counter() - started

    with Vendor().running() as vendor:
        vendor.answers(slow)
        statuses, seconds = asyncio.run(run(vendor.url))
    assert statuses == [200] * 300
    # One after the other they would take 60 s; the bound is wide because test machines are.
    assert seconds < 20


def test_the_verdict_of_no_answer_names_the_fault_only():
    assert judge(Reply(None, fault="TimeoutError"), "vendor") == Verdict("unknown", "no_answer: TimeoutError")
