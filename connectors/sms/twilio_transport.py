"""The SDK's requests over the client of all vendors: only that one knows whether bytes have left.

The SDK's own asynchronous client drops its time limit and writes the numbers that it asks about into the log.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from urllib.parse import urlencode, urlsplit, urlunsplit

import aiohttp
from twilio.http import AsyncHttpClient  # type: ignore[import-untyped]
from twilio.http.response import Response  # type: ignore[import-untyped]

from connectors.http import HttpClient, Reply
from connectors.sms.twilio_codes import PROVIDER

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


class Refused(Exception):  # noqa: N818  (carries an answer through the SDK, no further)
    """An answer that is no success, or the lack of one."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(f"http {reply.status}")
        self.reply = reply


class Transport(AsyncHttpClient):  # type: ignore[misc]  # the SDK ships no types
    """The SDK's seam for HTTP clients, filled with ours; `base_url` replaces scheme and host."""

    def __init__(self, base_url: str, login: aiohttp.BasicAuth, timeout_seconds: float) -> None:
        self.is_async = True
        self._client = HttpClient({"Authorization": login.encode()}, timeout_seconds=timeout_seconds)
        self._base = urlsplit(base_url)

    async def request(
        self,
        method: str,
        url: str,
        params: Mapping[str, object] | None = None,
        data: Mapping[str, object] | None = None,
        **_: object,
    ) -> Response:
        """Carry a request of the SDK; login and time limit are the client's.

        Raises:
            Refused: no success.
            TryAgain, StopSync: as `HttpClient` does.
        """
        url = urlunsplit(urlsplit(url)._replace(scheme=self._base.scheme, netloc=self._base.netloc))
        if method == "GET":
            query = {name: str(value) for name, value in (params or {}).items()}
            return Response(200, json.dumps(await self._client.ask(url, query, PROVIDER)))
        body = urlencode(dict(data or {}), doseq=True).encode()
        reply = await self._client.post(url, content=body, headers=FORM)
        if not reply.is_success:
            raise Refused(reply)
        return Response(reply.status, reply.body.decode(errors="replace"))

    async def close(self) -> None:
        """Give connections back."""
        await self._client.close()
