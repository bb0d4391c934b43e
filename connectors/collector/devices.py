"""Push tokens of apps and browsers: registered, refreshed, revoked, at once for the next push.

Signed by a write key (the app names the person by its user or anonymous id, as with any event) or by a
person's own device link, which the shop's server signs: then nobody can register for somebody else.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from connectors.collector.calls import read_json
from connectors.collector.dependencies import Dependencies
from connectors.collector.forms import landing_record
from connectors.collector.limits import Bodies, Pace, refusal
from connectors.collector.tracking import basic_user
from connectors.feedback.model import event_id
from connectors.feedback.model import refusal as first_fault
from connectors.links import BadLink
from connectors.store import add_suppressions, register_tokens, suppression

Token = Annotated[str, Field(min_length=8, max_length=4096, pattern=r"^[\x21-\x7e]+( [\x21-\x7e]+)*$")]
Identifier = Annotated[str, Field(min_length=1, max_length=256)]
MAX_BYTES = 16 << 10


class Device(BaseModel):
    """A call about one device.

    Attributes:
        token: as FCM or APNs gave it, or a web push subscription as JSON text.
        previous_token: the one that a refresh replaces.
        user_id: and anonymous_id: whose device it is; not with a device link, which says so itself.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    token: Token
    platform: Literal["ios", "android", "web"] | None = None
    previous_token: Annotated[Token | None, Field(alias="previousToken")] = None
    user_id: Annotated[Identifier | None, Field(alias="userId")] = None
    anonymous_id: Annotated[Identifier | None, Field(alias="anonymousId")] = None

    @model_validator(mode="after")
    def differs(self) -> Device:
        """A token that replaces itself would be revoked."""
        if self.token == self.previous_token:
            raise ValueError("the previous token is the same")
        return self


def routes(deps: Dependencies) -> list[Route]:
    """`POST /v1/devices` registers or refreshes, `POST /v1/devices/revoke` revokes."""
    devices = _Devices(deps)
    return [
        Route("/v1/devices", devices.register, methods=["POST"]),
        Route("/v1/devices/revoke", devices.revoke, methods=["POST"]),
    ]


class _Devices:
    def __init__(self, deps: Dependencies) -> None:
        self._deps = deps
        self._bodies = Bodies(min(MAX_BYTES, deps.options.max_body_bytes))
        self._pace = Pace(deps.options.events_per_second)

    async def register(self, request: Request) -> Response:
        """The event first: what is not durable must not be active, and the app comes again."""
        device, whose = await self._read(request)
        if not (whose or device.user_id or device.anonymous_id):
            raise refusal(400, "userId or anonymousId is needed")
        now = self._deps.clock()
        gone = device.previous_token
        events = [self._event("Device Registered", device.token, device, whose, now)]
        if gone:
            events.append(self._event("Device Revoked", gone, device, whose, now))
        await self._deps.journal.append(events)
        await run_in_threadpool(_activate, self._deps, device, now)
        return JSONResponse({"success": True})

    async def revoke(self, request: Request) -> Response:
        """The store first: whatever happens next, nothing more is pushed."""
        device, whose = await self._read(request)
        now = self._deps.clock()
        await run_in_threadpool(_close, self._deps, device.token, now)
        await self._deps.journal.append([self._event("Device Revoked", device.token, device, whose, now)])
        return JSONResponse({"success": True})

    async def _read(self, request: Request) -> tuple[Device, str | None]:
        """The call, and the profile that a device link names."""
        whose, key_id = await self._signer(request)
        self._pace.take(key_id, 1)
        async with self._bodies.body(request) as body:
            call = read_json(body)
        try:
            return Device.model_validate(call), whose
        except ValidationError as error:
            fault = first_fault(error)
            raise refusal(400, f"{fault.field}: {fault.reason}" if fault.field else fault.reason) from None

    async def _signer(self, request: Request) -> tuple[str | None, str]:
        """Who signed: the profile of a device link, and what is to be paced."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            try:
                link = self._deps.links.read(f"/d/{token.strip()}")
            except BadLink:
                raise refusal(401, "this device link is not ours") from None
            return link.profile_id, f"profile:{link.profile_id}"
        secret = basic_user(request)
        key = await self._deps.keys.find(secret) if secret else None
        if key is None:
            raise refusal(401, "a write key is needed: basic auth, the key as the user, no password")
        return None, key.key_id

    def _event(
        self, name: str, token: str, device: Device, whose: str | None, now: datetime
    ) -> Mapping[str, Any]:
        ids = {} if whose else {"userId": device.user_id or "", "anonymousId": device.anonymous_id or ""}
        properties = {"token": token, "platform": device.platform, "channel": "push", "profile_id": whose}
        identifier = event_id("device", name, token, whose, *ids.values(), now)
        return landing_record(self._deps, name, identifier, properties, now, **ids)


def _activate(deps: Dependencies, device: Device, now: datetime) -> None:
    with deps.store.transaction() as connection:
        row = {"token": device.token, "platform": device.platform or "unknown", "since": now}
        register_tokens(connection, [row])
        if device.previous_token:
            add_suppressions(connection, [_closed(device.previous_token, now)])


def _close(deps: Dependencies, token: str, now: datetime) -> None:
    with deps.store.transaction() as connection:
        add_suppressions(connection, [_closed(token, now)])


def _closed(token: str, now: datetime) -> dict[str, Any]:
    return suppression("push", token, "invalid_token", now)
