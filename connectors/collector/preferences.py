"""The preference centre: a yes or a no per channel and purpose, behind the signed link of a message.

A channel is offered when the link came over it or the person has ever said something about it. A no is always
taken; a yes only where the page had shown a no, so that a page left open cannot undo what was said since.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from connectors.collector.consent import Known, Word, known_about, record
from connectors.collector.dependencies import Dependencies
from connectors.collector.forms import read_form, token_of
from connectors.collector.pages import Pages, PagesSpec
from connectors.feedback.post import Form
from connectors.links import Link

SOURCE = "preference_centre"


def routes(deps: Dependencies) -> list[Route]:
    """`/p/<token>`: the page, and the POST that saves it."""
    pages = Pages()

    def page(request: Request, link: Link, *, is_saved: bool) -> Response:
        known = known_about(deps, link)
        t, channels = pages.texts(request), _channels(pages.spec, pages.language(request), link, known)
        return pages.show(request, "preferences.html", t=t, channels=channels, is_saved=is_saved)

    async def show(request: Request) -> Response:
        link = token_of(request, deps)
        return await run_in_threadpool(page, request, link, is_saved=False)

    async def save(request: Request) -> Response:
        link = token_of(request, deps)
        form = await read_form(request, deps)
        await _save(deps, pages.spec, link, form)
        return await run_in_threadpool(page, request, link, is_saved=True)

    return [
        Route("/p/{token}", pages.guarded(show), methods=["GET"]),
        Route("/p/{token}", pages.guarded(save), methods=["POST"]),
    ]


async def _save(deps: Dependencies, spec: PagesSpec, link: Link, form: Form) -> None:
    known = await run_in_threadpool(known_about, deps, link)
    if form.first("none"):
        words = [Word(channel, name, "unsubscribed") for channel in spec.channels for name in spec.purposes]
    elif form.first("save"):
        words = list(_words(spec, link, known, set(form.getlist("yes")), set(form.getlist("shown"))))
    else:
        words = []  # Neither button: nothing was meant.
    if words:
        await record(deps, link, words, SOURCE, known.address)


def _words(spec: PagesSpec, link: Link, known: Known, yes: set[str], shown: set[str]) -> Iterator[Word]:
    """What has changed; names that the page did not offer are no answer to anything."""
    for channel in _offered(spec, link, known):
        if channel == link.channel and known.is_stopped:
            continue
        for purpose in spec.purposes:
            name = f"{channel}:{purpose}"
            if name in yes and name not in shown:
                yield Word(channel, purpose, "subscribed")
            elif name not in yes:
                yield Word(channel, purpose, "unsubscribed")


def _offered(spec: PagesSpec, link: Link, known: Known) -> list[str]:
    heard_of = {channel for channel, _ in known.words} | {link.channel}
    return [channel for channel in spec.channels if channel in heard_of]


def _channels(spec: PagesSpec, language: str, link: Link, known: Known) -> list[Mapping[str, Any]]:
    """What the template shows."""
    return [
        {
            "label": spec.channels[channel].label[language],
            "is_stopped": channel == link.channel and known.is_stopped,
            "choices": [
                {
                    "name": f"{channel}:{name}",
                    "label": purpose.label[language],
                    "hint": purpose.hint[language],
                    "is_on": _is_on(known, channel, name, needs_yes=purpose.needs_yes),
                }
                for name, purpose in spec.purposes.items()
            ],
        }
        for channel in _offered(spec, link, known)
    ]


def _is_on(known: Known, channel: str, purpose: str, *, needs_yes: bool) -> bool:
    word = known.words.get((channel, purpose))
    return word == "subscribed" if needs_yes else word != "unsubscribed"
