"""Providers that take everything, each in a process of its own: an SMTP server, an HTTP API that takes its time.

python -m tests.bench.far_ends smtp|http      # says its port; when standard input ends, what it has taken
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import uvloop

HTTP_LATENCY_SECONDS = 0.2
BACKLOG = 4096
TAKEN = {"messages": 0, "octets": 0, "most at once": 0}


class SmtpSink(asyncio.Protocol):
    """One connection: announces PIPELINING and 8BITMIME, refuses nothing, keeps nothing."""

    EHLO = b"250-sink\r\n250-PIPELINING\r\n250 8BITMIME\r\n"
    REPLIES = {b"EHLO": EHLO, b"DATA": b"354 go\r\n", b"QUIT": b"221 bye\r\n"}  # noqa: RUF012  (never changed)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.buffer = b""
        self.is_in_data = False
        transport.write(b"220 sink\r\n")

    def data_received(self, data: bytes) -> None:
        replies = []
        self.buffer += data
        while True:
            end = b"\r\n.\r\n" if self.is_in_data else b"\r\n"
            line, found, rest = self.buffer.partition(end)
            if not found:
                break
            self.buffer = rest
            if self.is_in_data:
                TAKEN["messages"] += 1
                TAKEN["octets"] += len(line)
                self.is_in_data = False
                replies.append(b"250 2.0.0 Ok: queued as 4F1A2\r\n")
            else:
                verb = line[:4].upper()
                self.is_in_data = verb == b"DATA"
                replies.append(self.REPLIES.get(verb, b"250 ok\r\n"))
        self.transport.write(b"".join(replies))


class HttpVendor(asyncio.Protocol):
    """One connection: 202 with an id, after the latency of a vendor on another continent."""

    under_way = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.buffer = b""

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        head, found, body = self.buffer.partition(b"\r\n\r\n")
        if not found or len(body) < self.length(head):
            return
        self.buffer = b""
        HttpVendor.under_way += 1
        TAKEN["most at once"] = max(TAKEN["most at once"], HttpVendor.under_way)
        TAKEN["octets"] += len(body)
        asyncio.get_running_loop().call_later(HTTP_LATENCY_SECONDS, self.answer)

    def length(self, head: bytes) -> int:
        return int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])

    def answer(self) -> None:
        HttpVendor.under_way -= 1
        TAKEN["messages"] += 1
        self.transport.write(
            b"HTTP/1.1 202 Accepted\r\nX-Message-Id: m%d\r\nContent-Length: 0\r\n\r\n" % TAKEN["messages"]
        )


async def serve(protocol: type[asyncio.Protocol]) -> None:
    """Take what comes until the parent closes our standard input."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(protocol, "127.0.0.1", 0, backlog=BACKLOG)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()
    print(json.dumps(TAKEN | {"cpu_seconds": time.process_time()}), flush=True)


@dataclass
class FarEnd:
    """A provider as its parent sees it; `taken` is there when it has stopped."""

    port: int
    taken: dict[str, float] = field(default_factory=dict)


@contextmanager
def far_end(kind: str) -> Iterator[FarEnd]:
    """A provider in another process."""
    command = [sys.executable, "-m", "tests.bench.far_ends", kind]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        end = FarEnd(int(process.stdout.readline()))
        try:
            yield end
        finally:
            process.stdin.close()
            end.taken.update(json.loads(process.stdout.readline() or "{}"))


if __name__ == "__main__":
    uvloop.run(serve({"smtp": SmtpSink, "http": HttpVendor}[sys.argv[1]]))
