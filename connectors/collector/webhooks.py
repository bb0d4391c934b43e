"""Signed webhooks: `/webhooks/<sender>` for sources of events and for providers that report back.

A sender is there when its secret is: `MILLRACE_<SENDER>_WEBHOOK_SECRET`. A post whose signature is wrong or
too old is refused and noted in the audit log. A right one is durable before it is acknowledged, and telling
it again changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from connectors.collector import handshakes
from connectors.collector.audit import append_audit
from connectors.collector.calls import receive
from connectors.collector.dependencies import Dependencies
from connectors.collector.intake import Intake
from connectors.collector.keys import WriteKey
from connectors.collector.limits import Bodies, refusal
from connectors.collector.sources import SOURCES, Source
from connectors.content.mobile import help_text
from connectors.content.template import Library
from connectors.feedback import twilio
from connectors.feedback.model import Feedback, NotAuthentic, Post, Reject
from connectors.feedback.providers import PROVIDERS, Provider
from connectors.store import Store

MAX_BODY_BYTES = 2 << 20
MAX_DEPTH = 20
"""Orders are larger and deeper than what pages send; SendGrid posts up to 768 kB at once."""
AUDITED_PER_MINUTE = 60


def routes(deps: Dependencies) -> list[Route]:
    """The routes of sources and providers."""
    webhooks = _Webhooks(deps)
    return [
        Route("/webhooks/{sender}", webhooks.take, methods=["POST"]),
        Route("/webhooks/{sender}", webhooks.answer_challenge, methods=["GET"]),
    ]


class _Webhooks:
    def __init__(self, deps: Dependencies) -> None:
        self._deps = deps
        self._bodies = Bodies(MAX_BODY_BYTES)
        self._intake = Intake(deps)
        self._refusals = _Refusals(deps.store)
        self._help_text = help_text(Library().brand)
        self._options = replace(deps.options, max_event_bytes=MAX_BODY_BYTES, max_property_depth=MAX_DEPTH)

    async def take(self, request: Request) -> Response:
        name = request.path_params["sender"]
        sender = SOURCES.get(name) or PROVIDERS.get(name)
        secret = self._deps.options.secrets.get(f"{name.upper()}_WEBHOOK_SECRET")
        if sender is None or not secret:
            raise refusal(404, "no such webhook, or its secret is not set")
        async with self._bodies.body(request) as body:
            post = Post(body, self._deps.clock(), dict(request.headers), self._signed_url(request))
            await self._verify(name, sender, post, secret)
            if isinstance(sender, Source):
                return await self._take_events(name, sender, post)
            return await self._take_feedback(name, sender, post)

    async def answer_challenge(self, request: Request) -> Response:
        return handshakes.answer_challenge(request, self._deps.options.secrets)

    async def _verify(self, name: str, sender: Source | Provider, post: Post, secret: str) -> None:
        try:
            await run_in_threadpool(sender.verify, post, secret)
        except OSError:  # of the network: SNS's certificate
            raise refusal(503, "the signature cannot be checked now", handshakes.RETRY_SECONDS) from None
        except (NotAuthentic, ValueError, TypeError, LookupError) as error:
            reason = str(error) if isinstance(error, NotAuthentic) else "a signature that cannot be read"
            await run_in_threadpool(self._refusals.note, name, reason, post.received_at)
            raise refusal(401, reason) from None

    def _signed_url(self, request: Request) -> str:
        """The address as the sender called it, whatever the proxy in front has made of it."""
        query = f"?{request.url.query}" if request.url.query else ""
        return f"{self._deps.options.public_url.rstrip('/')}{request.url.path}{query}"

    async def _take_events(self, name: str, source: Source, post: Post) -> Response:
        key = WriteKey(f"webhook:{name}", name, is_public=False, created_at=post.received_at)
        noted = source.notice(post)
        if noted:
            await run_in_threadpool(self._note, name, post.received_at, *noted)
        received = receive(source.records(post), key, self._options, post.received_at)
        await self._intake.take(received)
        return JSONResponse({"success": True})

    def _note(self, name: str, at: datetime, action: str, subject: str, details: Mapping[str, Any]) -> None:
        with self._deps.store.transaction() as connection:
            append_audit(connection, at, f"webhook:{name}", action, subject, details)

    async def _take_feedback(self, name: str, provider: Provider, post: Post) -> Response:
        if name == "ses" and await run_in_threadpool(handshakes.confirm_subscription, post):
            return JSONResponse({"success": True})
        items = await run_in_threadpool(provider.normalize, post)
        await self._deps.feedback.take([item for item in items if isinstance(item, Feedback)])
        rejects = [item for item in items if isinstance(item, Reject)]
        key = WriteKey(f"webhook:{name}", name, is_public=False, created_at=post.received_at)
        await self._deps.journal.append_lines(receive(rejects, key, self._options, post.received_at).lines)
        if name == "twilio":
            return Response(twilio.answer(post, self._help_text), media_type="text/xml")
        return JSONResponse({"success": True})


@dataclass(slots=True)
class _Minute:
    started_at: datetime
    noted: int = 0
    unnoted: int = 0


class _Refusals:
    """Notes refused signatures in the audit log; a flood of them is counted instead."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._minutes: dict[str, _Minute] = {}

    def note(self, sender: str, reason: str, now: datetime) -> None:
        minute = self._minutes.get(sender)
        unnoted = 0
        if minute is None or now - minute.started_at >= timedelta(minutes=1):
            unnoted = minute.unnoted if minute else 0
            minute = self._minutes[sender] = _Minute(now)
        if minute.noted >= AUDITED_PER_MINUTE:
            minute.unnoted += 1
            return
        minute.noted += 1
        details = {"reason": reason, **({"not_noted_before": unnoted} if unnoted else {})}
        with self._store.transaction() as connection:
            append_audit(connection, now, f"webhook:{sender}", "signature_refused", sender, details)
