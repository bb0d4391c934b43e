"""The Segment HTTP tracking API: `/v1/track` and its kin, with a write key as basic auth.

https://segment.com/docs/connections/sources/catalog/libraries/server/http-api/
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from connectors.collector.calls import items_of, read_json, receive
from connectors.collector.dependencies import Dependencies
from connectors.collector.intake import Intake
from connectors.collector.keys import WriteKey
from connectors.collector.limits import Bodies, Pace, refusal

CALLS = ("identify", "track", "page", "screen", "group", "alias", "batch")
PATHS = {
    **{f"/v1/{call}": call for call in CALLS},
    **{f"/v1/{call[0]}": call for call in CALLS if call not in ("batch", "alias", "screen")},
    "/v1/a": "alias",
    "/v1/s": "screen",
    "/v1/b": "batch",
    "/v1/import": "batch",
}
"""Paths and their calls: the API's own, the short ones of analytics.js, and `import` of older libraries."""


def routes(deps: Dependencies) -> list[Route]:
    """The routes of the tracking API."""
    tracking = _Tracking(deps)
    return [Route(path, tracking.endpoint(call), methods=["POST"]) for path, call in PATHS.items()]


class _Tracking:
    def __init__(self, deps: Dependencies) -> None:
        self._deps = deps
        self._bodies = Bodies(deps.options.max_body_bytes)
        self._pace = Pace(deps.options.events_per_second)
        self._intake = Intake(deps)

    def endpoint(self, call_type: str) -> Callable[[Request], Any]:
        async def take(request: Request) -> Response:
            async with self._bodies.body(request) as body:
                return await self._take(request, body, call_type)

        return take

    async def _take(self, request: Request, body: bytes, call_type: str) -> Response:
        secret = basic_user(request)
        # Nobody's body is parsed before we know whose it is, unless the key is inside.
        key = await self._deps.keys.find(secret) if secret else None
        if secret and key is None:
            raise refusal(401, "this write key is unknown or revoked")
        call = read_json(body)
        key = key or await self._key_inside(call)
        items = items_of(call, call_type)
        self._pace.take(key.key_id, max(1, len(items)))
        received = receive(items, key, self._deps.options, self._deps.clock())
        await self._intake.take(received)
        if received.refused and call_type != "batch":
            first = received.refused[0]
            raise refusal(400, f"{first.field}: {first.reason}" if first.field else first.reason)
        rejected = {"rejected": [asdict(each) for each in received.refused]} if received.refused else {}
        return JSONResponse({"success": True, **rejected})

    async def _key_inside(self, call: Mapping[str, Any]) -> WriteKey:
        """Browsers that leave a page cannot set headers; their libraries put the key into the body."""
        secret = call.get("writeKey")
        key = await self._deps.keys.find(secret) if isinstance(secret, str) and secret else None
        if key is None:
            raise refusal(401, "a write key is needed: basic auth, the key as the user, no password")
        return key


def basic_user(request: Request) -> str | None:
    """The user of basic auth; none when there is none, or it cannot be read."""
    scheme, _, credentials = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        return base64.b64decode(credentials).decode().partition(":")[0] or None
    except (binascii.Error, UnicodeDecodeError):
        return None
