import asyncio

import uvicorn
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route
from uvicorn.server import ServerState

from connectors.collector.one_write import WholeAnswers

GET = b"GET / HTTP/1.1\r\nHost: shop\r\n\r\n"
LAST_GET = b"GET / HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n\r\n"


class Wire(asyncio.Transport):
    """A connection that remembers what was done to it, in order."""

    def __init__(self):
        super().__init__()
        self.done = []

    def write(self, data):
        self.done.append(bytes(data))

    def close(self):
        self.done.append("closed")

    def is_closing(self):
        return "closed" in self.done

    def pause_reading(self):
        pass

    def resume_reading(self):
        pass


def told(*requests):
    """What goes over the wire for each request of one connection."""

    async def answer(_request):
        return JSONResponse({"success": True})

    async def talk():
        config = uvicorn.Config(Starlette(routes=[Route("/", answer)]), log_level="warning")
        config.load()
        wire, protocol = Wire(), WholeAnswers(config, ServerState(), {})
        protocol.connection_made(wire)
        for request in requests:
            protocol.data_received(request)
            for _ in range(20):
                await asyncio.sleep(0)
        return wire.done

    return asyncio.run(talk())


def test_head_and_body_leave_together_so_that_a_killed_process_has_answered_or_not():
    first, second = told(GET, GET)
    assert first.startswith(b"HTTP/1.1 200")
    assert first.endswith(b'{"success":true}')
    assert second == first


def test_a_connection_is_closed_behind_its_last_answer():
    answer, closed = told(LAST_GET)
    assert answer.endswith(b'{"success":true}')
    assert closed == "closed"
