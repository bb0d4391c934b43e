"""Double opt-in: an address asks, a mail with a link goes there, and only its owner can say yes.

The request is an event (`Subscription Requested`); a transactional flow answers it with a mail whose
`links.confirm` leads back here. The confirmation names that message as its proof.
"""

from __future__ import annotations

import re
from datetime import timedelta

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from connectors.collector.consent import Known, Word, known_about, record
from connectors.collector.dependencies import Dependencies
from connectors.collector.forms import Visitors, landing_record, read_form, token_of
from connectors.collector.pages import Pages
from connectors.feedback.model import event_id
from connectors.feedback.post import Form

LINK_HOLDS = timedelta(days=30)
LONGEST_ADDRESS = 254  # RFC 5321, 4.5.3.1.3, without the brackets
ADDRESS = re.compile(r"[^@\s<>\"(),:;\\\x00-\x1f\x7f]{1,64}@(?:[\w-]{1,63}\.)+[^\W\d_][\w-]{0,62}")


def routes(deps: Dependencies) -> list[Route]:
    """`/subscribe`: the form, for a page or a site's own form; `/s/<token>`: the confirmation."""
    pages = Pages()
    opt_in = _OptIn(deps, pages)
    return [
        Route("/subscribe", pages.guarded(opt_in.show_form), methods=["GET"]),
        Route("/subscribe", pages.guarded(opt_in.request), methods=["POST"]),
        Route("/s/{token}", pages.guarded(opt_in.ask), methods=["GET"]),
        Route("/s/{token}", pages.guarded(opt_in.confirm), methods=["POST"]),
    ]


def read_address(form: Form) -> str | None:
    """The e-mail address in a form; none when it is not one."""
    given = (form.first("email") or "").strip()
    return given if len(given) <= LONGEST_ADDRESS and ADDRESS.fullmatch(given) else None


class _OptIn:
    def __init__(self, deps: Dependencies, pages: Pages) -> None:
        self._deps = deps
        self._pages = pages
        self._visitors = Visitors()

    async def show_form(self, request: Request) -> Response:
        return self._form(request)

    async def request(self, request: Request) -> Response:
        """Whatever is known of the address, the answer is the same."""
        form = await read_form(request, self._deps)
        address = read_address(form)
        wants_json = "application/json" in request.headers.get("accept", "")
        if address is None:
            refused = JSONResponse({"success": False, "error": "email: not an address"}, 400)
            return refused if wants_json else self._form(request, 400, form.first("email") or "")
        self._visitors.take(request)
        now = self._deps.clock()
        properties = {
            "email": address,
            "channel": "email",
            "purpose": "marketing",
            "source": (form.first("source") or "subscribe_page")[:64],
            "locale": self._pages.language(request),
        }
        # One mail per address and hour, however often somebody asks.
        hour = now.replace(minute=0, second=0, microsecond=0)
        identifier = event_id("subscribe", address.lower(), hour)
        asked = landing_record(self._deps, "Subscription Requested", identifier, properties, now)
        await self._deps.journal.append([asked], is_urgent=True)
        if wants_json:
            return JSONResponse({"success": True}, 202)
        return self._pages.notice(request, "requested", 202)

    async def ask(self, request: Request) -> Response:
        link = token_of(request, self._deps)
        known = await run_in_threadpool(known_about, self._deps, link)
        if not self._holds(known):
            return self._pages.notice(request, "confirm_expired", 410)
        t = self._pages.texts(request)
        return self._pages.show(
            request,
            "question.html",
            title=t["confirm_title"],
            text=t["confirm_question"],
            button=t["confirm_button"],
            link=None,
        )

    async def confirm(self, request: Request) -> Response:
        link = token_of(request, self._deps)
        await read_form(request, self._deps)
        known = await run_in_threadpool(known_about, self._deps, link)
        if not self._holds(known):
            return self._pages.notice(request, "confirm_expired", 410)
        words = [Word(link.channel, "marketing", "subscribed")]
        await record(self._deps, link, words, "double_opt_in", known.address)
        return self._pages.notice(request, "confirmed")

    def _form(self, request: Request, status: int = 200, email: str = "") -> Response:
        t = self._pages.texts(request)
        is_invalid = status != 200  # noqa: PLR2004  (OK)
        return self._pages.show(request, "subscribe.html", status, t=t, is_invalid=is_invalid, email=email)

    def _holds(self, known: Known) -> bool:
        """A yes needs the message as its proof, sent not long ago."""
        now = self._deps.clock()
        return known.attempted_at is not None and now - known.attempted_at <= LINK_HOLDS
