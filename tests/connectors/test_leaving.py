"""A request that has become too late by the time its connection stands does not leave, and says so."""

import asyncio

import pytest

from connectors.email.connection import Server, open_dialogue
from connectors.errors import TryAgain
from connectors.http import HttpClient
from connectors.leaving import ask_to_leave, leaving_while
from tests.connectors.conformance.mail_server import MailServer
from tests.connectors.conformance.vendor import Answer, Vendor


class Freshness:
    """True so many times, then no more."""

    def __init__(self, times):
        self.left = times

    def __call__(self):
        self.left -= 1
        return self.left >= 0


def test_a_post_whose_connection_came_too_late_does_not_leave_and_the_next_one_does():
    async def post(url):
        client = HttpClient()
        try:
            await client.post(url, content=b"warm")  # from now on there is a kept connection
            for connections in ("kept", "new"):
                with leaving_while(lambda: False), pytest.raises(TryAgain, match="attempt_out_of_date"):
                    await client.post(url, content=connections.encode())
            return (await client.post(url, content=b"late")).status
        finally:
            await client.close()

    with Vendor().running() as vendor:
        vendor.answers(Answer(200, {}))
        assert asyncio.run(post(vendor.url)) == 200
        assert [request.body for request in vendor.requests] == [b"warm", b"late"]


def test_tasks_of_the_block_are_asked_as_well():
    async def post(url):
        client = HttpClient()
        try:
            with leaving_while(Freshness(2)):
                posts = (client.post(url, content=b"") for _ in range(5))
                return await asyncio.gather(*posts, return_exceptions=True)
        finally:
            await client.close()

    with Vendor().running() as vendor:
        answers = asyncio.run(post(vendor.url))
        assert sum(isinstance(answer, TryAgain) for answer in answers) == 3
        assert len(vendor.requests) == 2


def test_a_mail_server_that_was_reached_too_late_gets_no_mail():
    with MailServer().running() as server, leaving_while(lambda: False), pytest.raises(TryAgain):
        asyncio.run(open_dialogue(Server.at(f"smtp://127.0.0.1:{server.port}"), "a@b.example", 5))


def test_outside_of_such_a_block_nothing_is_too_late():
    with leaving_while(lambda: False), pytest.raises(TryAgain):
        ask_to_leave()
    ask_to_leave()
