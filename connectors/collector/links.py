"""What messages lead back to: the open pixel, clicks, deep links of pushes, view in browser, the trap.

A redirect goes only where the signed link says. It is answered even when the event cannot be kept: a reader
is worth more than a statistic.
"""

from __future__ import annotations

import logging
import re
from base64 import b64decode
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import sqlalchemy as sa
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from connectors.collector.dependencies import Dependencies
from connectors.collector.forms import landing_record, token_of
from connectors.collector.journal import Busy, StorageFailed
from connectors.collector.machines import Trapped, machine_signal
from connectors.collector.pages import NOT_KEPT, Pages
from connectors.feedback.model import EVENT_NAMES, event_id
from connectors.links import Link
from connectors.tables import messages

PIXEL = b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")
PUSH_NAMES = {"opened": "Push Notification Opened", "clicked": "Push Notification Clicked"}
WEB = ("http", "https")
APP = re.compile(r"[a-z][a-z0-9+.-]*")
NO_APPS = ("javascript", "vbscript", "data", "file", "blob", "about", "filesystem", "view-source")
UNSAFE = re.compile(r"[\x00-\x20\x7f\\]")

log = logging.getLogger(__name__)


def routes(deps: Dependencies) -> list[Route]:
    """`/o/` pixel, `/c/` click, `/t/` trap, `/v/` view; each followed by a token."""
    pages = Pages()
    links = _Links(deps, pages)
    return [
        Route("/o/{token}", pages.guarded(links.open)),
        Route("/c/{token}", pages.guarded(links.click)),
        Route("/t/{token}", pages.guarded(links.trap)),
        Route("/v/{token}", pages.guarded(links.view)),
    ]


def may_lead_to(url: str) -> bool:
    """Whether a redirect may go there: a site, or an app by its own scheme (`millrace://product/1`)."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    is_app = bool(APP.fullmatch(parts.scheme)) and parts.scheme not in (*WEB, *NO_APPS)
    return not UNSAFE.search(url) and bool(parts.netloc) and (parts.scheme in WEB or is_app)


class _Links:
    def __init__(self, deps: Dependencies, pages: Pages) -> None:
        self._deps = deps
        self._pages = pages
        self._trapped = Trapped()

    async def open(self, request: Request) -> Response:
        link = token_of(request, self._deps)
        await self._keep(request, link, "opened")
        return Response(PIXEL, media_type="image/gif", headers=NOT_KEPT)

    async def click(self, request: Request) -> Response:
        link = token_of(request, self._deps)
        if not link.url or not may_lead_to(link.url):
            return self._pages.not_found(request)
        await self._keep(request, link, "clicked")
        return RedirectResponse(link.url, 302, NOT_KEPT)

    async def trap(self, request: Request) -> Response:
        """No person sees this link; who follows it is a machine, and so are its other clicks."""
        link = token_of(request, self._deps)
        self._trapped.spring(link.message_id)
        await self._keep(request, link, "clicked")
        return Response(status_code=204, headers=NOT_KEPT)

    async def view(self, request: Request) -> Response:
        """The content is not kept after sending, so only the mailbox can show it."""
        link = token_of(request, self._deps)
        onward = self._deps.links.url(Link("preferences", link.message_id, link.profile_id, link.channel))
        return self._pages.notice(request, "view", onward=(onward, "preferences_title"))

    async def _keep(self, request: Request, link: Link, meaning: str) -> None:
        name = {**EVENT_NAMES, "push": PUSH_NAMES}.get(link.channel, {}).get(meaning)
        if name is None:
            return
        now = self._deps.clock()
        try:
            signal = await self._signal(request, link, now)
            await self._deps.journal.append([_event(self._deps, link, name, signal, now)])
        except (Busy, StorageFailed, sa.exc.SQLAlchemyError) as error:
            log.warning("lost an event of a message: %s: %s", name, type(error).__name__)

    async def _signal(self, request: Request, link: Link, now: datetime) -> str | None:
        if link.purpose == "trap" or self._trapped.holds(link.message_id):
            return "trap"
        agent = request.headers.get("user-agent", "")
        told = machine_signal(request.method, agent, link.channel, None, now)
        if told or link.channel != "email":
            return told
        sent_at = await run_in_threadpool(self._sent_at, link.message_id)
        return machine_signal(request.method, agent, link.channel, sent_at, now)

    def _sent_at(self, message_id: str) -> datetime | None:
        """When the message was handed over, by the ledger."""
        with self._deps.store.reading() as connection:
            found: datetime | None = connection.scalar(
                sa.select(messages.c.attempted_at).where(messages.c.message_id == message_id)
            )
        return found


def _event(deps: Dependencies, link: Link, name: str, signal: str | None, now: datetime) -> Mapping[str, Any]:
    """The landing record; a link followed twice in a minute by the same kind of reader is one event."""
    minute = now.replace(second=0, microsecond=0)
    said = ("link", name, link.message_id, link.url, link.purpose, signal is not None, minute)
    properties = {
        "message_id": link.message_id,
        "profile_id": link.profile_id,
        "channel": link.channel,
        "url": link.url,
        "is_machine": True if signal else None,
        "reason": signal,
    }
    return landing_record(deps, name, event_id(*said), properties, now)
