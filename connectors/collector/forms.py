"""What pages get: a signed token in the path, fields in a bounded body; and what they keep of it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from starlette.requests import Request

from connectors.collector.dependencies import Dependencies
from connectors.collector.limits import Bodies, Pace
from connectors.collector.pii import hash_pii
from connectors.feedback.post import Form, Post
from connectors.links import Link

MAX_FORM_BYTES = 16 << 10
FORMS_PER_SECOND = 1.0
FORGET_AFTER = 100_000
"""Forms, after which all visitors start anew: memory stays bounded."""
_bodies = Bodies(MAX_FORM_BYTES)


def token_of(request: Request, deps: Dependencies) -> Link:
    """The link behind the address that was called; its letter is its purpose.

    Raises:
        BadLink: when it is not one of ours, unchanged, for this purpose.
    """
    return deps.links.read(request.url.path)


async def read_form(request: Request, deps: Dependencies) -> Form:
    """The fields of an URL-encoded or multipart form.

    Raises:
        HTTPException: see `Bodies.body`.
    """
    async with _bodies.body(request) as body:
        return Post(body, deps.clock(), {"Content-Type": request.headers.get("content-type", "")}).form()


class Visitors:
    """Slows down whoever fills in a form again and again, by network address, which is not kept."""

    def __init__(self, per_second: float = FORMS_PER_SECOND) -> None:
        self._per_second = per_second
        self._pace = Pace(per_second)
        self._seen = 0

    def take(self, request: Request) -> None:
        """Count one form.

        Raises:
            HTTPException: 429 with the seconds to wait.
        """
        self._seen += 1
        if self._seen % FORGET_AFTER == 0:
            self._pace = Pace(self._per_second)
        self._pace.take(request.client.host if request.client else "", 1)


def landing_record(
    deps: Dependencies, name: str, identifier: str, properties: Mapping[str, Any], now: datetime, **ids: str
) -> dict[str, Any]:
    """A `track` record for the journal without what is empty; direct identifiers are hashed if that is on.

    `ids` are Segment's `userId` and `anonymousId`.
    """
    moment = f"{now.isoformat(timespec='milliseconds')}Z"
    record = {
        "type": "track",
        "messageId": identifier,
        "event": name,
        "timestamp": moment,
        "receivedAt": moment,
        "source": "collector",
        **{key: value for key, value in ids.items() if value},
        "properties": {key: value for key, value in properties.items() if value is not None},
    }
    return hash_pii(record, deps.options.pii_secret) if deps.options.hashes_pii else record
