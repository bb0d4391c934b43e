"""Lint of links: where they lead, not our signed address in front of it."""

from __future__ import annotations

import re
from collections.abc import Iterator

import lxml.html  # type: ignore[import-untyped]

from connectors.links import Links
from connectors.model import Content

SECRET, PUBLIC_URL = "lint", "https://lint.example"
"""The installation that the lint plays; it can read the links that it signs."""

LINKS = Links(SECRET, PUBLIC_URL)
CLICK = re.compile(rf"{re.escape(PUBLIC_URL)}/c/[\w.-]+")
UNSIGNED = ("https://", "mailto:", "tel:")
TARGET = re.compile(r"(?!(?:http|javascript|vbscript|data|file|blob|about):)[a-z][a-z0-9+.-]*://[^\s/\\]\S*")
"""An https address, or an app's own scheme; the collector redirects nowhere else but to http, too."""


def broken_links(content: Content) -> Iterator[str]:
    """What is wrong with the links of a message: those that it shows, and those behind our signed ones."""
    shown = [content.url, content.image, *(action.url for action in content.actions)]
    links = [link for link in shown if link]
    if content.html is not None:
        links += [
            anchor.get("href") or "" for anchor in lxml.html.document_fromstring(content.html).iter("a")
        ]
    for link in links:
        if not link.startswith(UNSIGNED):
            yield f"a link leads to {link!r}; it must be an https address"
    signed = dict.fromkeys(url for text in (content.text, *links) for url in CLICK.findall(text))
    for target in dict.fromkeys(LINKS.read(url).url or "" for url in signed):
        if not TARGET.fullmatch(target):
            yield f"a link leads to {target!r}; it must be an https address, or one of an app (shop://…)"
