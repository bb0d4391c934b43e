"""What is known of the connection of a request: that it has one, and that it is not too late to use it."""

from __future__ import annotations

from types import SimpleNamespace

import aiohttp

from connectors.errors import TryAgain
from connectors.leaving import ask_to_leave


class Connector(aiohttp.TCPConnector):
    """A pool that asks once more, with the connection in hand, whether the request is to leave."""

    async def connect(
        self,
        req: aiohttp.ClientRequest,
        traces: list[aiohttp.tracing.Trace],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109  (aiohttp's signature)
    ) -> aiohttp.connector.Connection:
        """As aiohttp's; `TryAgain` when it has become too late."""
        connection = await super().connect(req, traces, timeout)
        try:
            ask_to_leave()
        except TryAgain:
            connection.close()
            raise
        return connection


def tracing() -> aiohttp.TraceConfig:
    """Notes when a request gets its connection, new or from the pool: bytes may leave from then on."""

    async def connected(_session: object, context: SimpleNamespace, _params: object) -> None:
        context.trace_request_ctx.is_connected = True

    trace = aiohttp.TraceConfig()
    trace.on_connection_create_end.append(connected)
    trace.on_connection_reuseconn.append(connected)
    return trace
