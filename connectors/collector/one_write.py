"""An answer leaves in one write: its head and its body together.

uvicorn writes them one after the other. A process killed in between has said 200 without a body, which an SDK
takes neither for an answer nor for a failure to be retried: RudderStack's gives the batch up. One write is
also one packet instead of two.
"""

from __future__ import annotations

import asyncio
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


class OneWrite:
    """A transport that hands on at once what is written during one step of the event loop."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._loop = asyncio.get_running_loop()
        self._parts: list[bytes] = []

    def write(self, data: bytes) -> None:
        """Keep it until the current step has ended."""
        if not self._parts:
            self._loop.call_soon(self._hand_on)
        self._parts.append(data)

    def close(self) -> None:
        """Close, behind what was written."""
        self._hand_on()
        self._transport.close()

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  (whatever a transport has)
        return getattr(self._transport, name)

    def _hand_on(self) -> None:
        parts, self._parts = self._parts, []
        if parts:
            self._transport.write(b"".join(parts))


class WholeAnswers(HttpToolsProtocol):
    """uvicorn's HTTP, one write for each answer."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """As uvicorn's."""
        super().connection_made(cast("asyncio.Transport", OneWrite(transport)))
