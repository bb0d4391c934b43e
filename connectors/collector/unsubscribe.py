"""Unsubscribing: a page with one button, and the one-click POST of mailbox providers (RFC 8058).

Security scanners open every link, so a GET shows and changes nothing. The signed link is all that is asked
for: no cookie, no login, no redirect.
"""

from __future__ import annotations

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from connectors.collector.consent import Word, known_about, record
from connectors.collector.dependencies import Dependencies
from connectors.collector.forms import read_form, token_of
from connectors.collector.pages import NOT_KEPT, Pages
from connectors.links import Link

ONE_CLICK = ("List-Unsubscribe", "One-Click")


def routes(deps: Dependencies) -> list[Route]:
    """`/u/<token>`: the page, and the POST that does it."""
    pages = Pages()

    async def show(request: Request) -> Response:
        link = token_of(request, deps)
        t = pages.texts(request, link)
        return pages.show(
            request,
            "question.html",
            title=t["unsubscribe_title"],
            text=t["unsubscribe_question"],
            button=t["unsubscribe_button"],
            link={"url": preferences_url(deps, link), "text": t["to_preferences"]},
        )

    async def unsubscribe(request: Request) -> Response:
        link = token_of(request, deps)
        name, value = ONE_CLICK
        is_one_click = (await read_form(request, deps)).first(name) == value
        await _withdraw(deps, link, "one_click" if is_one_click else "unsubscribe_page")
        if is_one_click:
            return PlainTextResponse("Unsubscribed.", headers=NOT_KEPT)
        onward = (preferences_url(deps, link), "back_to_preferences")
        return pages.notice(request, "unsubscribed", about=link, onward=onward)

    return [
        Route("/u/{token}", pages.guarded(show), methods=["GET"]),
        Route("/u/{token}", pages.guarded(unsubscribe), methods=["POST"]),
    ]


def preferences_url(deps: Dependencies, link: Link) -> str:
    """The preference centre of the same person."""
    return deps.links.url(Link("preferences", link.message_id, link.profile_id, link.channel))


async def _withdraw(deps: Dependencies, link: Link, source: str) -> None:
    """A no to marketing on the channel of the message: what the link promises."""
    known = await run_in_threadpool(known_about, deps, link)
    await record(deps, link, [Word(link.channel, "marketing", "unsubscribed")], source, known.address)
