"""The far end of a wire, as nasty as vendors are: an HTTP server that can be told how to misbehave.

It writes raw bytes, so that an answer can stop anywhere, and keeps every request that it has read.
"""

import asyncio
import inspect
import json
from collections import deque
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlsplit

from tests.connectors.conformance.far_end import FarEnd


@dataclass(frozen=True, slots=True)
class Request:
    """What arrived: `path` without its query, header names in lower case."""

    method: str
    path: str
    query: dict
    headers: dict
    body: bytes

    def json(self):
        return json.loads(self.body)

    def form(self):
        return dict(parse_qsl(self.body.decode()))


@dataclass(frozen=True, slots=True)
class Answer:
    """A complete answer; `body` may be bytes, text, or anything that JSON can say."""

    status: int = 200
    body: object = b""
    headers: dict = field(default_factory=dict)
    keeps: bool = True

    def bytes(self):
        body = self.body
        if not isinstance(body, bytes | str):
            body = json.dumps(body)
        body = body.encode() if isinstance(body, str) else body
        kind = "text/html" if body.startswith(b"<") else "application/json"
        headers = {"Content-Type": kind, "Content-Length": len(body)} | self.headers
        if not self.keeps:
            headers["Connection"] = "close"
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        return f"HTTP/1.1 {self.status} Whatever\r\n{head}\r\n".encode() + body


class Silence:
    """Reads the whole request, and says nothing until the client gives up."""


class CutInRequest:
    """Closes after a part of the request has been read."""


class CutAfterRequest:
    """Reads the whole request, does what it asks for perhaps, and closes without a word."""


@dataclass(frozen=True, slots=True)
class CutAnswer:
    """Sends half of an answer, and closes."""

    answer: Answer


class Vendor(FarEnd):
    """`vendor.answers(plan)`: one plan for all requests, or a list of plans, one for each (the last stays).

    A plan is an Answer, one of the faults above, or a function from the Request to either, which may wait.
    """

    def __init__(self):
        super().__init__()
        self.requests = []
        self._plans = deque([Answer()])

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def answers(self, plan):
        self._plans = deque(plan if isinstance(plan, list) else [plan])

    async def talk(self, reader, writer):
        """Requests and answers, until one of them ends the connection."""
        while await self._exchange(reader, writer):
            pass

    async def _exchange(self, reader, writer):
        """One request and its answer; whether the connection stays open."""
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        except asyncio.IncompleteReadError:
            return False
        plan = self._plans.popleft() if len(self._plans) > 1 else self._plans[0]
        if plan is CutInRequest:
            return False
        method, target, _ = head[0].split(" ", 2)
        headers = {
            name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:-2])
        }
        if headers.get("expect") == "100-continue":
            writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        parts = urlsplit(target)
        request = Request(method, parts.path, dict(parse_qsl(parts.query)), headers, body)
        self.requests.append(request)
        if callable(plan) and not isinstance(plan, type):
            plan = plan(request)
        if inspect.isawaitable(plan):
            plan = await plan
        return await self._reply(plan, reader, writer)

    async def _reply(self, plan, reader, writer):
        if plan is CutAfterRequest:
            return False
        if plan is Silence:
            await reader.read()
            return False
        if isinstance(plan, CutAnswer):
            whole = plan.answer.bytes()
            writer.write(whole[: max(len(whole) - max(len(whole) // 4, 1), 1)])
            await writer.drain()
            return False
        writer.write(plan.bytes())
        await writer.drain()
        return plan.keeps
