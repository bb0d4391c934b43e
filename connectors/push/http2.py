"""HTTP/2 to one vendor: Apple speaks nothing else, and aiohttp does not speak it.

The same answers and the same doubts as `connectors.http`, and two certainties that only HTTP/2 gives: a
stream that the server refuses, or that its GOAWAY excludes, was not looked at (RFC 9113, 6.8 and 8.7). The
connection is read all the time, so one that has ended while idle is not used again; httpx notices only when
it has written into it, and then nobody knows.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import SplitResult, urlsplit

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import DataReceived, Event, RemoteSettingsChanged, ResponseReceived, StreamEnded, StreamReset
from h2.exceptions import H2Error

from connectors.errors import TryAgain
from connectors.http import CONNECT_SECONDS, Reply

FRAME_HEAD = 9
GOAWAY = 0x7
PORT = 443


class NotTaken(Exception):  # noqa: N818  (says what follows)
    """The server has said that it did not look at the request."""


@dataclass(slots=True)
class Call:
    """One request on its stream."""

    done: asyncio.Future[None]
    has_left: bool = False
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytearray = field(default_factory=bytearray)


class Http2Client:
    """One kept connection with as many streams at once as the server allows.

    Args:
        tls: whom to trust; the system's authorities when none is given.
        timeout_seconds: for a whole call, waiting for a connection and a stream included.
    """

    def __init__(self, *, tls: ssl.SSLContext | None = None, timeout_seconds: float = 30.0) -> None:
        self._tls = tls or ssl.create_default_context()
        self._tls.set_alpn_protocols(["h2"])
        self._timeout = timeout_seconds
        self._connection: Connection | None = None
        self._leaving: list[Connection] = []
        self._turn: asyncio.Lock | None = None

    async def post(self, url: str, content: bytes, headers: Mapping[str, str]) -> Reply:
        """Post bytes, once.

        Raises:
            TryAgain: the request has not left, or the server says that it has not taken it.
        """
        parts = urlsplit(url)
        pseudo = {":method": "POST", ":scheme": "https", ":authority": parts.netloc, ":path": parts.path}
        call = Call(asyncio.get_running_loop().create_future())
        try:
            async with asyncio.timeout(self._timeout):
                connection = await self._connected(parts)
                await connection.exchange([*pseudo.items(), *headers.items()], content, call)
            return Reply(call.status, call.headers, bytes(call.body))
        except NotTaken as refusal:
            raise TryAgain(f"not_taken: {refusal}") from refusal
        except (OSError, TimeoutError, H2Error) as error:
            fault = type(error).__name__
        if call.has_left:
            return Reply(None, fault=fault)
        raise TryAgain(f"not_connected: {fault}")

    async def close(self) -> None:
        """Close the connection; a later call opens a new one."""
        connections = [*self._leaving, *([self._connection] if self._connection else [])]
        self._leaving, self._connection, self._turn = [], None, None
        for connection in connections:
            await connection.close()

    async def _connected(self, parts: SplitResult) -> Connection:
        """The connection that takes new requests, opened when there is none."""
        if self._turn is None:
            self._turn = asyncio.Lock()
        async with self._turn:
            if self._connection is None or not self._connection.is_open:
                old = [*self._leaving, *([self._connection] if self._connection else [])]
                self._leaving = [connection for connection in old if not connection.is_over]
                async with asyncio.timeout(min(CONNECT_SECONDS, self._timeout)):
                    self._connection = await Connection.open(parts, self._tls)
            return self._connection


class Connection:
    """Reads all the time, writes whole requests; see `Http2Client`."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._wire = H2Connection(H2Configuration(client_side=True, header_encoding="utf-8"))
        self._calls: dict[int, Call] = {}
        self._changed = asyncio.Event()
        self._has_settings = False
        self._is_flushing = False
        self.is_open = True
        self._wire.initiate_connection()
        self._flush()
        self._reading = asyncio.create_task(self._read())

    @property
    def is_over(self) -> bool:
        """Whether no answer can come any more."""
        return self._reading.done()

    @classmethod
    async def open(cls, parts: SplitResult, tls: ssl.SSLContext) -> Connection:
        """Connect, agree on TLS and HTTP/2, and hear what the server allows.

        Raises:
            OSError: nobody listens, or not by this certificate or protocol.
        """
        # Both log what they carry: addresses that end with the token, headers with credentials.
        logging.getLogger("hpack").setLevel(logging.WARNING)
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port or PORT, ssl=tls)
        connection = cls(reader, writer)
        try:
            while connection.is_open and not connection._has_settings:
                await connection._change()
        except BaseException:
            await connection.close()
            raise
        return connection

    async def exchange(self, head: list[tuple[str, str]], content: bytes, call: Call) -> None:
        """Send one request and wait for the whole answer.

        Raises:
            NotTaken: the server did not look at it.
            ConnectionError: the connection ended.
        """
        while self.is_open and not self._has_room(len(content)):
            await self._change()
        if not self.is_open:
            raise NotTaken("connection_is_leaving")
        stream = self._wire.get_next_available_stream_id()
        self._wire.send_headers(stream, head)
        self._wire.send_data(stream, content, end_stream=True)
        self._calls[stream] = call
        call.has_left = True
        self._flush_soon()
        try:
            await call.done
        finally:
            if self._calls.pop(stream, None) and call.done.cancelled():
                # Nobody waits for it any more: the stream is free for another.
                with contextlib.suppress(H2Error):
                    self._wire.reset_stream(stream, ErrorCodes.CANCEL)
                    self._flush()
            self._changed.set()
            self._leave()

    async def close(self) -> None:
        """End the connection; what still waits for an answer gets none."""
        self._reading.cancel()
        await asyncio.gather(self._reading, return_exceptions=True)
        self._writer.close()
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(1):
                await self._writer.wait_closed()

    def _has_room(self, size: int) -> bool:
        """Whether a whole request may leave: a stream is free, and the server takes as many bytes."""
        window = min(self._wire.outbound_flow_control_window, self._wire.remote_settings.initial_window_size)
        return len(self._calls) < self._wire.remote_settings.max_concurrent_streams and size <= window

    async def _change(self) -> None:
        self._changed.clear()
        await self._changed.wait()

    async def _read(self) -> None:
        """Take what arrives until the connection ends; then nobody waits any longer."""
        rest = b""
        try:
            while received := await self._reader.read(65536):
                rest += received
                taken = 0
                for frame in frames(rest):
                    self._take(frame)
                    taken += len(frame)
                rest = rest[taken:]
                self._flush()
                self._changed.set()
        except (OSError, H2Error):
            pass
        finally:
            self.is_open = False
            self._writer.close()
            for call in self._calls.values():
                _fail(call, ConnectionResetError())
            self._changed.set()

    def _take(self, frame: bytes) -> None:
        """One frame. A GOAWAY is kept from the library, which would hear nothing more after it."""
        if frame[3] != GOAWAY:
            for event in self._wire.receive_data(frame):
                self._heard(event)
            return
        self.is_open = False
        last = int.from_bytes(frame[FRAME_HEAD : FRAME_HEAD + 4]) & 0x7FFFFFFF
        for stream, call in self._calls.items():
            if stream > last:
                _fail(call, NotTaken("goaway"))
        self._leave()

    def _heard(self, event: Event) -> None:
        if isinstance(event, RemoteSettingsChanged):
            self._has_settings = True
            return
        stream = getattr(event, "stream_id", None)
        if isinstance(event, DataReceived):
            self._wire.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        call = self._calls.get(stream or 0)
        if call is None:
            return
        if isinstance(event, ResponseReceived):
            call.headers = {str(name): str(value) for name, value in event.headers or ()}
            call.status = int(call.headers.pop(":status"))
        elif isinstance(event, DataReceived):
            call.body += event.data or b""
        elif isinstance(event, StreamEnded):
            self._calls.pop(event.stream_id)
            if not call.done.done():
                call.done.set_result(None)
        elif isinstance(event, StreamReset):
            refused = event.error_code == ErrorCodes.REFUSED_STREAM
            _fail(call, NotTaken("refused_stream") if refused else ConnectionResetError())

    def _leave(self) -> None:
        """Close a connection that takes nothing new and owes nothing more."""
        if not self.is_open and not self._calls:
            self._writer.close()

    def _flush_soon(self) -> None:
        """One write for all requests of this turn of the event loop."""
        if not self._is_flushing:
            self._is_flushing = True
            asyncio.get_running_loop().call_soon(self._flush)

    def _flush(self) -> None:
        self._is_flushing = False
        data = self._wire.data_to_send()
        if data and not self._writer.is_closing():
            self._writer.write(data)


def frames(received: bytes) -> Iterator[bytes]:
    """The complete frames at the beginning of what has been received."""
    start = 0
    while start + FRAME_HEAD <= len(received):
        end = start + FRAME_HEAD + int.from_bytes(received[start : start + 3])
        if end > len(received):
            return
        yield received[start:end]
        start = end


def _fail(call: Call, error: Exception) -> None:
    if not call.done.done():
        call.done.set_exception(error)
