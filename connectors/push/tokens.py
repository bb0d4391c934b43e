"""To whom a device token belongs, and the tokens by which we prove who we are."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Awaitable, Callable

from connectors.model import Message
from connectors.push.payload import Service

APNS_TOKEN = re.compile(r"[0-9a-fA-F]{64,200}")
"""Bytes in hexadecimal: 32 today, and Apple asks not to rely on it. FCM's tokens hold a colon and more."""


def service_of(token: str) -> Service:
    """Which push service has issued a token, by its form.

    The platform of the event does not say it: an app on iOS may hold a token of Apple's or of Firebase's.
    """
    if token.lstrip().startswith(("{", "https://")):
        return "web_push"
    return "apns" if APNS_TOKEN.fullmatch(token) else "fcm"


def belongs_to(message: Message, service: Service) -> bool:
    """Whether the message's token was issued by this service."""
    return service_of(message.address) == service


class ReusedToken:
    """A credential that is made once, used by all calls, and made again when it is old.

    Args:
        make: makes a new one; its errors reach whoever asked.
        lifetime_seconds: how long one is used.
        clock: seconds since 1970.
    """

    def __init__(
        self,
        make: Callable[[], Awaitable[str]],
        lifetime_seconds: float,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._make = make
        self._lifetime = lifetime_seconds
        self._clock = clock
        self._token: str | None = None
        self._made_at = 0.0
        self._turn: asyncio.Lock | None = None

    async def get(self) -> str:
        """The token of the hour; callers that come meanwhile wait for the same new one."""
        if self._turn is None:
            self._turn = asyncio.Lock()
        async with self._turn:
            if self._token is None or self._clock() - self._made_at >= self._lifetime:
                self._token, self._made_at = await self._make(), self._clock()
            return self._token

    def drop(self, token: str) -> None:
        """Forget a token that was refused, unless there is a newer one already."""
        if token == self._token:
            self._token = None

    def close(self) -> None:
        """Leave the event loop; the token stays good in the next one."""
        self._turn = None
